"""Statements of which very many are executed: compiled once, then handed to the driver as SQL.

SQLAlchemy's own way to execute costs several times what SQLite needs for a row. It stays the better one for wide
results: their columns' names and types it keeps, while those of plain SQL are looked at each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, CursorResult, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement


class Prepared:
    """One INSERT, UPDATE or DELETE. Values reach the driver as they are, and so do those it returns.

    `names` are those of an insert's columns; the other parameters are those of the statement.
    """

    def __init__(self, statement: Executable, names: Sequence[str] | None = None) -> None:
        assert isinstance(statement, ClauseElement)
        self._statement = statement
        self._names = None if names is None else list(names)
        self._made: WeakKeyDictionary[Dialect, tuple[str, Sequence[str] | None, dict[str, Any]]] = (
            WeakKeyDictionary()
        )

    def execute(
        self, connection: Connection, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> CursorResult[Any]:
        """Execute it, or once for each of many."""
        sql, order, own = self._made.get(connection.dialect) or self._make(connection.dialect)
        if isinstance(values, Mapping):
            return connection.exec_driver_sql(sql, _given(order, own, values))
        return connection.exec_driver_sql(sql, [_given(order, own, each) for each in values])

    def _make(self, dialect: Dialect) -> tuple[str, Sequence[str] | None, dict[str, Any]]:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._names)
        assert isinstance(compiled, SQLCompiler)
        own = {name: value for name, value in compiled.params.items() if value is not None}
        made = compiled.string, compiled.positiontup if compiled.positional else None, own
        self._made[dialect] = made
        return made


def _given(order: Sequence[str] | None, own: dict[str, Any], values: Mapping[str, Any]) -> Any:
    if own:
        values = {**own, **values}
    return tuple([values[name] for name in order]) if order is not None else dict(values)
