"""What the arena shows: the typed shapes of a round and of a leaderboard, as the API sends them.

A view never names the contenders of an open blind battle; `RoundView.names` and `RoundView.reveal` are the only places
where a name can stand.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.errors import FailureKind
from fieldmark.ledger.evidence import Choice, Mode, NotCounted, Side

RoundState = Literal["open", "voted", "revealed", "retracted", "abandoned"]


class View(BaseModel):
    """A shape of the API."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class AnswerView(View):
    """One side of one turn, as far as it was released to the voter."""

    state: Literal["waiting", "writing", "finished", "failed"]
    """`waiting`: nothing released yet."""
    text: str = ""
    """Markdown, released at the common pace."""
    failure: FailureKind | None = None
    """How it failed."""
    leak: bool = False
    """The text says who wrote it."""
    hanging: bool = False
    """It stood still too long: the other side no longer waits for it."""
    stopped: bool = False
    """The vote (or leaving) ended it while it was writing: the text is what had come by then."""
    attempt: int = 1
    """Raised by each retry."""


class TurnView(View):
    """One prompt and both answers."""

    turn: int
    """1 for the first."""
    prompt: str
    a: AnswerView
    b: AnswerView


class VoteView(View):
    """The voter's own vote."""

    choice: Choice
    partial: bool
    """Cast while a side was writing."""
    counts: bool
    """Whether the board counts it."""
    not_counted: NotCounted | None = None
    """Why not."""
    remarked: bool = False
    """Reasons were given."""


class SideNames(View):
    """Labels of both sides."""

    a: str
    b: str


class RevealedSide(View):
    """Who answered on one side, and how."""

    name: str
    digest: str
    kind: str
    system: str | None
    sampler: dict[str, Any]
    ms_to_first: int | None
    """Of the first turn, as received."""
    ms: int
    """Over all turns."""
    answer_tokens: int | None
    cost: float | None
    rating: float | None
    """On the board now."""
    lower: float | None
    upper: float | None


class RevealView(View):
    """What the voter learns after the vote."""

    a: RevealedSide
    b: RevealedSide
    votes_between: int
    """Counted votes between these two now."""
    wins_a: int
    """Of these, preferred the contender that was on side a."""
    wins_b: int
    ties: int
    both_bad: int


class RoundView(View):
    """A battle as its voter may see it now. A reloaded page shows this, then follows the events after `last_event`."""

    id: str
    mode: Mode
    category: str | None
    state: RoundState
    turns: list[TurnView]
    writing: bool
    """A side is still writing (released or not)."""
    last_event: int
    """Number of the last event this view contains."""
    turns_left: int
    """Follow-up prompts the policy still allows."""
    names: SideNames | None = None
    """Only in mode `chosen`."""
    vote: VoteView | None = None
    undo_ms: int = 0
    """Milliseconds left in which the vote can be undone; 0 afterwards."""
    reveal: RevealView | None = None
    """Only for the one who voted, once the names were asked for."""


class Started(View):
    """A side began a turn (or a retry of it)."""

    type: Literal["started"] = "started"
    turn: int
    side: Side
    attempt: int


class Delta(View):
    """Text to append."""

    type: Literal["delta"] = "delta"
    turn: int
    side: Side
    text: str


class Finished(View):
    """A side's text is complete."""

    type: Literal["finished"] = "finished"
    turn: int
    side: Side


class Failed(View):
    """A side gives no (more) text."""

    type: Literal["failed"] = "failed"
    turn: int
    side: Side
    failure: FailureKind


class Hanging(View):
    """A side stands still; the other goes on without it."""

    type: Literal["hanging"] = "hanging"
    turn: int
    side: Side


class Leaked(View):
    """A side's text says who wrote it."""

    type: Literal["leaked"] = "leaked"
    turn: int
    side: Side


class Ready(View):
    """Both sides of the turn are at their end."""

    type: Literal["ready"] = "ready"
    turn: int


class Closed(View):
    """The round left the state `open` (in this page or another one of the same voter): load it again."""

    type: Literal["closed"] = "closed"


RoundEvent = Started | Delta | Finished | Failed | Hanging | Leaked | Ready | Closed


class Interval(View):
    """A number between two bounds."""

    value: float
    lower: float
    upper: float


class BoardRow(View):
    """One contender on the board."""

    digest: str
    name: str
    kind: str
    status: Literal["active", "replaced", "withdrawn", "imported"]
    """`replaced`: its settings changed, so the name now means another digest."""
    rank_best: int | None
    """Ranks it may hold, from simultaneous intervals of differences. None where no rating exists."""
    rank_worst: int | None
    rating: float | None
    """Elo scale, mean of its component 1000. None: no rating exists yet."""
    se: float | None
    lower: float | None
    upper: float | None
    battles: int
    """Counted votes it took part in, `both_bad` included."""
    wins: int
    losses: int
    ties: int
    both_bad: int
    win_share: Interval | None
    """Wins among its decisive votes, exact (Clopper-Pearson). None without one."""
    early: bool
    """Fewer counted votes than the field's minimum exposure."""
    component: int
    """Only contenders of one component can be compared."""


class Verdict(View):
    """What the votes say of two contenders, `a` being the one the sentence is about."""

    a: str
    """Digest."""
    b: str
    a_name: str
    b_name: str
    kind: Literal["better", "worse", "undecided", "no_rating", "no_votes"]
    """`undecided`: they cannot be told apart. `no_rating`: votes, but no rating exists. `no_votes`: not compared."""
    votes: int
    """Counted votes between the two."""
    wins_a: int
    wins_b: int
    ties: int
    both_bad: int
    difference: Interval | None
    """Rating difference a - b, Elo scale, with its simultaneous interval: the verdict holds for all pairs at once."""
    votes_to_decide: int | None
    """About as many more votes on this board would decide, if the difference is what it seems."""
    cheaper: float | None = None
    """Share by which a costs less per answer than b (negative: more), when both have costs that differ."""


Stratum = Literal["live", "shadow", "imported"]
"""Where votes come from: the arena, shadowed real cases, a file. Each has a board of its own."""


class Board(View):
    """All ratings of a field or a category, computed from the counts at ledger size `size`."""

    head: str
    """SIZE:HASH of the ledger."""
    category: str | None
    model: Literal["davidson", "bradley-terry"]
    confidence: float
    interval: Literal["sandwich", "clustered"]
    strata: list[str]
    """Sources of votes in it."""
    rows: list[BoardRow]
    """By rating, component by component, then those without one by wins."""
    components: int
    """Groups of contenders that no vote connects, or where one side has won every vote."""
    verdict: Verdict | None
    """On the first two."""
    votes: int
    """Counted votes."""
    browsers: int
    """Distinct voters among them. Anonymous voters are browsers, not people."""
    not_counted: dict[str, int]
    """Votes not counted, by reason."""


class MatrixCell(View):
    """Row contender against column contender."""

    votes: int
    wins: int
    ties: int
    both_bad: int


class Matrix(View):
    """Who beat whom: `cells[i][j]` is contender i against contender j, None on the diagonal."""

    head: str
    category: str | None
    names: list[str]
    digests: list[str]
    cells: list[list[MatrixCell | None]]
