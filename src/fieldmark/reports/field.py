"""What became of real cases, and whether people's votes agree with it: shapes that join the board and the card."""

from __future__ import annotations

from typing import Literal

from fieldmark.arena.views import Interval
from fieldmark.gateway.drift_views import Alarm
from fieldmark.gateway.views import OutcomeRow
from fieldmark.reports._shape import Shape

Agreeing = Literal["same", "opposed", "undecided"]


class DriftNote(Shape):
    """Whether a contender still answers a fixed set of questions as it did."""

    state: Literal["never", "no_alarm", "alarm"]
    """`never`: it was not asked. `no_alarm`: asked, and nothing was found; few runs cannot find much. `alarm`: its
    answers changed under an unchanged name, and nobody has acknowledged it."""
    runs: int
    """Usable runs of the set last asked, since the last acknowledgement."""
    last_run: str | None
    """When it was last asked, RFC 3339."""
    alarm: Alarm | None


class FieldRow(OutcomeRow):
    """What became of one contender's real cases, and whether it drifts."""

    alarm: Alarm | None = None
    """Its answers changed under an unchanged name, and nobody has acknowledged it."""


class Agreement(Shape):
    """Votes and outcomes of two contenders, side by side."""

    a: str
    """Digest."""
    b: str
    a_name: str
    b_name: str
    votes: int
    """Counted blind votes between the two: live ones and those on shadowed cases."""
    live: int
    """Of these, in the arena."""
    shadow: int
    """Of these, on shadowed real cases."""
    wins_a: int
    wins_b: int
    ties: int
    both_bad: int
    preference: Interval | None
    """Share of the decided votes that prefer a, exact (Clopper-Pearson); None without one."""
    reported_a: int
    """Cases of a with an outcome."""
    reported_b: int
    solved_a: Interval | None
    """Solved or accepted, of those reported, exact."""
    solved_b: Interval | None
    difference: Interval | None
    """Solved rate of a less that of b, with Newcombe's hybrid score interval."""
    preferred: Literal["a", "b"] | None
    """Whom people prefer, where the interval excludes one half."""
    solves_more: Literal["a", "b"] | None
    """Who solves more, where the interval excludes 0."""
    kind: Agreeing
    """`same`: votes and outcomes point the same way. `opposed`: each points clearly, and apart. `undecided`: at least
    one of the two cannot be told yet."""
    sentence: str
    """All of it in words, with the numbers."""


class CaseAgreement(Shape):
    """Shadowed cases that have both a vote and an outcome: was the served answer preferred where it did its work?

    Each case counts once, by the majority of its decided votes.
    """

    cases: int
    """Cases with at least one counted vote and an outcome."""
    undecided: int
    """Of these, without a majority (ties, both bad, or split): in none of the shares."""
    good: int
    """Decided cases that were solved or accepted."""
    good_preferred: Interval | None
    """Share of them in which people prefer the served answer, exact."""
    bad: int
    """Decided cases whose answer was edited, rejected or did harm."""
    bad_preferred: Interval | None
    difference: Interval | None
    """`good_preferred` less `bad_preferred`, Newcombe's interval. Above 0: people prefer what then works."""
    sentence: str


class FieldColumns(Shape):
    """What joins the leaderboard from real work. Cases went to contenders by the field's policy."""

    head: str
    """SIZE:HASH of the ledger."""
    category: str | None
    confidence: float
    cases: int
    """Recorded cases."""
    reported: int
    """Those with an outcome."""
    rows: dict[str, FieldRow]
    """By digest: contenders with a recorded case, a monitor's finding or a drift alarm."""
    agreement: list[Agreement]
    """Pairs with both blind votes and outcomes, most votes first."""
    shadowed: CaseAgreement | None
    """None while no shadowed case has both a vote and an outcome."""
    assignment: str
    """A sentence on how cases came to contenders: what the rates may not be read as."""
