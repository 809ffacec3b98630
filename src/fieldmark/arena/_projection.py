"""Keeps the arena's tables: each record is applied in the transaction that appends it, at a cost that does not grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from fieldmark.arena import _shadowed
from fieldmark.arena import _tables as t
from fieldmark.arena._batch import Fold, VoteBatch
from fieldmark.arena._counting import add_rows, count, count_many, leave_out
from fieldmark.arena._rules import BATTLE
from fieldmark.ledger import Entry, Prepared, Projection, Row
from fieldmark.ledger.evidence import (
    Abandonment,
    AnswerEnded,
    BattleStarted,
    CaseOpened,
    Erasure,
    OutcomeReported,
    Remark,
    Retraction,
    Reveal,
    TurnStarted,
    VoteCast,
)
from fieldmark.statistics import bucket

_SAID = "choice", "partial", "counts", "not_counted"
_SET = update(t.battles).where(t.battles.c.id == bindparam("battle"))
_PAIR = t.battles.c.id, t.battles.c.a, t.battles.c.b
_NOW: dict[str, Any] = {
    name: bindparam(f"now_{name}") for name in ("state", "vote", "voted_at", "remarked", *_SAID)
}
_NEW_BATTLE = Prepared(
    insert(t.battles),
    (
        "id", "voter", "mode", "source", "category", "language", "a", "b", "propensity", "state", "turn", "started",
        "remarked", "undone",
    ),
)  # fmt: skip
_NEW_TURN = Prepared(insert(t.turns), t.turns.columns.keys())
_NEW_ANSWER = Prepared(insert(t.answers), t.answers.columns.keys())
_VOTED = Prepared(_SET.values(_NOW).returning(*_PAIR))
_ABANDONED = Prepared(_SET.values(state="abandoned").returning(*_PAIR))
_TELL = Prepared(
    update(t.answers)
    .where(t.answers.c.battle == bindparam("at_battle"), t.answers.c.told.is_(False))
    .values(told=True)
    .returning(*(c for c in t.answers.columns if c.name not in {"battle", "text", "told"}))
)
SPENT = "spent"
"""Key of what a contender has cost, open rounds included: for spend caps, never shown."""


class ArenaProjection(Projection):
    """Rounds, votes, counts per pair, and each contender's answers."""

    name = "arena"
    version = 4
    tables = t.ALL

    def apply(self, connection: Connection, entry: Entry) -> None:
        """Bring the tables to the state after `entry`."""
        match entry.record.body:
            case BattleStarted() as battle:
                begin = _shadowed.begin if battle.source == "shadow" else _start
                begin(connection, entry, battle)
            case TurnStarted() as turn:
                battle_id = entry.record.refs["battle"]
                _set(connection, battle_id, turn=turn.turn)
                _add_turn(connection, battle_id, turn.turn, entry)
            case AnswerEnded() as answer:
                _answer(connection, entry, answer)
            case VoteCast() as vote:
                _vote(connection, entry, vote)
            case Remark():
                if not _set(connection, entry.record.refs["battle"], remarked=True):
                    _shadowed.remark(connection, entry)
            case Reveal():
                _set(connection, entry.record.refs["battle"], state="revealed")
            case Retraction() as retraction:
                _retract(connection, entry, retraction)
            case Abandonment():
                given = {"battle": entry.record.refs["battle"]}
                _tell(connection, _ABANDONED.execute(connection, given).one())
            case _:
                _of_cases(connection, entry)

    def take_many(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """`take` of each, with runs of imported votes counted at once: a file of a million of them takes seconds."""
        for loose, run in groupby(entries, key=_is_loose):
            if loose:
                count_many(connection, run)
            else:
                super().take_many(connection, list(run))

    def fold(self, entries: Sequence[Entry]) -> object | None:
        """Votes without a battle add up the same whatever was there before."""
        if not all(map(_is_loose, entries)):
            return super().fold(entries)
        fold = Fold()
        fold.add(entries)
        return fold

    def batch(self, connection: Connection) -> VoteBatch:
        """Counts imported votes once, at the end."""
        return VoteBatch(self, connection, _is_loose)

    def withheld(self, connection: Connection) -> int | None:
        """Where the oldest open blind round begins: its record says who answers."""
        c = t.battles.c
        query = select(func.min(c.started)).where(c.state == "open", c.mode == "blind")
        first: int | None = connection.execute(query).scalar_one()
        return first


def _is_loose(entry: Entry) -> bool:
    """Whether it is a vote without a battle, which changes nothing but counts."""
    return isinstance(entry.record.body, VoteCast) and "battle" not in entry.record.refs


def _of_cases(connection: Connection, entry: Entry) -> None:
    """What decides whether a shadowed case can be judged, and by whom."""
    match entry.record.body:
        case CaseOpened(person=str() as person):
            _shadowed.know(connection, entry.record.id, person)
        case OutcomeReported(by="person"):
            _shadowed.know(connection, entry.record.refs["case"], entry.record.actor)
        case Erasure() as erasure:
            _shadowed.erase(connection, erasure)


def answer_keys(answer: Row) -> Iterator[tuple[str, float]]:
    """Keys of `arena_stats` that an answer adds one to, each with the amount it adds."""
    yield "answers", 0.0
    if answer.failure is not None:
        yield f"failed:{answer.failure}", 0.0
    if answer.leak:
        yield "leaks", 0.0
    if answer.hung:
        yield "hung", 0.0
    if answer.cost is not None:
        yield "costs", answer.cost
    if answer.ms_to_first is not None and answer.failure is None:
        yield f"first:{bucket(answer.ms_to_first)}", float(answer.ms_to_first)
        if answer.finish != "stopped":
            yield f"total:{bucket(answer.ms)}", float(answer.ms)
        if answer.answer_tokens:
            yield "tokens", float(answer.answer_tokens)
            yield "writing_ms", float(max(0, answer.ms - answer.ms_to_first))


def _start(connection: Connection, entry: Entry, battle: BattleStarted) -> None:
    _NEW_BATTLE.execute(
        connection,
        {
            "id": entry.record.id,
            "voter": entry.record.actor,
            **battle.model_dump(include={"mode", "source", "category", "language", "a", "b", "propensity"}),
            "state": "open",
            "turn": 1,
            "started": entry.index,
            "remarked": False,
            "undone": 0,
        },
    )
    _add_turn(connection, entry.record.id, 1, entry)


def _add_turn(connection: Connection, battle: str, turn: int, entry: Entry) -> None:
    prompt = entry.record.commitments["prompt"].text_id
    _NEW_TURN.execute(connection, {"battle": battle, "turn": turn, "prompt": prompt})


def _answer(connection: Connection, entry: Entry, answer: AnswerEnded) -> None:
    text = entry.record.commitments.get("answer")
    _NEW_ANSWER.execute(
        connection,
        {
            "battle": entry.record.refs["battle"],
            "text": text.text_id if text else None,
            "failure": answer.failure.kind if answer.failure else None,
            "told": False,
            **answer.model_dump(
                include={
                    "turn", "side", "attempt", "finish", "leak", "hung", "ms_to_first", "ms", "answer_tokens", "cost",
                }
            ),
        },
    )  # fmt: skip
    if answer.cost is not None:
        add_rows(connection, t.stats, [(answer.contender, SPENT, 1, answer.cost)])
    battle = BATTLE.execute(connection, {"battle": entry.record.refs["battle"]}).one()
    if battle.state != "open":
        _tell(connection, battle)


def _tell(connection: Connection, battle: Row) -> None:
    """Count a closed round's answers. Not before: whoever watches the counts of an open one would see who answers."""
    answers = _TELL.execute(connection, {"at_battle": battle.id}).all()
    answers = sorted(answers, key=lambda answer: (answer.turn, answer.side, answer.attempt))
    sides = {"a": battle.a, "b": battle.b}
    rows = [(sides[answer.side], key, 1, amount) for answer in answers for key, amount in answer_keys(answer)]
    add_rows(connection, t.stats, rows)


def _vote(connection: Connection, entry: Entry, vote: VoteCast) -> None:
    battle = entry.record.refs.get("battle")
    if battle and vote.source == "shadow":
        _shadowed.vote(connection, entry, vote)
        return
    if battle:
        now = {"state": "voted", "vote": entry.record.id, "voted_at": entry.record.at, "remarked": False}
        now |= {name: getattr(vote, name) for name in _SAID}
        given = {"battle": battle, **{f"now_{name}": value for name, value in now.items()}}
        _tell(connection, _VOTED.execute(connection, given).one())
    count(connection, vote, voter=entry.record.actor, index=entry.index, step=1)


def _retract(connection: Connection, entry: Entry, retraction: Retraction) -> None:
    row = BATTLE.execute(connection, {"battle": entry.record.refs["battle"]}).one_or_none()
    if row is None:
        _shadowed.retract(connection, entry)
        return
    vote = VoteCast(
        **{
            k: getattr(row, k)
            for k in ("choice", "a", "b", "mode", "source", "propensity", "category", "counts", "not_counted")
        },
        decision_ms=None,
    )
    if retraction.reason == "undo":
        taken_back = {"vote": None, "voted_at": None, "choice": None, "remarked": False}
        _set(connection, row.id, state="open", undone=row.undone + 1, **taken_back)
    else:
        _set(connection, row.id, state="retracted")
    count(connection, vote, voter=row.voter, index=entry.index, step=-1)
    if retraction.reason == "voter" and vote.counts:
        leave_out(connection, vote, "retracted", step=1)


def _set(connection: Connection, battle: str, **values: Any) -> bool:
    """False if there is no such round."""
    return connection.execute(_SET, {"battle": battle, **values}).rowcount > 0
