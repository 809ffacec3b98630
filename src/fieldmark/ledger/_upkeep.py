"""Keeping projections at the head: bookkeeping, catching up, computing anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from fieldmark.errors import LedgerUnavailable
from fieldmark.ledger import _schema
from fieldmark.ledger._engine import no_readers
from fieldmark.ledger._projection import STEP, Progress, Projection
from fieldmark.ledger._reader import read_entries
from fieldmark.ledger._record import Entry

_books = _schema.projections
_read = select(_books.c.name, _books.c.version, _books.c.size)
_settle = update(_books).where(_books.c.name == bindparam("each")).values(size=bindparam("reached"))


def read_books(connection: Connection) -> dict[str, tuple[int, int]]:
    """`(version, size)` of each projection that was ever kept."""
    return {name: (version, size) for name, version, size in connection.execute(_read)}


def settle(connection: Connection, projections: Sequence[Projection], size: int) -> None:
    """Write down that these projections hold every record below `size`."""
    if projections:
        connection.execute(_settle, [{"each": each.name, "reached": size} for each in projections])


def create(connection: Connection, projection: Projection) -> None:
    """Empty tables in place of whatever was there."""
    for metadata in {table.metadata for table in projection.tables}:
        own = [table for table in projection.tables if table.metadata is metadata]
        metadata.drop_all(connection, tables=own)
        metadata.create_all(connection, tables=own)


def rebuild(
    connection: Connection, projection: Projection, size: int, progress: Progress | None = None
) -> None:
    """Compute the projection anew from the records below `size`."""
    no_readers(connection)
    create(connection, projection)
    connection.execute(delete(_books).where(_books.c.name == projection.name))
    row = {"name": projection.name, "version": projection.version, "size": size}
    connection.execute(insert(_books), row)
    replay(connection, [projection], read_entries(connection, 0, size), size, progress)


def rebuild_changed(
    connection: Connection, projections: Sequence[Projection], size: int, progress: Progress | None
) -> None:
    """Compute anew those that are new, of another version, or ahead of the log (a restored database)."""
    books = read_books(connection)
    for projection in projections:
        version, reached = books.get(projection.name, (None, 0))
        if version != projection.version or reached > size:
            rebuild(connection, projection, size, progress)


def catch_up(
    connection: Connection, projections: Sequence[Projection], size: int, progress: Progress | None = None
) -> None:
    """Take in what was appended by a program that does not keep these projections.

    Raises:
        LedgerUnavailable: another program has meanwhile computed the tables with another version of the code.
    """
    books = read_books(connection) if projections else {}
    for projection in projections:
        version, reached = books.get(projection.name, (None, 0))
        if version != projection.version:
            raise LedgerUnavailable(
                f"another program keeps '{projection.name}' in version {version}, not {projection.version}",
                hint="nothing was recorded; restart this program",
            )
        if reached < size:
            replay(connection, [projection], read_entries(connection, reached, size), size, progress)
            settle(connection, [projection], size)


def replay(
    connection: Connection,
    projections: Sequence[Projection],
    entries: Iterable[Entry],
    size: int,
    progress: Progress | None = None,
) -> None:
    """Apply `entries`, which end below `size`, to all `projections`."""
    waiting, batches = iter(entries), [projection.batch(connection) for projection in projections]
    while batch := list(islice(waiting, STEP)):
        for each in batches:
            each.take(batch)
        if progress and (batch[-1].index + 1) % STEP == 0:
            progress(batch[-1].index + 1, size)
    for each in batches:
        each.close()
    if progress:
        progress(size, size)
