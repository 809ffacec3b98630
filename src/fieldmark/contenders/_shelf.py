"""The shelf: a folder with the weights that are on this machine, each with what is known about it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from fieldmark.contenders._catalogue import CATALOGUE
from fieldmark.errors import InputError, ModelError

GGUF_MAGIC = b"GGUF"
_RECORD = "model.json"
_BLOCK = 1 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Model:
    """Weights that are on this machine."""

    name: str
    path: Path
    sha256: str
    size: int
    source: str
    licence: str | None = None
    template: str | None = None
    """Name of a chat template of the catalogue; None means the one inside the file."""


class Shelf:
    """Finds and lists weights. `folder` None means FIELDMARK_MODELS, or else the user's data folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def models(self) -> list[Model]:
        """Everything that is here, by name."""
        found = [self._read(record.parent.name) for record in sorted(self.folder.glob(f"[!.]*/{_RECORD}"))]
        return [model for model in found if model is not None]

    def has(self, model: str) -> bool:
        """Whether a name is on the shelf, or a path to a `.gguf` file exists."""
        if is_path(model):
            return Path(model).expanduser().is_file()
        return self._read(model) is not None

    def find(self, model: str) -> Model:
        """The model of that name, or the file at that path (its digest is then computed: seconds per GB).

        Raises:
            ModelError: it is not here; the hint says how to get it.
        """
        if is_path(model):
            return describe(Path(model).expanduser(), Path(model).stem)
        found = self._read(model)
        if found is not None:
            return found
        if model in CATALOGUE:
            accept = " --accept-licence" if CATALOGUE[model].ask_licence else ""
            raise ModelError(
                f"model '{model}' is not here yet", hint=f"fieldmark models pull {model}{accept}"
            )
        known = ", ".join(sorted({*CATALOGUE, *(m.name for m in self.models())}))
        raise ModelError(
            f"no model is called '{model}'", hint=f"known: {known}; or give the path of a .gguf file"
        )

    def add(self, path: Path, name: str, *, template: str | None = None) -> Model:
        """Put a file that stays where it is on the shelf, by its path and digest.

        Raises:
            ModelError: it is no GGUF file, or the name is taken.
        """
        check_name(name)
        if name in CATALOGUE or self._read(name) is not None:
            raise ModelError(f"a model is called '{name}' already", hint="choose another name with --name")
        found = describe(path.expanduser().resolve(), name)
        model = Model(name, found.path, found.sha256, found.size, f"path:{found.path}", template=template)
        write_record(self.folder / name, model)
        return model

    def remove(self, name: str) -> None:
        """Take a model off the shelf. A file that was added by its path stays.

        Raises:
            ModelError: it is not here.
        """
        self.find(check_name(name))
        shutil.rmtree(self.folder / name)

    def _read(self, name: str) -> Model | None:
        if not _NAME.fullmatch(name):
            return None
        folder = self.folder / name
        try:
            record = json.loads((folder / _RECORD).read_text("utf-8"))
            path = folder / record.pop("file")
            return Model(name=name, path=path, **record)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            raise ModelError(f"{folder / _RECORD} cannot be read", hint=pull_again(name)) from None


def default_folder() -> Path:
    """FIELDMARK_MODELS, or else `models` in the user's data folder for Fieldmark."""
    if given := os.environ.get("FIELDMARK_MODELS"):
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("fieldmark", appauthor=False) / "models"


def is_path(model: str) -> bool:
    """Whether a contender's `model` names a file rather than a place on the shelf."""
    return model.endswith(".gguf") or os.sep in model


def check_name(name: str) -> str:
    """The name of a model, if it can be one.

    Raises:
        InputError: it has other characters than lower-case letters, digits, '.', '_' and '-'.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be the name of a model",
            hint="lower-case letters, digits, '.', '_' and '-', beginning with a letter or digit",
        )
    return name


def write_record(folder: Path, model: Model) -> None:
    """Write down what is known about a model, whole or not at all."""
    record = asdict(model)
    del record["name"]
    path = record.pop("path")
    record["file"] = path.name if path.parent == folder else str(path)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{_RECORD}"
    part.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    part.replace(folder / _RECORD)


def describe(path: Path, name: str) -> Model:
    """What can be said of a file by itself.

    Raises:
        ModelError: there is none, or it is no GGUF file.
    """
    check_magic(path, name)
    return Model(name, path, digest_of(path), path.stat().st_size, f"path:{path}")


def verify(model: Model) -> None:
    """Read the whole file and compare it with what is known of it (about .1 s per 100 MB).

    Raises:
        ModelError: missing, truncated, not GGUF, or another digest; names the expected and the found one.
    """
    check_magic(model.path, model.name)
    size = model.path.stat().st_size
    if size != model.size:
        raise ModelError(
            f"the file of model '{model.name}' has {size:,} bytes and should have {model.size:,}",
            hint=pull_again(model.name),
        )
    found = digest_of(model.path)
    if found != model.sha256:
        raise ModelError(
            f"the file of model '{model.name}' is not what it was: its SHA-256 should be {model.sha256} "
            f"and is {found}",
            hint=pull_again(model.name),
        )


def check_magic(path: Path, name: str) -> None:
    """Raise ModelError unless a GGUF file is there."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise ModelError(
            f"the file of model '{name}' cannot be read: {path}: {error.strerror}", hint=pull_again(name)
        ) from None
    if magic != GGUF_MAGIC:
        raise ModelError(
            f"the file of model '{name}' is no GGUF file: {path}",
            hint=pull_again(name),
        )


def digest_of(path: Path, seen: Callable[[int], None] | None = None) -> str:
    """SHA-256 (hex) of a file; `seen` is told the number of bytes of each block."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            if seen:
                seen(len(block))
    return digest.hexdigest()


def pull_again(name: str) -> str:
    """How to mend a model."""
    if name in CATALOGUE:
        accept = " --accept-licence" if CATALOGUE[name].ask_licence else ""
        return f"fieldmark models pull {name} --again{accept}"
    return f"fetch or copy the file of '{name}' again"
