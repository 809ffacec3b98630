"""The database itself: everything that is about one engine (SQLite here) and no other."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from fieldmark.errors import LedgerError, LedgerUnavailable

MIGRATIONS = Path(__file__).with_name("migrations")

# What a full, locked or damaged store says, as against a mistake in a statement.
_REFUSALS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}


def database_url(database: str | os.PathLike[str]) -> URL:
    """A path means SQLite; anything with `://` is a SQLAlchemy URL."""
    text = os.fspath(database)
    return make_url(text) if "://" in text else URL.create("sqlite", database=str(Path(text).resolve()))


def is_there(url: URL) -> bool:
    """Whether the database exists (a server's database is asked when it is opened)."""
    return url.get_backend_name() != "sqlite" or Path(url.database or "").is_file()


def open_writer(url: URL, *, patience: float) -> Engine:
    """For the one writer: every transaction holds the write lock from its start. `patience` is in seconds."""
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # it holds people's texts; SQLite gives its other files the same mode
    engine = create_engine(url, pool_size=1, max_overflow=0)
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    _prepare(engine, patience, "BEGIN IMMEDIATE", pragmas)
    _stop_after_rollback(engine)
    return engine


def open_readers(url: URL, *, patience: float) -> Engine:
    """For snapshots: a transaction sees one state of the database and can change nothing."""
    engine = create_engine(url, pool_size=4, max_overflow=60)
    _prepare(engine, patience, "BEGIN", ("query_only=ON",))
    return engine


def open_scratch() -> Engine:
    """An empty database in memory, for recomputing."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    _prepare(engine, 0, "BEGIN", ())
    return engine


def _prepare(engine: Engine, patience: float, begin: str, pragmas: tuple[str, ...]) -> None:
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # Python's sqlite3 shall not begin transactions of its own
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={int(patience * 1000)}", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _stop_after_rollback(engine: Engine) -> None:
    """A full disk ends SQLite's transaction by itself: what came after it would be committed alone."""

    @event.listens_for(engine, "handle_error")
    def _given_up(context: ExceptionContext) -> None:
        raw = context.connection and context.connection.connection.dbapi_connection
        began = context.statement and not context.statement.startswith("BEGIN")
        if isinstance(raw, sqlite3.Connection) and began and not raw.in_transaction:
            context.is_disconnect = True  # SQLAlchemy then refuses every further statement
            context.invalidate_pool_on_disconnect = False


def refusal(error: DBAPIError) -> LedgerUnavailable | None:
    """The error to raise when the store refused (full, locked, damaged, gone); None for a wrong statement."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if not error.connection_invalidated and (code is None or code & 0xFF not in _REFUSALS):
        return None
    return unavailable(error)


def unavailable(error: BaseException) -> LedgerUnavailable:
    """Nothing was acknowledged, and why."""
    reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    hint = "nothing was recorded; try again"
    if "full" in reason or "I/O" in reason:
        hint = "nothing was recorded; make room on the disk and try again"
    elif "locked" in reason:
        hint = "nothing was recorded; another program holds the database: let it finish and try again"
    return LedgerUnavailable(f"the ledger's database refused: {reason}", hint=hint)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the store refuses into `LedgerUnavailable`; other errors pass."""
    try:
        yield
    except DBAPIError as error:
        refused = refusal(error)
        if refused is None:
            raise
        raise refused from error


def migrate(connection: Connection) -> None:
    """Bring the ledger's own tables to this version of the program, inside the caller's transaction.

    Raises:
        LedgerError: a newer program has migrated this database.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise LedgerError(
            f"this database is newer than this Fieldmark ({error})",
            hint="open it with the Fieldmark that wrote it, or a later one",
        ) from error
