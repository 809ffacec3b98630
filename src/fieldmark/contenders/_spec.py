"""What a person writes down about a contender (one table of TOML), and the messages it is sent."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Message = dict[str, Any]
"""One message of a conversation in OpenAI's form: `{"role": "user", "content": "..."}`."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            "a name has up to 64 lower-case letters, digits, '.', '_', '-' and begins with a letter or digit"
        )
    if value == "field":
        raise ValueError("the name 'field' is kept for the policy's own choice")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Sampler(_Table):
    """How the next token is drawn. What is set here wins over what a request asks for."""

    temperature: Annotated[float, Field(ge=0, le=5)] | None = None
    """0 always takes the likeliest token."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Nucleus: smallest set of tokens with this probability."""
    top_k: Annotated[int, Field(ge=0)] | None = None
    """Only the k likeliest tokens; weights only."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Only tokens at least this likely relative to the likeliest; weights only."""
    repeat_penalty: Annotated[float, Field(gt=0, le=3)] | None = None
    """Above 1 discourages repetition; weights only."""
    max_tokens: Annotated[int, Field(gt=0, le=1_000_000)] | None = None
    """Longest answer in tokens; a request may ask for a shorter one."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Fixes the draw where the server supports it."""
    stop: tuple[str, ...] = ()
    """Texts at which the answer ends."""


class Price(_Table):
    """Currency units per million tokens."""

    input: Annotated[float, Field(ge=0)]
    """For tokens sent."""
    output: Annotated[float, Field(ge=0)]
    """For tokens received."""


class ContenderSpec(_Table):
    """One contender of a field. `kind` says which of the later keys are its own."""

    name: Annotated[str, AfterValidator(_name)]
    """Label on page, board and `/v1`."""
    kind: str
    """`endpoint`: an OpenAI-compatible address. `weights`: a GGUF file, run by llama.cpp. `agent`: has its own loop."""
    system: str | None = None
    """System prompt, put before the conversation."""
    sampler: Sampler = Sampler()
    """How the next token is drawn."""
    price: Price | None = None
    """With it, costs are shown."""
    spend_cap: Annotated[float, Field(ge=0)] | None = None
    """Most currency units this contender may cost in this field; needs `price`."""
    requests_per_minute: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """endpoint: most requests a minute that a run of a scorecard sends it from one process; it waits its turn, and the
    waiting does not count as the contender's time."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Seconds without a token after which an answer counts as failed."""

    url: str | None = None
    """endpoint: base URL, such as `http://127.0.0.1:11434/v1`. agent: that of the model which its command may ask."""
    model: str | None = None
    """endpoint: the model's name there. weights: a name on the model shelf, or a path to a `.gguf` file. agent: either,
    as the model that its command may ask."""
    key_env: str | None = None
    """endpoint: name of the environment variable that holds the key. The key itself is never written down."""
    context: Annotated[int, Field(ge=256)] | None = None
    """weights: tokens of context per conversation."""
    chat_template: str | None = None
    """weights: a Jinja chat template in place of the model's own."""
    vision: bool = False
    """endpoint: it takes pictures. In tasks with a browser it then sees the screen too, not only the page's text."""
    command: tuple[str, ...] = ()
    """agent: program and arguments, run in the sandbox; `{instruction}` in one stands for what it is told. What it
    writes to standard output is its answer."""
    files: str | None = None
    """agent: folder with the command's own files, at `/agent` inside; its content is part of the identity."""
    card: str | None = None
    """agent: URL of an A2A agent, or of its card, in place of a command."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """endpoint: the name under which the server expects the length limit."""
