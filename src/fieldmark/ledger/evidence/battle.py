"""`battle`, `turn`, `answer`, `abandonment`: what was asked and what came back."""

from __future__ import annotations

from typing import ClassVar, Literal

from fieldmark.errors import FailureKind
from fieldmark.ledger.evidence._base import Evidence, Mode, Part, Side, Source


class BattleStarted(Evidence):
    """Written before either contender is asked. Text: `prompt`. Actor: the voter.

    A shadow battle (`source` is `shadow`, ref `case`) is written once both have answered, by `system`: `a` served
    the case, `b` did not. Its screen sides are drawn anew for each voter and stand in the vote. Texts, all shared with
    the case: `prompt`, `a`, `b`.
    """

    type: ClassVar[str] = "battle"

    mode: Mode
    """`blind` counts for the board, `chosen` (named contenders) never does."""
    source: Source = "live"
    """The stratum this battle belongs to."""
    a: str
    """Digest of the contender on side a (left, or first on a phone)."""
    b: str
    """Digest of the contender on side b."""
    propensity: float
    """Probability with which the pairing chose this unordered pair; 1 in mode `chosen`. In a shadow battle: with which
    `b` was drawn, given `a`."""
    category: str | None = None
    """Category id of the field."""
    language: str | None = None
    """BCP 47 tag when known."""
    prompt_source: Literal["own", "field", "case"] = "own"
    """Whether the person wrote the prompt, took one of the field's, or it is a real case's."""


class TurnStarted(Evidence):
    """A follow-up prompt. It exists before any answer does, so that a restart cannot lose a person's words.

    Refs: `battle`. Text: `prompt`.
    """

    type: ClassVar[str] = "turn"

    turn: int
    """2 for the first follow-up; the battle itself is turn 1."""


class Failure(Part):
    """How a contender failed."""

    kind: FailureKind
    """See `fieldmark.errors.FailureKind`."""
    detail: str = ""
    """The upstream's words, shortened and without secrets. Never shown before the vote."""


class AnswerEnded(Evidence):
    """One side's answer to one turn ended, well or not. Refs: `battle`. Text: `answer` (absent when nothing came)."""

    type: ClassVar[str] = "answer"

    side: Side
    """Screen side."""
    turn: int
    """1 for the first prompt."""
    attempt: int = 1
    """Raised by each retry after a failure."""
    contender: str
    """Identity digest."""
    ms_to_first: int | None
    """Milliseconds from asking to the first text as received, before the release pace; None when no text came."""
    ms: int
    """Milliseconds from asking to the end."""
    prompt_tokens: int | None = None
    """As the contender counts them."""
    answer_tokens: int | None = None
    """As the contender counts them."""
    characters: int
    """Unicode code points received."""
    finish: Literal["stop", "length", "stopped", "failed"]
    """`stopped`: the voter voted or left while it was writing."""
    failure: Failure | None = None
    """Set when `finish` is `failed`."""
    leak: bool = False
    """The answer says who wrote it."""
    hung: bool = False
    """The other side's text was released without waiting for this one."""
    cost: float | None = None
    """Currency units, when the contender has a price."""


class Abandonment(Evidence):
    """A round ended without a vote. Refs: `battle`."""

    type: ClassVar[str] = "abandonment"

    reason: Literal["voter", "replaced", "expired"]
    """Skipped by the voter; the voter began another round; nobody came back."""
