"""The interface behind which nothing knows what kind a contender is."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import rfc8785

from fieldmark.contenders._spec import ContenderSpec, Message

if TYPE_CHECKING:
    from fieldmark.contenders._reach import Reach
    from fieldmark.contenders._shelf import Shelf


@dataclass(frozen=True)
class Delta:
    """A piece of text, as it came."""

    text: str


@dataclass(frozen=True)
class Finish:
    """The end of an answer, always the last thing a stream yields."""

    reason: Literal["stop", "length"]
    prompt_tokens: int | None = None
    answer_tokens: int | None = None


@dataclass(frozen=True)
class Identity:
    """What makes a contender this one and no other. `parts` is JSON; the name is a label, not a part."""

    parts: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the parts' canonical JSON (RFC 8785)."""
        return hashlib.sha256(rfc8785.dumps(dict(self.parts))).hexdigest()


@dataclass(frozen=True)
class Readiness:
    """Whether a contender can be asked now."""

    state: Literal["ready", "starting", "missing", "failed", "unknown"]
    detail: str = ""


class Contender(ABC):
    """Something that answers conversations, many at once. One object per contender per server."""

    adapter: ClassVar[int] = 1
    """Contract version, raised only when the same settings would behave differently."""

    @property
    def converses(self) -> bool:
        """Whether it answers conversations. What does not is never drawn for battles and real cases."""
        return True

    def __init__(self, spec: ContenderSpec, *, shelf: Shelf | None = None) -> None:
        """`shelf` is where weights are looked up; None means the user's own."""
        self.spec = spec
        self.shelf = shelf

    @property
    @abstractmethod
    def identity(self) -> Identity:
        """What it is. Raises ModelError when weights are not on the shelf."""

    @property
    def readiness(self) -> Readiness:
        """Whether it can be asked now, without asking it."""
        return Readiness("unknown")

    def _identity(self, **parts: Any) -> Identity:
        """The parts that every kind has, and its own. What is not set is left out, so that a new setting with
        no effect changes no identity.
        """
        common = {
            "kind": self.spec.kind,
            "adapter": self.adapter,
            "system": self.spec.system or None,
            "sampler": self.spec.sampler.model_dump(mode="json", exclude_defaults=True) or None,
        }
        return Identity({name: part for name, part in (common | parts).items() if part is not None})

    def confine(self, reach: Reach | None) -> None:  # noqa: B027
        """Connect to nothing but what `reach` allows; None lifts it. For kinds that ask other machines."""

    async def start(self) -> None:  # noqa: B027
        """Get ready ahead of the first question (load weights). Raises ContenderFailure or ModelError."""

    async def close(self) -> None:  # noqa: B027
        """Let go of everything held."""

    async def forget(self) -> None:  # noqa: B027
        """Let go of what is kept of earlier conversations, to answer the next ones faster."""

    @abstractmethod
    def stream(
        self, conversation: Sequence[Message], *, max_tokens: int | None = None
    ) -> AsyncGenerator[Delta | Finish, None]:
        """Answer a conversation piece by piece; the last thing yielded is a `Finish`.

        Closing the iterator stops the generation. Raises ContenderFailure with the kind that `errors` lists.
        """

    @abstractmethod
    async def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one OpenAI chat-completions request whole, with `model` set to this contender's name.

        The contender's own system prompt and sampler are put in. Raises ContenderFailure, and InputError for
        a field that is not passed on.
        """

    @abstractmethod
    def complete_stream(self, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The same as OpenAI chunks (`chat.completion.chunk`), the last one with a finish reason.

        A chunk with the token counts follows when the request asks for it by `stream_options`.
        """
