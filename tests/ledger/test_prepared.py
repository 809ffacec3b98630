"""Prepared statements give what SQLAlchemy's own would, and keep nothing alive."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, MultipleResultsFound, NoResultFound

from fieldmark.ledger import Prepared
from fieldmark.ledger._engine import open_scratch

THINGS = Table(
    "things",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("held", Boolean),
    Column("content", LargeBinary),
    Column("amount", Float),
)
ROWS: list[dict[str, Any]] = [
    {"name": "a", "held": True, "content": b"\x00\xff", "amount": 0.5},
    {"name": "b", "held": False, "content": b"", "amount": 2.0},
    {"name": "c", "held": None, "content": None, "amount": None},
]
_put = Prepared(insert(THINGS), THINGS.columns.keys())
_all = Prepared(select(THINGS).order_by(THINGS.c.name))
_named = Prepared(select(THINGS).where(THINGS.c.name == bindparam("wanted")))


@pytest.fixture
def connection() -> Connection:
    connection = open_scratch().connect()
    THINGS.metadata.create_all(connection)
    return connection


def test_rows_are_those_of_sqlalchemy(connection: Connection) -> None:
    _put.execute(connection, ROWS)
    ours = _all.execute(connection).all()
    theirs = connection.execute(select(THINGS).order_by(THINGS.c.name)).all()
    assert [row._asdict() for row in ours] == [dict(row._mapping) for row in theirs] == ROWS
    assert [type(value) for row in ours for value in row] == [type(value) for row in theirs for value in row]


def test_how_many_were_found(connection: Connection) -> None:
    _put.execute(connection, ROWS)
    assert _named.execute(connection, {"wanted": "a"}).one().held is True
    assert _named.execute(connection, {"wanted": "a"}).scalar_one() == "a"
    assert _named.execute(connection, {"wanted": "x"}).one_or_none() is None
    assert _named.execute(connection, {"wanted": "x"}).scalar_one_or_none() is None
    with pytest.raises(NoResultFound):
        _named.execute(connection, {"wanted": "x"}).one()
    with pytest.raises(MultipleResultsFound):
        _all.execute(connection).one_or_none()
    changed = Prepared(update(THINGS).where(THINGS.c.held.is_(bindparam("old"))).values(amount=9.0))
    assert changed.execute(connection, {"old": True}).rowcount == 1


def test_what_the_driver_refuses_is_raised_as_sqlalchemy_does(connection: Connection) -> None:
    _put.execute(connection, ROWS[0])
    with pytest.raises(IntegrityError, match="UNIQUE") as caught:
        _put.execute(connection, ROWS[0])
    assert not caught.value.connection_invalidated
    assert _all.execute(connection).one().name == "a"


def test_a_database_that_is_gone_is_let_go() -> None:
    engine = open_scratch()
    with engine.connect() as connection:
        THINGS.metadata.create_all(connection)
        assert _all.execute(connection).all() == []
    dialect = weakref.ref(engine.dialect)
    engine.dispose()
    del engine, connection
    gc.collect()
    assert dialect() is None
