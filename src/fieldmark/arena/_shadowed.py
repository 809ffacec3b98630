"""The part of the arena's projection that keeps shadowed cases and the votes on them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from fieldmark.arena import _shadow_tables as t
from fieldmark.arena._counting import count, leave_out
from fieldmark.ledger import Entry
from fieldmark.ledger.evidence import BattleStarted, Erasure, VoteCast

_MANY = 500
"""Texts looked for in one statement."""

_shadow = select(t.shadows).where(t.shadows.c.battle == bindparam("at_battle"))
_mine = (
    select(t.shadow_votes)
    .where(t.shadow_votes.c.battle == bindparam("at_battle"))
    .where(t.shadow_votes.c.voter == bindparam("at_voter"))
)
_change_mine = (
    update(t.shadow_votes)
    .where(t.shadow_votes.c.battle == bindparam("at_battle"))
    .where(t.shadow_votes.c.voter == bindparam("at_voter"))
)
_knower = select(t.knows).where(
    t.knows.c.case == bindparam("at_case"), t.knows.c.person == bindparam("at_person")
)


def begin(connection: Connection, entry: Entry, battle: BattleStarted) -> None:
    """A case was answered by a second contender: it can be judged."""
    texts = entry.record.commitments
    row = {
        "battle": entry.record.id,
        "case": entry.record.refs["case"],
        **battle.model_dump(include={"a", "b", "category", "language", "propensity"}),
        "request": texts["prompt"].text_id,
        "text_a": texts["a"].text_id,
        "text_b": texts["b"].text_id,
        "started": entry.index,
        **dict.fromkeys(("votes", "served", "other", "neither"), 0),
        "gone": False,
    }
    connection.execute(insert(t.shadows), row)


def vote(connection: Connection, entry: Entry, cast: VoteCast) -> None:
    """Somebody judged it."""
    row = {
        "battle": entry.record.refs["battle"],
        "voter": entry.record.actor,
        "vote": entry.record.id,
        **cast.model_dump(include={"a", "choice", "counts", "not_counted"}),
        "remarked": False,
        "retracted": False,
    }
    connection.execute(insert(t.shadow_votes), row)
    _tally(connection, row["battle"], cast, 1)
    count(connection, cast, voter=entry.record.actor, index=entry.index, step=1)


def remark(connection: Connection, entry: Entry) -> None:
    """And said why."""
    connection.execute(_change_mine.values(remarked=True), _key(entry))


def retract(connection: Connection, entry: Entry) -> None:
    """And took it back: it stays closed for that voter."""
    mine = connection.execute(_mine, _key(entry)).one()
    shadow = connection.execute(_shadow, {"at_battle": mine.battle}).one()
    cast = VoteCast(
        choice=mine.choice,
        a=mine.a,
        b=shadow.b if mine.a == shadow.a else shadow.a,
        mode="blind",
        source="shadow",
        propensity=shadow.propensity,
        category=shadow.category,
        decision_ms=None,
        counts=mine.counts,
        not_counted=mine.not_counted,
    )
    connection.execute(_change_mine.values(retracted=True), _key(entry))
    _tally(connection, mine.battle, cast, -1)
    count(connection, cast, voter=mine.voter, index=entry.index, step=-1)
    if cast.counts:
        leave_out(connection, cast, "retracted", step=1)


def know(connection: Connection, case: str, person: str) -> None:
    """Somebody has seen which answer the case was served."""
    row = {"case": case, "person": person}
    if connection.execute(_knower, {f"at_{k}": v for k, v in row.items()}).one_or_none() is None:
        connection.execute(insert(t.knows), row)


def erase(connection: Connection, erasure: Erasure) -> None:
    """Texts are gone: what needs them can no longer be judged. Votes and counts stay."""
    c = t.shadows.c
    gone = update(t.shadows).values(gone=True)
    if erasure.what == "case":
        connection.execute(gone.where(c.case == erasure.subject))
    for start in range(0, len(erasure.texts), _MANY):
        some: Sequence[str] = erasure.texts[start : start + _MANY]
        connection.execute(gone.where(or_(c.request.in_(some), c.text_a.in_(some), c.text_b.in_(some))))


def _tally(connection: Connection, battle: str, cast: VoteCast, step: int) -> None:
    c = t.shadows.c
    values = {"votes": c.votes + step}
    if cast.counts:
        served = connection.execute(_shadow, {"at_battle": battle}).one().a
        winner = {"a": cast.a, "b": cast.b}.get(cast.choice)
        column = "neither" if winner is None else "served" if winner == served else "other"
        values[column] = c[column] + step
    connection.execute(update(t.shadows).where(c.battle == battle).values(values))


def _key(entry: Entry) -> dict[str, str]:
    return {"at_battle": entry.record.refs["battle"], "at_voter": entry.record.actor}
