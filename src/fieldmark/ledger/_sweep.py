"""After an erasure: the deleted bytes leave the database's files, and the erasure is kept beside the database."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from fieldmark.errors import LedgerError, LedgerUnavailable
from fieldmark.ledger import _schema, state
from fieldmark.ledger._canonical import decode, encode
from fieldmark.ledger._engine import explained, open_writer, unavailable
from fieldmark.ledger._erase import Reason, Trail, What, erase_in, erasures
from fieldmark.ledger._record import Record
from fieldmark.ledger.evidence import Erasure

if TYPE_CHECKING:
    from fieldmark.ledger._ledger import Ledger
    from fieldmark.ledger._transaction import Transaction

_HOLDING = (_schema.texts, _schema.people, state.accounts, state.sessions)
"""Tables of what an erasure deletes."""
_PAUSE = 0.05


@dataclass(frozen=True)
class Erased:
    """What an erasure did."""

    record: str
    """Id of its record."""
    texts: int
    links: int
    swept: bool
    """Whether the deleted bytes have left the database's files."""


def erase(
    ledger: Ledger, what: What, subject: str, *, reason: Reason, register: Path | None, patience: float = 5.0
) -> Erased:
    """Erase a person or a case; the erasure is written to the file `register` too, for restored backups.

    Raises:
        NotFound: nothing is held of the subject.
        LedgerUnavailable: the store refused; nothing was erased.
    """
    with ledger.read() as snapshot:  # most of the reading is done before the writer is held up
        trail = Trail(what, subject).follow(snapshot)
    entry, done = ledger.write(lambda now: erase_in(now, trail, reason))
    if register is not None:
        write_register(ledger, register)
    try:
        swept = sweep(ledger, patience=patience)
    except LedgerUnavailable:  # a full disk, say; the erasure itself is recorded
        swept = False
    return Erased(entry.record.id, len(done.texts), done.links, swept)


def sweep(ledger: Ledger, *, patience: float = 5.0) -> bool:
    """Have deleted bytes leave the database's files; False when a reader stood in the way for so many seconds.

    A database leaves copies of rows behind when it moves them, and "secure delete" does not find those: so the tables
    that hold texts and links are written anew. PostgreSQL's write-ahead log is not reached by this; `docs/how-to/erase`
    says what becomes of it.

    Raises:
        LedgerUnavailable: the store refused, such as on a full disk; the files may still hold deleted bytes.
    """
    engine = ledger._engines[0]
    if engine.dialect.name == "sqlite":
        path = Path(engine.url.database or "")
        if not _truncate_log(path, patience):  # else every attempt would add all texts to the log
            return False
        ledger.write(lambda now: _rewrite(now.connection))
        return _truncate_log(path, patience)
    return _vacuum(engine, patience)


def _rewrite(connection: Connection) -> None:
    for table in _HOLDING:
        old = f"{table.name}_before"
        connection.execute(text(f"ALTER TABLE {table.name} RENAME TO {old}"))
        table.create(connection)
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        connection.execute(text(f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {old}"))  # noqa: S608
        connection.execute(text(f"DROP TABLE {old}"))  # secure_delete fills its pages with zeros


def _truncate_log(path: Path, patience: float) -> bool:
    """Bring SQLite's write-ahead log into the database and cut it to nothing."""
    until = time.monotonic() + patience
    with closing(sqlite3.connect(path, timeout=min(patience, 1.0), isolation_level=None)) as connection:
        while True:
            try:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                raise unavailable(error) from error
            if not busy:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(_PAUSE)


def _vacuum(engine: Engine, patience: float) -> bool:
    """Write PostgreSQL's tables anew once no snapshot sees the deleted rows any more."""
    own = open_writer(engine.url, patience=patience).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with explained(), own.connect() as connection:
            unseen = _wait_for_readers(connection, patience)
            for table in _HOLDING:
                connection.execute(text(f"VACUUM (FULL) {table.name}"))
            _checkpoint(connection)
            return unseen
    finally:
        own.dispose()


_OLD_SNAPSHOTS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() "
    "AND backend_xmin IS NOT NULL AND age(backend_xmin) >= age(CAST(CAST(:now AS text) AS xid))"
)


def _wait_for_readers(connection: Connection, patience: float) -> bool:
    until = time.monotonic() + patience
    now = connection.execute(
        text("SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text)")
    ).scalar_one()
    while connection.execute(_OLD_SNAPSHOTS, {"now": str(int(now) % 2**32)}).scalar_one():
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE)
    return True


def _checkpoint(connection: Connection) -> None:
    """Ask for the write-ahead log's old segments to be let go of; a user without that right leaves it to the server."""
    try:
        connection.execute(text("CHECKPOINT"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "42501":
            raise


# -- the register beside the database --------------------------------------------------------------------------------


def write_register(ledger: Ledger, path: Path) -> None:
    """Add to the file the erasures that it lacks."""
    with ledger.read() as snapshot:
        every = list(erasures(snapshot))
    if not every and not path.exists():
        return
    with _locked(path) as file:
        there = {line.id for line in _lines(file, path)}
        for record, body in every:
            if record.id not in there:
                file.write(encode(_Line.of(record, body).model_dump(mode="json")) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def replay_erasures(ledger: Ledger, path: Path) -> list[Erasure]:
    """Erase again what the file says was erased and this ledger does not know: a backup was restored.

    Raises:
        LedgerError: the file is damaged.
    """
    if not path.exists():
        return []
    with _locked(path) as file:
        lines = list(_lines(file, path))
    wanted = [line for line in lines if line.field == ledger.field]
    done = ledger.write(lambda now: [each for line in wanted if (each := _replay(now, line))])
    if done:
        sweep(ledger)
    write_register(ledger, path)
    return done


def _replay(now: Transaction, line: _Line) -> Erasure | None:
    known = list(erasures(now))
    texts = {text for _, body in known if body.subject == line.subject for text in body.texts}
    if any(record.id == line.id or body.subject == line.subject for record, body in known) and texts >= {
        *line.texts
    }:
        return None
    return erase_in(now, Trail(line.what, line.subject), line.reason, also=line.texts)[1]


class _Line(BaseModel):
    """One erasure in the register."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    at: str
    field: str
    id: str
    what: What
    subject: str
    reason: Reason
    texts: tuple[str, ...]

    @classmethod
    def of(cls, record: Record, body: Erasure) -> _Line:
        said = body.model_dump(include={"what", "subject", "reason", "texts"})
        return cls(at=record.at, field=record.field, id=record.id, **said)


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, open for reading and adding, for this process alone."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _lines(file: BinaryIO, path: Path) -> Iterator[_Line]:
    """Its lines; what a power cut left of the last one is cut off, since the ledger has that erasure too."""
    data = file.read()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        file.truncate(whole)
    file.seek(whole)
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            yield _Line.model_validate(decode(line))
        except ValueError as error:
            raise LedgerError(
                f"{path.name}, line {number}: {error}",
                hint="restore that file too, from the newest backup of it",
            ) from error
