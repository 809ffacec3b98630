"""SQLite: a file beside the field, one writer, WAL, every commit on disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.exc import DBAPIError

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


def is_there(url: URL) -> bool:
    """Whether the file exists."""
    return Path(url.database or "").is_file()


def open_writer(url: URL, patience: float) -> Engine:
    """Every transaction holds the write lock from its start."""
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # it holds people's texts; SQLite gives its other files the same mode
    engine = create_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    prepare(engine, patience, "BEGIN IMMEDIATE", pragmas)
    _stop_after_rollback(engine)
    return engine


def open_readers(url: URL, patience: float) -> Engine:
    """A transaction sees one state, and only reads."""
    engine = create_engine(url, pool_size=4, max_overflow=60, hide_parameters=True)
    prepare(engine, patience, "BEGIN", ("query_only=ON",))
    return engine


open_bare = open_readers


def prepare(engine: Engine, patience: float, begin: str, pragmas: tuple[str, ...]) -> None:
    """Begin transactions with `begin`, set `pragmas`, and wait `patience` seconds for locks."""

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
        if began and gave_up(raw):
            context.is_disconnect = True  # SQLAlchemy then refuses every further statement
            context.invalidate_pool_on_disconnect = False


def gave_up(raw: object) -> bool:
    """Whether SQLite has ended the transaction of this driver's connection by itself."""
    return isinstance(raw, sqlite3.Connection) and not raw.in_transaction


def refused(error: DBAPIError) -> str | None:
    """What to do about a full, locked or damaged file; None for any other error."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is None or (code & 0xFF not in _REFUSALS and not error.connection_invalidated):
        return None
    reason = str(error.orig)
    if "full" in reason or "I/O" in reason:
        return "nothing was recorded; make room on the disk and try again"
    if "locked" in reason:
        return "nothing was recorded; another program holds the database: let it finish and try again"
    return "nothing was recorded; try again"


def alone(connection: Connection, patience: float) -> None:
    """The write lock, which the transaction holds already, says so."""


def no_readers(connection: Connection) -> None:
    """A snapshot of SQLite sees the tables as they were."""


def mark(connection: Connection) -> str | None:  # noqa: ARG001
    """A commit to a file has an answer, or the process is gone."""
    return None


def is_committed(engine: Engine, mark: str, patience: float) -> bool | None:  # noqa: ARG001
    """Never in doubt."""
    return None
