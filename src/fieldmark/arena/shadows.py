"""What judging of shadowed real cases shows, as the API sends it.

Before the vote nothing says who answered, nor which of the two answers the application received: `ShadowView.reveal` is
the only place for that.
"""

from __future__ import annotations

from typing import Any, Literal

from fieldmark.arena.views import View, VoteView


class Waiting(View):
    """What there is to judge."""

    waiting: int
    """Shadowed cases that this voter may judge and has not."""


class CaseLine(View):
    """One message of a real case, as it was kept: redacted, and without what is no text."""

    role: str
    """`system`, `user`, `assistant` or `tool`, in OpenAI's sense."""
    content: str
    """What it said; for calls of tools and parts that are no text, a line that says so."""


class ShadowAnswer(View):
    """One of the two answers."""

    text: str
    leak: bool
    """The text says who wrote it."""


class ShadowAnswers(View):
    """Both, on this voter's screen sides."""

    a: ShadowAnswer
    b: ShadowAnswer


class ShadowSide(View):
    """Who answered on one side."""

    name: str
    digest: str
    kind: str
    sampler: dict[str, Any]
    served: bool
    """The application received this answer."""


class ShadowReveal(View):
    """What the voter learns after the vote, and what all votes on shadowed cases say of the two."""

    a: ShadowSide
    b: ShadowSide
    votes_between: int
    """Counted votes on shadowed cases of these two."""
    wins_a: int
    """Of these, preferred the contender that is on side a here."""
    wins_b: int
    ties: int
    both_bad: int


class ShadowView(View):
    """A real case that two contenders answered, as one voter may see it now."""

    id: str
    """Of the battle."""
    real_case: Literal[True] = True
    """Someone's work, not a prompt made up for the arena."""
    category: str | None
    language: str | None
    state: Literal["open", "voted", "retracted"]
    """`retracted`: this voter took the vote back, and may not vote on it again."""
    erased: bool
    """Its texts were deleted since; then `messages` is empty."""
    messages: list[CaseLine]
    """What was asked: the whole conversation so far."""
    answers: ShadowAnswers
    vote: VoteView | None = None
    reveal: ShadowReveal | None = None
    """Only for the one who voted."""
