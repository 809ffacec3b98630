"""Counts of votes: per pair, per voter and left out, for each stratum and category; one by one, or folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Dialect, Table, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from fieldmark.arena import _tables as t
from fieldmark.ledger import Entry, Prepared, drive
from fieldmark.ledger.evidence import Choice, VoteCast

_COLUMN: dict[Choice, str] = {"tie": "ties", "both_bad": "both_bad"}
_TALLY = ("wins_first", "wins_second", "ties", "both_bad")
_MANY = 5000
"""Voters looked up in one statement: SQLite and PostgreSQL both take more."""

Board = tuple[str, str]
"""Stratum and category; "" is the board of all categories."""


def count(connection: Connection, vote: VoteCast, *, voter: str, index: int, step: int) -> None:
    """Count one vote (`step` 1) or take it out again (-1)."""
    if not vote.counts:
        leave_out(connection, vote, str(vote.not_counted), step=step)
        return
    first, second, place = place_of(vote.a, vote.b, vote.choice)
    steps = [step if each == place else 0 for each in range(len(_TALLY))]
    boards = _boards(vote)
    _upsert(connection, t.counts, [(*board, first, second, *steps, index) for board in boards], ("at",))
    for source, category in boards:
        board = {"source": source, "category": category}
        before = add(connection, t.voters, {**board, "voter": voter}, step)
        if before == 0 or before + step == 0:
            add(connection, t.totals, {**board, "key": "browsers"}, 1 if before == 0 else -1)


def leave_out(connection: Connection, vote: VoteCast, why: str, *, step: int) -> None:
    """Count a vote that the board leaves out."""
    for source, category in _boards(vote):
        key = {"source": source, "category": category, "key": f"not_counted:{why}"}
        add(connection, t.totals, key, step)


def count_many(connection: Connection, entries: Iterable[Entry]) -> None:
    """Count votes without a battle: folded in memory and written once, to the same tables as one by one."""
    pairs: dict[tuple[str, str, str, str], list[int]] = {}
    voters: defaultdict[Board, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    left: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for entry in entries:
        vote = cast(VoteCast, entry.record.body)
        if not vote.counts:
            for board in _boards(vote):
                left[*board, f"not_counted:{vote.not_counted}"] += 1
            continue
        first, second, place = place_of(vote.a, vote.b, vote.choice)
        for board in _boards(vote):
            line = pairs.setdefault((*board, first, second), [0, 0, 0, 0, 0])
            line[place] += 1
            line[4] = entry.index
            voters[board][entry.record.actor] += 1
    for board, votes in voters.items():
        if new := len(votes) - _known(connection, board, list(votes)):
            left[*board, "browsers"] += new
    _upsert(connection, t.counts, [(*key, *line) for key, line in pairs.items()], ("at",))
    ballots = [(*board, voter, n) for board, votes in voters.items() for voter, n in votes.items()]
    _upsert(connection, t.voters, ballots)
    _upsert(connection, t.totals, [(*key, n) for key, n in left.items()])


def _boards(vote: VoteCast) -> list[Board]:
    return [(vote.source, ""), (vote.source, vote.category)] if vote.category else [(vote.source, "")]


def _known(connection: Connection, board: Board, voters: Sequence[str]) -> int:
    """How many of these voters have a counted vote on the board."""
    c, found = t.voters.c, 0
    for start in range(0, len(voters), _MANY):
        some = voters[start : start + _MANY]
        where = and_(c.source == board[0], c.category == board[1], c.voter.in_(some), c.votes > 0)
        found += len(connection.execute(select(c.voter).where(where)).all())
    return found


def _upsert(
    connection: Connection, table: Table, rows: list[tuple[Any, ...]], last: tuple[str, ...] = ()
) -> None:
    """Add `rows`, in the order of the table's columns, to those of the same key, made if absent; of the columns `last`
    the new value holds.

    Straight to the driver: for a million votes, half of the time went into naming each row's values.
    """
    if not rows:
        return
    statement, order = _upserting(table, last, connection.dialect)
    if order is None:
        names = [column.name for column in table.columns]
        drive(connection, statement, [dict(zip(names, row, strict=True)) for row in rows], many=True)
    else:
        given = [tuple(row[i] for i in order) for row in rows] if order else rows
        drive(connection, statement, given, many=True)


@lru_cache(maxsize=16)
def _upserting(table: Table, last: tuple[str, ...], dialect: Dialect) -> tuple[str, tuple[int, ...] | None]:
    """SQL for the driver, and at which place of a row each of its parameters stands: () in order, None by name."""
    made: Any = (postgresql if dialect.name == "postgresql" else sqlite).insert(table)
    names = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key]
    added = {name: table.c[name] + made.excluded[name] for name in names if name not in {*key, *last}}
    replaced = {name: made.excluded[name] for name in last}
    statement = made.on_conflict_do_update(index_elements=key, set_={**added, **replaced})
    compiled = statement.compile(dialect=dialect, column_keys=names)
    if not compiled.positional:
        return str(compiled), None
    order = tuple(names.index(name) for name in compiled.positiontup)
    return str(compiled), () if order == tuple(range(len(names))) else order


def add(connection: Connection, table: Table, key: dict[str, str], step: int) -> int:
    """Add to the one number of the row of `key`, made if absent. Returns the number as it was before."""
    (number,) = (column.name for column in table.columns if not column.primary_key)
    after = _adding(table, number, connection.dialect).execute(connection, {**key, number: step})
    return cast(int, after.scalar_one() - step)


@lru_cache(maxsize=16)
def _adding(table: Table, number: str, dialect: Dialect) -> Prepared:
    made: Any = (postgresql if dialect.name == "postgresql" else sqlite).insert(table)
    key = [column.name for column in table.primary_key]
    change = {number: table.c[number] + made.excluded[number]}
    statement = made.on_conflict_do_update(index_elements=key, set_=change).returning(table.c[number])
    return Prepared(statement, [*key, number])


def place_of(a: str, b: str, choice: Choice) -> tuple[str, str, int]:
    """The pair in its order, and the place among the columns of the tally that such a vote adds to."""
    first, second = (a, b) if a < b else (b, a)
    column = _COLUMN.get(choice)
    if column is None:
        column = "wins_first" if (a if choice == "a" else b) == first else "wins_second"
    return first, second, _TALLY.index(column)


known_voters = _known
add_rows = _upsert
