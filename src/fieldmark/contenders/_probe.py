"""Whether a contender answers, found out by asking it something small."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass

from fieldmark.contenders._base import Contender, Delta
from fieldmark.errors import ContenderError, ContenderFailure, FailureKind

QUESTION = "Say hello in one short sentence."
_ENOUGH_CHARACTERS = 60
_TOKENS = 256  # one that thinks first needs them


@dataclass(frozen=True)
class Probe:
    """What came of it."""

    ok: bool
    ms_to_first: int | None = None
    """Milliseconds to the first text, loading included; None when none came."""
    text: str = ""
    """The beginning of the answer."""
    failure: FailureKind | None = None
    message: str = ""
    """What went wrong."""
    hint: str = ""
    """What would be right."""


async def probe(contender: Contender) -> Probe:
    """Ask a contender for a sentence and listen to its beginning. Never raises a ContenderError."""
    begun = time.monotonic()
    first: int | None = None
    text = ""
    try:
        async with aclosing(
            contender.stream([{"role": "user", "content": QUESTION}], max_tokens=_TOKENS)
        ) as answer:
            async for part in answer:
                if not isinstance(part, Delta):
                    break
                first = int(1000 * (time.monotonic() - begun)) if first is None else first
                text += part.text
                if len(text) >= _ENOUGH_CHARACTERS:
                    break
    except ContenderFailure as failure:
        return Probe(False, first, text, failure.kind, failure.message, failure.hint)
    except ContenderError as error:
        return Probe(False, first, text, None, error.message, error.hint)
    return Probe(True, first, text.strip())
