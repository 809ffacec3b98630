"""Projections: tables computed from the records as they are written, which can be thrown away at will."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

from sqlalchemy import Connection, Table
from sqlalchemy.exc import InvalidRequestError

from fieldmark.errors import BrokenLedger
from fieldmark.ledger._record import Entry
from fieldmark.plugins import Registry

Progress = Callable[[int, int], None]
"""Called now and then during long work with how many records are done, and of how many."""

STEP = 1000
"""Records between two calls of a `Progress`, and in one page read from the database."""


class Projection(ABC):
    """A view kept in tables of its own, updated in the transaction that appends the record.

    `apply` must be a deterministic function of the entries, in order, and of the projection's own tables: no
    clock, no chance, no other table, no state on the object. So it can be recomputed up to any head.
    """

    name: ClassVar[str]
    """Unique among the projections of a ledger."""
    version: ClassVar[int]
    """Raise it when `apply` or `tables` change: the tables are then computed anew at the next start."""
    tables: ClassVar[Sequence[Table]]
    """Created and dropped by the ledger; no other projection may share them."""

    @abstractmethod
    def apply(self, connection: Connection, entry: Entry) -> None:
        """Take `entry` into the tables. An exception rolls back the append itself."""

    def withheld(self, connection: Connection) -> int | None:  # noqa: ARG002
        """Index of the first record that must not leave yet, such as that of a round whose names are a secret."""
        return None

    def take(self, connection: Connection, entry: Entry) -> None:
        """`apply`, with a record that does not fit named.

        Raises:
            BrokenLedger: the record lacks what its type promises, such as a reference to its battle.
        """
        try:
            self.apply(connection, entry)
        except (LookupError, ValueError, InvalidRequestError) as error:
            what = (
                f"a '{entry.record.type}' that '{self.name}' cannot take in: {type(error).__name__}: {error}"
            )
            raise BrokenLedger(what, index=entry.index) from error

    def take_many(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """`take` of each in order. A projection that can do many at once cheaper overrides it, with the same tables.

        Raises:
            BrokenLedger: as `take`.
        """
        for entry in entries:
            self.take(connection, entry)

    def fold(self, entries: Sequence[Entry]) -> Any | None:
        """What these entries come to when it is the same whatever stands in the tables, for `Batch.add`; else None.

        Pure, and what it gives can be pickled: it is called in other processes. Here: nothing at all, for entries that
        `apply` does not touch the tables for.
        """
        try:
            for entry in entries:
                self.apply(_UNTOUCHED, entry)
        except _Touched:
            return None
        return ()

    def batch(self, connection: Connection) -> Batch:
        """For very many entries, in order."""
        return Batch(self, connection)


class Batch:
    """Entries on their way into a projection's tables. What is taken may wait until `close`."""

    def __init__(self, projection: Projection, connection: Connection) -> None:
        self.projection = projection
        self.connection = connection

    def take(self, entries: Sequence[Entry]) -> None:
        """The next ones."""
        self.projection.take_many(self.connection, entries)

    def add(self, fold: Any) -> None:
        """The next ones, as `Projection.fold` gave them."""

    def close(self) -> None:
        """Write what waits."""


class _Touched(Exception):
    """`apply` wants the tables."""


class _Untouched:
    def __getattr__(self, name: str) -> object:
        raise _Touched


_UNTOUCHED = cast(Connection, _Untouched())

PROJECTIONS: Registry[type[Projection]] = Registry("fieldmark.projections")
"""Every projection that a field's ledger keeps: each room that has one names it by an entry point of that group."""


def every_projection() -> list[Projection]:
    """One of each, by name."""
    return [PROJECTIONS.get(name)() for name in PROJECTIONS.names()]
