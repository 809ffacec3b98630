"""The reliability card's shape: what is known of one contender in one field and, as plainly, what is not."""

from __future__ import annotations

from typing import Any, Literal

from fieldmark.arena.views import Interval, Stratum, Verdict
from fieldmark.gateway.views import OutcomeRow
from fieldmark.reports._shape import Shape
from fieldmark.reports.field import Agreement, DriftNote


class CategoryLine(Shape):
    """What the votes say within one category."""

    id: str
    name: str
    votes: int
    rating: float | None
    lower: float | None
    upper: float | None


class PeopleMeasure(Shape):
    """Blind votes."""

    votes: int
    browsers: int
    """Distinct voters on the field's board. Anonymous voters are browsers, not people."""
    wins: int
    losses: int
    ties: int
    both_bad: int
    rating: float | None
    lower: float | None
    upper: float | None
    rank_best: int | None
    rank_worst: int | None
    contenders: int
    """How many are rated together with it: those its rank is among."""
    win_share: Interval | None
    rivals: list[Verdict]
    """One against each rival, most votes first."""
    categories: list[CategoryLine]


class FailureMeasure(Shape):
    """How often it gave no answer."""

    answers: int
    failed: int
    share: Interval | None
    """Failed share of all answers, exact interval."""
    kinds: dict[str, int]
    """By failure kind."""
    excused: dict[str, int]
    """Not its own, so in none of the other numbers: this server was stopped, or its spend cap was reached."""
    leaks: int
    """Answers that named their author."""
    hung: int
    """Answers that stood still too long."""


class LatencyMeasure(Shape):
    """How fast it answered, as received. Quantiles are within 1.6% (`fieldmark.statistics.RELATIVE_ERROR`)."""

    answers: int
    ms_to_first_p50: float | None
    ms_to_first_p95: float | None
    ms_p50: float | None
    ms_p95: float | None
    tokens_per_second: float | None
    """All answer tokens by all seconds after the first token."""


class CostMeasure(Shape):
    """What it cost, for contenders with a price."""

    total: float
    per_answer: float
    answers: int


class OtherVotes(Shape):
    """Votes of another stratum than the live one: never in the rating."""

    stratum: Stratum
    """`shadow`: on real cases that a second contender answered too. `imported`: from a file."""
    votes: int
    wins: int
    losses: int
    ties: int
    both_bad: int
    rating: float | None
    """Within this stratum."""
    lower: float | None
    upper: float | None
    win_share: Interval | None


class OutcomeCategory(Shape):
    """What became of its cases within one category."""

    id: str
    name: str
    row: OutcomeRow


class OutcomeMeasure(Shape):
    """What became of the real cases that it answered."""

    row: OutcomeRow
    categories: list[OutcomeCategory]
    """Categories in which it had a case."""
    assignment: str
    """How cases came to contenders: what the rates may not be read as."""


class SealedGap(Shape):
    """Pass rate on open tasks less that on sealed ones, within kinds of tasks as the set's record says them."""

    open: Interval
    sealed: Interval
    difference: Interval
    said: str
    """In words: exposed, or within the interval."""


class ScorecardMeasure(Shape):
    """What it passed on a task set where tests verify: the newest version that it was judged on, all runs together.

    Rates weigh every open task the same; intervals are over tasks.
    """

    name: str
    """Of the set."""
    version: str
    digest: str
    """SHA-256 (hex) over the set's files."""
    newer: str | None
    """The version that ran last, when it is another one: without this contender."""
    checked: bool
    """The set was checked before: its oracles pass, doing nothing and cheats fail."""
    tasks: int
    """Open tasks with a pass or a fail."""
    sealed: int
    """Sealed tasks with one."""
    trials: int
    """Passes and fails, of sealed tasks too."""
    passed: int
    """Of these."""
    void: int
    """Trials in which the infrastructure failed, not the contender."""
    rate: Interval | None
    """Share of passes; None without a pass or fail of an open task."""
    k: int | None
    """The most trials that the curve goes to and at least half of the tasks have; None when that is one."""
    k_tasks: int | None = None
    """Tasks that have so many, over which `all_of_k` is."""
    all_of_k: Interval | None
    """pass^k: all of k trials pass."""
    consistency: Interval | None
    """Agreement of verdicts across the wordings of a task; None without further wordings."""
    gap: SealedGap | None
    """None before a sealed task was tried, or where the set's record says no kinds."""


class Unknown(Shape):
    """Something not known, with the numbers that say why."""

    kind: Literal[
        "no_votes",
        "no_rating",
        "category_without_votes",
        "category_few_votes",
        "rival_undecided",
        "rival_not_met",
        "outcomes",
        "tests",
        "inside",
        "no_price",
        "no_answers",
        "few_browsers",
    ]
    what: str = ""
    """Name of the category or rival it is about."""
    n: int = 0
    """The number that is too small."""


class Card(Shape):
    """Everything known about one contender in one field at one ledger head."""

    field: str
    field_name: str
    name: str
    digest: str
    kind: str
    status: Literal["active", "replaced", "withdrawn", "imported"]
    parts: dict[str, Any]
    """The identity's parts; the system prompt is in `system`."""
    system: str | None
    """None when there is none, or when its text was erased."""
    since: str
    """When this identity was first seen, RFC 3339."""
    parent: str | None
    """Digest that carried the name before."""
    head: str
    """SIZE:HASH of the ledger it was computed from."""
    at: str | None
    """Time of the last record, RFC 3339."""
    confidence: float
    people: PeopleMeasure
    failures: FailureMeasure
    latency: LatencyMeasure
    cost: CostMeasure | None
    strata: list[OtherVotes]
    """Votes that are no live ones, stratum by stratum; empty when there are none."""
    outcomes: OutcomeMeasure | None
    """None while no real case of it is recorded."""
    scorecards: list[ScorecardMeasure]
    """One for each task set that it was judged on, sorted by name."""
    agreement: list[Agreement]
    """Its votes against its outcomes, one for each rival with both; it is always `a`."""
    drift: DriftNote
    unknown: list[Unknown]
    recompute: str
    """The command that gives the same bytes."""
