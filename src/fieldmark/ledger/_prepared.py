"""Statements of which very many are executed: compiled once, then handed straight to the driver.

SQLAlchemy's own way to execute costs several times what SQLite needs for a row. Its connection stays the one that
holds the transaction, and what the driver refuses is raised as SQLAlchemy would raise it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from fieldmark.ledger import _sqlite

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Row = Any
"""A row that was found: its columns by name and by place."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one statement returned, all of it."""

    rows: list[Row]
    rowcount: int
    """Rows changed, as the driver tells it."""

    def all(self) -> list[Row]:
        """Every row."""
        return self.rows

    def one_or_none(self) -> Row | None:
        """The only row, or None. Raises MultipleResultsFound."""
        if len(self.rows) > 1:
            raise MultipleResultsFound("more than one row where one was asked for")
        return self.rows[0] if self.rows else None

    def one(self) -> Row:
        """The only row. Raises NoResultFound, MultipleResultsFound."""
        if not self.rows:
            raise NoResultFound("no row where one was asked for")
        return self.one_or_none()

    def scalar_one(self) -> Any:
        """The first column of the only row. Raises as `one`."""
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        """The same, or None without a row."""
        row = self.one_or_none()
        return None if row is None else row[0]


class Prepared:
    """One statement. Values reach the driver as they are; what it returns has the types of the statement's columns.

    `names` are those of an insert's columns; the other parameters are those of the statement.
    """

    def __init__(self, statement: Executable, names: Sequence[str] | None = None) -> None:
        assert isinstance(statement, ClauseElement)
        self._statement = statement
        self._names = None if names is None else list(names)
        self._made: WeakKeyDictionary[Dialect, _Made] = WeakKeyDictionary()

    def execute(self, connection: Connection, values: Values | None = None) -> Found:
        """Execute it, or once for each of many."""
        made = self._made.get(connection.dialect) or self._make(connection.dialect)
        if isinstance(values, Mapping) or values is None:
            return drive(connection, made.sql, made.given(values or {}), made.reader)
        return drive(connection, made.sql, [made.given(each) for each in values], many=True)

    def _make(self, dialect: Dialect) -> _Made:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        own = {name: value for name, value in compiled.params.items() if value is not None}
        order = compiled.positiontup if compiled.positional else None
        columns = getattr(self._statement, "exported_columns", None)
        reader = _Reader(columns, dialect) if columns is not None and len(columns) else None
        made = self._made[dialect] = _Made(compiled.string, order, own, reader)
        return made


@dataclass(frozen=True, slots=True)
class _Made:
    sql: str
    order: Sequence[str] | None
    own: Mapping[str, Any]
    reader: _Reader | None

    def given(self, values: Mapping[str, Any]) -> Any:
        if self.own:
            values = {**self.own, **values}
        return tuple([values[name] for name in self.order]) if self.order is not None else dict(values)


class _Reader:
    """Makes named rows of what the driver gives, as the columns' types have it."""

    def __init__(self, columns: ReadOnlyColumnCollection[str, Any], dialect: Dialect) -> None:
        self._make: Callable[[Any], Any] = getattr(namedtuple("Row", columns.keys()), "_make")  # noqa: B009
        self._types = [column.type.dialect_impl(dialect) for column in columns]
        self._reads: list[tuple[int, Callable[[Any], Any]]] | None = None

    def rows(self, given: Sequence[Any], description: Sequence[Any], dialect: Dialect) -> list[Any]:
        """`description` is the cursor's, which says the types that the database has sent. The dialect is not kept: it
        is the weak key that this reader hangs on."""
        if self._reads is None:
            made = [
                each.result_processor(dialect, told[1])
                for each, told in zip(self._types, description, strict=True)
            ]
            self._reads = [(at, read) for at, read in enumerate(made) if read is not None]
        if not self._reads:
            return [self._make(each) for each in given]
        rows = []
        for each in given:
            row = list(each)
            for at, read in self._reads:
                row[at] = read(row[at])
            rows.append(self._make(row))
        return rows


def drive(
    connection: Connection,
    sql: str,
    given: Any = (),
    reader: _Reader | None = None,
    *,
    many: bool = False,
) -> Found:
    """Execute the driver's own SQL in the connection's transaction, once or (`many`) for each of `given`.

    Raises:
        DBAPIError: the driver refused. Where the transaction is over with that, the connection takes no more.
    """
    raw = connection.connection
    cursor = raw.cursor()
    try:
        if many:
            cursor.executemany(sql, given)
        else:
            cursor.execute(sql, given)
        rows = list(cursor.fetchall()) if cursor.description else []
        if reader is not None:
            rows = reader.rows(rows, cursor.description, connection.dialect)
    except connection.dialect.loaded_dbapi.Error as error:
        over = connection.dialect.is_disconnect(error, raw, cursor) or _sqlite.gave_up(raw.dbapi_connection)
        cursor.close()
        if over:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql,
            given,
            error,
            connection.dialect.loaded_dbapi.Error,
            hide_parameters=connection.engine.hide_parameters,
            connection_invalidated=over,
            dialect=connection.dialect,
            ismulti=many,
        ) from error
    cursor.close()
    return Found(rows, cursor.rowcount)
