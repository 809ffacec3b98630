"""A ledger with the arena's tables and votes written straight into it, for boards of any shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from fieldmark.arena import ArenaProjection, Boards, Standings
from fieldmark.arena import _tables as t
from fieldmark.arena.views import Stratum
from fieldmark.fields import Policy, RosterProjection
from fieldmark.gateway import DriftProjection, GatewayProjection
from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import (
    BattleStarted,
    Choice,
    ContenderSeen,
    FieldAsOfNow,
    NotCounted,
    Retraction,
    VoteCast,
    Withdrawal,
)
from fieldmark.scorecards import ScorecardsProjection

NAMES = ("alder", "birch", "cedar", "douglas", "elm", "fir")
DIGEST = {name: f"{i + 1:x}" * 64 for i, name in enumerate(NAMES)}


def open_ledger(folder: Path) -> Ledger:
    projections = [
        RosterProjection(),
        ArenaProjection(),
        GatewayProjection(),
        DriftProjection(),
        ScorecardsProjection(),
    ]
    return Ledger.open(folder / "ledger.db", field="trees", projections=projections)


@dataclass(frozen=True)
class Ballot:
    """One vote to write: names, choice, who, where."""

    a: str
    b: str
    choice: Choice
    voter: str = "p_one"
    category: str | None = None
    not_counted: NotCounted | None = None


@contextmanager
def trees(folder: Path, names: Iterable[str] = NAMES, *, minimum_exposure: int = 0) -> Iterator[Ledger]:
    """A ledger whose field and contenders are written down."""
    policy = Policy(minimum_exposure=minimum_exposure)
    rules = FieldAsOfNow(
        name="Trees",
        description="",
        categories={"letters": "Letters", "notes": "Notes"},
        reason_tags={"positive": [], "negative": []},
        rubric={},
        policy=policy.model_dump(mode="json"),
    )
    with open_ledger(folder) as ledger:
        ledger.write(lambda now: now.append(rules, actor="system"))
        for name in names:
            enter(ledger, name)
        yield ledger


def enter(ledger: Ledger, name: str, digest: str | None = None, parent: str | None = None) -> None:
    seen = ContenderSeen(
        name=name,
        kind="endpoint",
        digest=digest or DIGEST[name],
        parent=parent,
        parts={"kind": "endpoint", "model": name},
    )
    ledger.write(lambda now: now.append(seen, actor="system", texts={"system": f"You are {name}."}))


def withdraw(ledger: Ledger, name: str, reason: str = "removed") -> None:
    ledger.write(
        lambda now: now.append(Withdrawal(digest=DIGEST[name], name=name, reason=reason), actor="system")
    )


def cast(ledger: Ledger, *ballots: Ballot) -> list[tuple[str, str]]:
    """Write battles with their votes; ids of (battle, vote)."""

    def work(now: Transaction) -> list[tuple[str, str]]:
        return [_one(now, ballot) for ballot in ballots]

    return ledger.write(work)


def _one(now: Transaction, ballot: Ballot) -> tuple[str, str]:
    a, b = DIGEST[ballot.a], DIGEST[ballot.b]
    battle = now.append(
        BattleStarted(mode="blind", a=a, b=b, propensity=0.5, category=ballot.category),
        actor=ballot.voter,
        texts={"prompt": "?"},
    ).record.id
    vote = VoteCast(
        choice=ballot.choice,
        a=a,
        b=b,
        mode="blind",
        propensity=0.5,
        category=ballot.category,
        decision_ms=1000,
        counts=ballot.not_counted is None,
        not_counted=ballot.not_counted,
    )
    return battle, now.append(vote, actor=ballot.voter, refs={"battle": battle}).record.id


def retract(ledger: Ledger, battle: str, vote: str, *, undo: bool = False) -> None:
    taken = Retraction(reason="undo" if undo else "voter")
    ledger.write(lambda now: now.append(taken, actor="p_one", refs={"battle": battle, "vote": vote}))


def standings(
    snapshot: Snapshot,
    boards: Boards | None = None,
    category: str | None = None,
    stratum: Stratum = "live",
) -> Standings:
    policy = Policy(minimum_exposure=0)
    return (boards or Boards()).standings(snapshot, policy, category, stratum=stratum)


def stored_counts(snapshot: Snapshot) -> Counter[tuple[str, str, str, str]]:
    """The counts as the tables hold them: by category, pair and what happened."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for row in snapshot.connection.execute(select(t.counts)):
        for column in ("wins_first", "wins_second", "ties", "both_bad"):
            found[row.category, row.first, row.second, column] += getattr(row, column)
    return +found


def recount(snapshot: Snapshot) -> Counter[tuple[str, str, str, str]]:
    """The same, counted anew from every vote that was not taken back."""
    gone = {e.record.refs["vote"] for e in snapshot.entries(types=[Retraction])}
    found: Counter[tuple[str, str, str, str]] = Counter()
    for entry in snapshot.entries(types=[VoteCast]):
        vote = entry.record.body
        if not isinstance(vote, VoteCast) or not vote.counts or entry.record.id in gone:
            continue
        first, second = sorted((vote.a, vote.b))
        winner = {"a": vote.a, "b": vote.b}.get(vote.choice)
        column = {"tie": "ties", "both_bad": "both_bad"}.get(vote.choice) or (
            "wins_first" if winner == first else "wins_second"
        )
        for category in {"", vote.category or ""}:
            found[category, first, second, column] += 1
    return found
