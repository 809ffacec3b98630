"""What the arena's evidence says beside ratings: how a contender answered, what it cost, and the votes themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from fieldmark.arena import _shadow_tables as s
from fieldmark.arena import _tables as t
from fieldmark.arena._projection import SPENT
from fieldmark.ledger import Snapshot
from fieldmark.ledger.evidence import Retraction, VoteCast


@dataclass(frozen=True)
class AnswerRecord:
    """One contender's answers, as sums and histograms."""

    answers: int
    failures: Mapping[str, int]
    """By failure kind."""
    leaks: int
    hung: int
    first: Mapping[int, int]
    """Histogram of milliseconds to the first text (`fieldmark.statistics.bucket`)."""
    total: Mapping[int, int]
    """Histogram of milliseconds to the end, of answers that nobody stopped."""
    tokens: float
    writing_ms: float
    costs: int
    """Answers with a known cost."""
    cost: float


def answer_record(snapshot: Snapshot, digest: str) -> AnswerRecord:
    """All answers of a contender up to the snapshot."""
    query = select(t.stats.c.key, t.stats.c.n, t.stats.c.amount).where(t.stats.c.contender == digest)
    rows = {key: (n, amount) for key, n, amount in snapshot.connection.execute(query.order_by(t.stats.c.key))}

    def count(key: str) -> int:
        return int(rows.get(key, (0, 0.0))[0])

    def group(prefix: str) -> dict[str, int]:
        return {key.removeprefix(prefix): n for key, (n, _) in rows.items() if key.startswith(prefix)}

    return AnswerRecord(
        answers=count("answers"),
        failures=group("failed:"),
        leaks=count("leaks"),
        hung=count("hung"),
        first={int(k): n for k, n in group("first:").items()},
        total={int(k): n for k, n in group("total:").items()},
        tokens=rows.get("tokens", (0, 0.0))[1],
        writing_ms=rows.get("writing_ms", (0, 0.0))[1],
        costs=count("costs"),
        cost=rows.get("costs", (0, 0.0))[1],
    )


def spent(snapshot: Snapshot) -> dict[str, float]:
    """Currency units each contender has cost, by digest, open rounds included: for spend caps, not to be shown."""
    query = select(t.stats.c.contender, t.stats.c.amount).where(t.stats.c.key == SPENT)
    return {row.contender: row.amount for row in snapshot.connection.execute(query)}


def counted_votes(snapshot: Snapshot) -> int:
    """Live votes that count."""
    c = t.counts.c
    query = select(func.sum(c.wins_first + c.wins_second + c.ties + c.both_bad))
    return snapshot.connection.execute(query.where(c.source == "live", c.category == "")).scalar_one() or 0


@dataclass(frozen=True)
class CountedVote:
    """A live vote that counts and was not taken back."""

    a: str
    b: str
    choice: str
    voter: str
    category: str | None
    at: str


def votes(snapshot: Snapshot) -> Iterator[CountedVote]:
    """Every counted live vote, oldest first."""
    retracted = {e.record.refs["vote"] for e in snapshot.entries(types=[Retraction])}
    for entry in snapshot.entries(types=[VoteCast]):
        vote = entry.record.body
        if (
            isinstance(vote, VoteCast)
            and vote.counts
            and vote.source == "live"
            and entry.record.id not in retracted
        ):
            yield CountedVote(vote.a, vote.b, vote.choice, entry.record.actor, vote.category, entry.record.at)


@dataclass(frozen=True)
class Judged:
    """Counted votes on one shadowed case."""

    case: str
    served: int
    """Votes that prefer the answer that the application received."""
    other: int
    neither: int
    """Ties and both bad."""


def judged_shadows(snapshot: Snapshot, category: str | None = None) -> list[Judged]:
    """Shadowed cases with a counted vote, oldest first."""
    c = s.shadows.c
    query = select(c.case, c.served, c.other, c.neither).where(c.served + c.other + c.neither > 0)
    if category is not None:
        query = query.where(c.category == category)
    return [Judged(*row) for row in snapshot.connection.execute(query.order_by(c.started))]
