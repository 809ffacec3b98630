"""Keeps the arena's tables: each record is applied in the transaction that appends it, at a cost that does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Row, Table, and_, bindparam, func, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from fieldmark.arena import _tables as t
from fieldmark.ledger import Entry, Projection
from fieldmark.ledger.evidence import (
    Abandonment,
    AnswerEnded,
    BattleStarted,
    Choice,
    Remark,
    Retraction,
    Reveal,
    TurnStarted,
    VoteCast,
)
from fieldmark.statistics import bucket

_BATTLE = select(t.battles).where(t.battles.c.id == bindparam("battle"))
_SET = update(t.battles).where(t.battles.c.id == bindparam("battle"))
SPENT = "spent"
"""Key of what a contender has cost, open rounds included: for spend caps, never shown."""
_COLUMN: dict[Choice, str] = {"tie": "ties", "both_bad": "both_bad"}


class ArenaProjection(Projection):
    """Rounds, votes, counts per pair, and each contender's answers."""

    name = "arena"
    version = 3
    tables = t.ALL

    def apply(self, connection: Connection, entry: Entry) -> None:
        """Bring the tables to the state after `entry`."""
        match entry.record.body:
            case BattleStarted() as battle:
                _start(connection, entry, battle)
            case TurnStarted() as turn:
                battle_id = entry.record.refs["battle"]
                _set(connection, battle_id, turn=turn.turn)
                _add_turn(connection, battle_id, turn.turn, entry)
            case AnswerEnded() as answer:
                _answer(connection, entry, answer)
            case VoteCast() as vote:
                _vote(connection, entry, vote)
            case Remark():
                _set(connection, entry.record.refs["battle"], remarked=True)
            case Reveal():
                _set(connection, entry.record.refs["battle"], state="revealed")
            case Retraction() as retraction:
                _retract(connection, entry, retraction)
            case Abandonment():
                _close(connection, entry.record.refs["battle"], state="abandoned")
            case _:
                pass

    def withheld(self, connection: Connection) -> int | None:
        """Where the oldest open blind round begins: its record says who answers."""
        c = t.battles.c
        query = select(func.min(c.started)).where(c.state == "open", c.mode == "blind")
        first: int | None = connection.execute(query).scalar_one()
        return first


def answer_keys(answer: Row[Any]) -> Iterator[tuple[str, float]]:
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
    connection.execute(
        insert(t.battles),
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
    connection.execute(insert(t.turns), {"battle": battle, "turn": turn, "prompt": prompt})


def _answer(connection: Connection, entry: Entry, answer: AnswerEnded) -> None:
    text = entry.record.commitments.get("answer")
    connection.execute(
        insert(t.answers),
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
        _add_stat(connection, answer.contender, SPENT, answer.cost)
    battle = connection.execute(_BATTLE, {"battle": entry.record.refs["battle"]}).one()
    if battle.state != "open":
        _tell(connection, battle)


def _tell(connection: Connection, battle: Row[Any]) -> None:
    """Count a closed round's answers. Not before: whoever watches the counts of an open one would see who answers."""
    new = and_(t.answers.c.battle == battle.id, t.answers.c.told.is_(False))
    answers = connection.execute(select(t.answers).where(new).order_by(*t.answers.primary_key)).all()
    for answer in answers:
        contender = battle.a if answer.side == "a" else battle.b
        for key, amount in answer_keys(answer):
            _add_stat(connection, contender, key, amount)
    if answers:
        connection.execute(update(t.answers).where(new).values(told=True))


def _add_stat(connection: Connection, contender: str, key: str, amount: float) -> None:
    _add(connection, t.stats, {"contender": contender, "key": key}, {"n": 1, "amount": amount})


def _vote(connection: Connection, entry: Entry, vote: VoteCast) -> None:
    if battle := entry.record.refs.get("battle"):
        _close(
            connection,
            battle,
            state="voted",
            vote=entry.record.id,
            voted_at=entry.record.at,
            remarked=False,
            **vote.model_dump(include={"choice", "partial", "counts", "not_counted"}),
        )
    _count(connection, entry, vote, step=1)


def _retract(connection: Connection, entry: Entry, retraction: Retraction) -> None:
    row = connection.execute(_BATTLE, {"battle": entry.record.refs["battle"]}).one()
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
    _count(connection, entry, vote, step=-1, voter=row.voter)
    if retraction.reason == "voter" and vote.counts:
        _leave_out(connection, vote, "retracted", step=1)


def _count(
    connection: Connection, entry: Entry, vote: VoteCast, *, step: int, voter: str | None = None
) -> None:
    if not vote.counts:
        _leave_out(connection, vote, str(vote.not_counted), step=step)
        return
    first, second = sorted((vote.a, vote.b))
    winner = {"a": vote.a, "b": vote.b}.get(vote.choice)
    column = _COLUMN.get(vote.choice) or ("wins_first" if winner == first else "wins_second")
    for category in _boards(vote):
        stratum = {"source": vote.source, "category": category}
        _add(
            connection,
            t.counts,
            {**stratum, "first": first, "second": second},
            {column: step},
            at=entry.index,
        )
        _count_voter(connection, stratum, voter or entry.record.actor, step)


def _leave_out(connection: Connection, vote: VoteCast, why: str, *, step: int) -> None:
    for category in _boards(vote):
        key = {"source": vote.source, "category": category, "key": f"not_counted:{why}"}
        _add(connection, t.totals, key, {"n": step})


def _boards(vote: VoteCast) -> list[str]:
    """Categories it belongs to; "" is the board of all."""
    return ["", vote.category] if vote.category else [""]


def _count_voter(connection: Connection, stratum: dict[str, str], voter: str, step: int) -> None:
    before = _add(connection, t.voters, {**stratum, "voter": voter}, {"votes": step})
    if before == 0 or before + step == 0:
        _add(connection, t.totals, {**stratum, "key": "browsers"}, {"n": 1 if before == 0 else -1})


def _close(connection: Connection, battle: str, **values: Any) -> None:
    _set(connection, battle, **values)
    _tell(connection, connection.execute(_BATTLE, {"battle": battle}).one())


def _set(connection: Connection, battle: str, **values: Any) -> None:
    connection.execute(_SET, {"battle": battle, **values})


def _add(
    connection: Connection, table: Table, key: dict[str, Any], steps: dict[str, float], **values: Any
) -> int:
    """Add `steps` to the row of `key`, made with zeros if absent. Returns the first step's column as it was before."""
    step = next(iter(steps.values()))
    change = _change(table, tuple(key), tuple(steps), tuple(values))
    given = {f"at_{n}": v for n, v in key.items()} | {f"by_{n}": v for n, v in steps.items()}
    after = connection.execute(
        change, given | {f"now_{n}": v for n, v in values.items()}
    ).scalar_one_or_none()
    if after is None:
        empty = {c.name: 0 for c in table.columns if c.name not in key}
        connection.execute(insert(table), {**empty, **key, **steps, **values})
        return 0
    return cast(int, after - step)


@lru_cache(maxsize=64)
def _change(
    table: Table, key: tuple[str, ...], steps: tuple[str, ...], values: tuple[str, ...]
) -> ReturningUpdate[Any]:
    """Adds to one row and gives its first changed column; built once, since every record of a replay comes here."""
    added = {name: table.c[name] + bindparam(f"by_{name}") for name in steps}
    new: dict[str, Any] = {name: bindparam(f"now_{name}") for name in values}
    where = and_(*(table.c[name] == bindparam(f"at_{name}") for name in key))
    return update(table).where(where).values(**added, **new).returning(table.c[steps[0]])
