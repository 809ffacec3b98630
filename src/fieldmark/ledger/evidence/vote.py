"""`vote`, `remark`, `reveal`, `retraction`: what a person judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from fieldmark.ledger.evidence._base import Choice, Evidence, Mode, Side, Source

NotCounted = Literal["chosen", "leak", "side_failed", "unseen", "revised", "not_live"]
"""Why a vote does not count: contenders were chosen; a side named itself; a side failed; a side had shown nothing yet;
the round had a vote before that was undone, so that its contenders could be told from the board; it is no live vote."""


class VoteCast(Evidence):
    """A person's judgement of a battle. Actor: the voter. Refs: `battle` (absent for an imported vote).

    What the battle's record says of pair, sides and category is repeated here, so that a vote can be counted alone.
    """

    type: ClassVar[str] = "vote"

    choice: Choice
    """`a`, `b`, `tie` or `both_bad`."""
    a: str
    """Digest of the contender on side a."""
    b: str
    """Digest of the contender on side b."""
    mode: Mode
    """Mode of the battle."""
    source: Source = "live"
    """Stratum."""
    propensity: float
    """Sampling probability of the pair."""
    category: str | None = None
    """Category id."""
    language: str | None = None
    """BCP 47 tag when known."""
    credentials: tuple[str, ...] = ()
    """Credentials the voter held for the field at that time."""
    turns: int = 1
    """Prompts that both sides were given before the vote."""
    decision_ms: int | None
    """Milliseconds from the first text shown to the vote. None when the server was restarted between the two."""
    partial: bool = False
    """A side was stopped while it was writing."""
    leak: bool = False
    """A side named itself."""
    counts: bool
    """Whether the board of its stratum counts it."""
    not_counted: NotCounted | None = None
    """Why not."""


class Remark(Evidence):
    """Why: said after the vote and before the names, so that the vote is durable at once and names sway nothing.

    Refs: `battle`, `vote`. Text: `comment`, if any.
    """

    type: ClassVar[str] = "remark"

    tags: Mapping[Side, tuple[str, ...]] = {}
    """Reason tags per side."""
    rubric: Mapping[str, Mapping[Side, int]] = {}
    """Answers to the field's rubric questions, per side."""


class Reveal(Evidence):
    """The names were shown to the voter: from here on nothing they say is blind. Refs: `battle`, `vote`."""

    type: ClassVar[str] = "reveal"


class Retraction(Evidence):
    """A vote is taken back. Refs: `battle`, `vote`."""

    type: ClassVar[str] = "retraction"

    reason: Literal["undo", "voter"]
    """`undo`: within seconds and before the names, the round is open again. `voter`: later, the round stays closed."""
