"""Whether a log holds what clients were told, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from fieldmark.gateway import _tables as tables
from fieldmark.ledger import Entry, Snapshot, _schema
from fieldmark.ledger.evidence import BattleStarted, CaseAnswered, CaseOpened, OutcomeReported, VoteCast


@dataclass
class Known:
    """What the clients know for sure."""

    battles: set[str] = field(default_factory=set)
    votes: dict[str, str] = field(default_factory=dict)
    """Round to choice."""
    asked: set[str] = field(default_factory=set)
    """The token of every request that was sent."""
    cases: dict[str, str] = field(default_factory=dict)
    """Case id, as a header told it, to its token."""
    outcomes: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Case id to result and number."""
    lost_replies: int = 0
    interrupted: int = 0
    unheard: int = 0
    wrong: list[str] = field(default_factory=list)


def compare(snapshot: Snapshot, known: Known) -> int:
    """Note everything that is wrong; returns how many answers were interrupted."""
    entries = list(snapshot.entries())
    known.wrong += _rounds(entries, known)
    known.wrong += _cases(snapshot, entries, known)
    known.wrong += _outcomes(entries, known)
    known.wrong += _texts(snapshot, entries)
    known.wrong += _tables(snapshot, entries)
    failures = [getattr(each.record.body, "failure", None) for each in entries]
    return sum(getattr(failure, "kind", failure) == "interrupted" for failure in failures)


def _rounds(entries: Sequence[Entry], known: Known) -> Iterator[str]:
    started = {e.record.id for e in entries if isinstance(e.record.body, BattleStarted)}
    if lost := known.battles - started:
        yield f"rounds lost: {len(lost)}, such as {min(lost)}"
    votes = [
        (e.record.refs["battle"], e.record.body.choice)
        for e in entries
        if isinstance(e.record.body, VoteCast)
    ]
    twice = [battle for battle, number in Counter(battle for battle, _ in votes).items() if number > 1]
    if twice:
        yield f"voted twice: {twice[:3]}"
    held = dict(votes)
    if lost := known.votes.keys() - held.keys():
        yield f"votes lost: {len(lost)}, such as the one on {min(lost)}"
    if more := held.keys() - known.votes.keys():
        yield f"votes that nobody gave: {len(more)}, such as the one on {min(more)}"
    if other := [battle for battle in held if known.votes.get(battle, held[battle]) != held[battle]]:
        yield f"votes changed: {other[:3]}"


def _cases(snapshot: Snapshot, entries: Sequence[Entry], known: Known) -> Iterator[str]:
    held: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry.record.body, CaseOpened):
            text = snapshot.text(entry.record.commitments["request"].text_id)
            held[entry.record.id] = json.loads(text)["messages"][0]["content"] if text else ""
    if lost := known.cases.keys() - held.keys():
        yield f"cases lost: {len(lost)}, such as {min(lost)}"
    if other := [case for case, token in held.items() if known.cases.get(case, token) != token]:
        yield f"cases with another text: {other[:3]}"
    tokens = Counter(held.values())
    if twice := [token for token, number in tokens.items() if number > 1]:
        yield f"requests recorded twice: {twice[:3]}"
    if more := tokens.keys() - known.asked:
        yield f"cases that nobody asked: {sorted(more)[:3]}"
    known.unheard = len(held.keys() - known.cases.keys())
    answers = Counter(
        e.record.refs["case"]
        for e in entries
        if isinstance(e.record.body, CaseAnswered) and e.record.body.role == "served"
    )
    if unlike := [case for case in held if answers[case] != 1]:
        yield f"cases without one answer exactly: {len(unlike)}, such as {unlike[0]} with {answers[unlike[0]]}"


def _outcomes(entries: Sequence[Entry], known: Known) -> Iterator[str]:
    held = [
        (e.record.refs["case"], (e.record.body.result, e.record.body.number))
        for e in entries
        if isinstance(e.record.body, OutcomeReported)
    ]
    if len(dict(held)) != len(held):
        yield f"outcomes recorded twice: {len(held) - len(dict(held))}"
    if dict(held) != known.outcomes:
        yield f"the log holds {len(held)} outcomes, {len(known.outcomes)} were acknowledged, or they differ"


def _texts(snapshot: Snapshot, entries: Sequence[Entry]) -> Iterator[str]:
    wanted = {each.text_id for entry in entries for each in entry.record.commitments.values()}
    held = {row.text_id for row in snapshot.connection.execute(select(_schema.texts.c.text_id))}
    if lost := wanted - held:
        yield f"texts lost: {len(lost)}"
    if more := held - wanted:
        yield f"texts of no record: {len(more)}"


def _tables(snapshot: Snapshot, entries: Sequence[Entry]) -> Iterator[str]:
    for kind, table in ((CaseOpened, tables.cases), (OutcomeReported, tables.outcomes)):
        rows = snapshot.connection.execute(select(func.count()).select_from(table)).scalar_one()
        records = sum(isinstance(entry.record.body, kind) for entry in entries)
        if rows != records:
            yield f"{table.name} has {rows} rows for {records} records"
