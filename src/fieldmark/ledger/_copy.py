"""Moving a whole ledger from one database to another: records, texts, people, accounts and keys, all or nothing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Table, func, insert, inspect, select

from fieldmark.errors import BrokenLedger, InputError
from fieldmark.ledger import _schema, state
from fieldmark.ledger._engine import database_url, explained, kind_of, migrate, shown
from fieldmark.ledger._ledger import Ledger, field_of
from fieldmark.ledger._projection import STEP, Progress, Projection
from fieldmark.ledger._reader import Snapshot
from fieldmark.ledger._record import Head
from fieldmark.ledger._upkeep import create
from fieldmark.ledger._verify import verify
from fieldmark.ledger._walk import Verification

_LEFT = {state.leases.name}
"""Of this moment and these processes: not copied."""


def copy_ledger(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    projections: Sequence[Projection],
    kept: Head | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Copy the ledger in `source` to the empty database `target`, verify it there, and only then keep it.

    Ids, order, bytes, head, texts, people, accounts and keys stay what they are. The source is brought to this
    program's version first; what is written to it meanwhile is not copied. `kept` is a head from earlier.

    Raises:
        NotFound: there is no source.
        InputError: the target is not empty.
        BrokenLedger: the source is not sound; the target is then as it was.
        LedgerUnavailable: one of the two refused; the target is then as it was.
    """
    url = database_url(target)
    with Ledger.open(source, field=field_of(source), projections=projections) as ledger, _new(url) as place:
        return _copy(ledger, place, kept, progress)


def _copy(ledger: Ledger, place: URL, kept: Head | None, progress: Progress | None) -> Verification:
    kind = kind_of(place)
    engine = kind.open_writer(place, 5.0)
    try:
        with ledger.read() as snapshot, explained(), engine.begin() as connection:
            kind.alone(connection, 5.0)
            _must_be_empty(connection, place)
            migrate(connection)
            for projection in ledger.projections:
                create(connection, projection)
            _copy_tables(snapshot, connection, ledger.projections, progress)
            head = snapshot.head()
            found = verify(
                Snapshot(connection, connection, head), ledger.field, ledger.projections, kept, progress
            )
            if found.head != head:
                raise BrokenLedger(f"the copy's head is {found.head}, not {head}")
            return found
    finally:
        engine.dispose()


def _copy_tables(
    snapshot: Snapshot, target: Connection, projections: Sequence[Projection], progress: Progress | None
) -> None:
    own = [each for each in _schema.metadata.sorted_tables if each.name not in _LEFT]
    tables = own + [table for projection in projections for table in projection.tables]
    counts = [_count(snapshot.connection, table) for table in tables]
    done, total = 0, sum(counts)
    for table in tables:
        for rows in _pages(snapshot.connection, table):
            target.execute(insert(table), rows)
            done += len(rows)
            if progress:
                progress(done, total)


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _pages(connection: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    """The rows as they are, some at a time, so that a million of them need no room."""
    options = connection.execution_options(stream_results=True, yield_per=STEP)
    with options.execute(select(table)) as result:
        for page in result.mappings().partitions(STEP):
            yield [dict(row) for row in page]


def _must_be_empty(connection: Connection, place: URL) -> None:
    """No table at all: somebody else's would be mistaken for ours, or ours for somebody else's."""
    held = inspect(connection).get_table_names()
    if held:
        raise InputError(
            f"{shown(place)} is not empty: it holds {', '.join(sorted(held)[:3])}{' ...' if held[3:] else ''}",
            hint="give a new database: `createdb NAME` makes one on PostgreSQL; for SQLite, a path that is free",
        )


@contextmanager
def _new(url: URL) -> Iterator[URL]:
    """Where to write: a server's database itself, whose transaction is all or nothing, or a file beside the path."""
    if url.get_backend_name() != "sqlite":
        yield url
        return
    with new_file(Path(url.database or "")) as part:
        yield url.set(database=str(part))


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A database file that appears under its name once it is whole and on disk.

    Raises:
        InputError: something is there already, or the folder cannot be written.
    """
    if path.exists():
        raise InputError(f"{path} exists already", hint="give a path that is free, or move that file away")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield part
            _sync(part)
            os.link(part, path)  # unlike a rename, it takes nothing away that came there meanwhile
            _sync(path.parent)
        finally:
            for end in ("", "-wal", "-shm", "-journal"):
                part.with_name(part.name + end).unlink(missing_ok=True)
    except FileExistsError:
        raise InputError(f"{path} exists already", hint="give a path that is free") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
