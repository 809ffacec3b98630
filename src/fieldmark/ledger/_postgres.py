"""PostgreSQL: a database on a server, several writing processes, every commit on the server's disk."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from fieldmark.errors import LedgerError

OPENING = 0x4669656C646D6172
"""Advisory lock of whoever opens or migrates (eight bytes that nobody else will choose: "Fieldmar")."""
GUARD = "projections"
"""Table that snapshots hold, so that tables are not replaced under them. Not `heads`: writers that wait there for
each other hold it too, and one of them asking for it alone would be a deadlock."""

_READING = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; LOCK TABLE {GUARD} IN ACCESS SHARE MODE"
_ROOM = "nothing was recorded; make room on the database server's disk and try again"
_GONE = "nothing was recorded; see that the database server runs and can be reached, then try again"
_LOCKED = "nothing was recorded; another program holds the database: let it finish and try again"
_AGAIN = "nothing was recorded; try again"
_HINTS = {
    "08": _GONE,
    "25006": "nothing was recorded; this server takes no writes (a standby): give the URL of the primary",
    "25P02": _AGAIN,
    "28": "see that user and password in FIELDMARK_DATABASE_URL are right",
    "3D000": "make the database first: `createdb NAME`",
    "40": _AGAIN,
    "42501": "give the database's user the right to create tables there: "
    "`GRANT ALL ON SCHEMA public TO USER`, or make it the owner",
    "53100": _ROOM,
    "53300": "nothing was recorded; the server has no connection left: raise its max_connections, or stop "
    "what holds them",
    "53": "nothing was recorded; the database server is short of memory or places: try again",
    "55P03": _LOCKED,
    "57": _GONE,
    "58": _ROOM,
    "XX": "nothing was recorded; the server says that its data are damaged: see its log",
}
"""Beginnings of SQLSTATE that are a refusal of the store, not a mistake in a statement; the longest one decides."""


def is_there(url: URL) -> bool:  # noqa: ARG001
    """Only the server knows."""
    return True


def open_writer(url: URL, patience: float) -> Engine:
    """Transactions see what was committed before each statement; the lock on the head's row orders them."""
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=_arguments(patience),
    )
    _prepare(engine, patience, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", _be_durable)
    return engine


def open_readers(url: URL, patience: float) -> Engine:
    """A transaction sees one state, and only reads. A process takes 20 connections of the server's at most."""
    engine = create_engine(
        url,
        pool_size=4,
        max_overflow=16,
        pool_timeout=max(patience, 1),
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args=_arguments(patience),
    )
    _prepare(engine, patience, _READING)
    return engine


def open_bare(url: URL, patience: float) -> Engine:
    """For a look at a database that may hold nothing of ours: one connection, statement by statement."""
    engine = create_engine(url, pool_size=1, max_overflow=0, connect_args=_arguments(patience))
    _prepare(engine, patience, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    return engine


def _arguments(patience: float) -> dict[str, Any]:
    return {
        "connect_timeout": max(2, int(patience)),
        "application_name": "fieldmark",
        "client_encoding": "utf8",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        # The engine's own `begin` says how a transaction starts; psycopg shall start none.
        "autocommit": True,
        # Statements stay the same for the life of a process, but tables may be made anew under a plan.
        "prepare_threshold": None,
    }


def _prepare(engine: Engine, patience: float, begin: str, more: Any = None) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.execute(f"SET lock_timeout = {max(1, int(patience * 1000))}")
        connection.execute("SET TIME ZONE 'UTC'")
        if more:
            more(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":  # what VACUUM needs
            connection.exec_driver_sql(begin)


def _be_durable(connection: Any) -> None:
    """A commit is answered only once it is on disk; a server that never writes to disk is refused."""
    connection.execute("SET synchronous_commit = on")
    if connection.execute("SHOW fsync").fetchone()[0] != "on":
        raise LedgerError(
            "this PostgreSQL server runs with fsync=off: what it says is committed may be lost with the power",
            hint="set fsync = on in its postgresql.conf and restart it",
        )


def refused(error: DBAPIError) -> str | None:
    """What to do when the server is gone, full or busy; None for any other error."""
    import psycopg

    original = error.orig
    if not isinstance(original, psycopg.Error):
        return None
    state = original.sqlstate or ""
    for length in (5, 2):
        if len(state) == 5 and state[:length] in _HINTS:
            return _HINTS[state[:length]]
    lost = error.connection_invalidated or (isinstance(original, psycopg.OperationalError) and not state)
    return _from_words(str(original)) if lost else None


def _from_words(reason: str) -> str:
    """A failed connection has no SQLSTATE on the client's side."""
    for words, state in (
        ("too many", "53300"),
        ("remaining connection slots", "53300"),
        ("authentication failed", "28"),
        ("does not exist", "3D000"),
    ):
        if words in reason:
            return _HINTS[state]
    return _GONE


def alone(connection: Connection, patience: float) -> None:  # noqa: ARG001
    """Held until the transaction ends; waited for as long as for any lock."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({OPENING})")


def no_readers(connection: Connection) -> None:
    """Wait for snapshots, and keep new ones waiting until the transaction ends."""
    connection.exec_driver_sql(f"LOCK TABLE {GUARD} IN ACCESS EXCLUSIVE MODE")


def mark(connection: Connection) -> str | None:
    """The transaction's number on the server."""
    return str(connection.exec_driver_sql("SELECT pg_current_xact_id()").scalar_one())


def is_committed(engine: Engine, mark: str, patience: float) -> bool | None:
    """Ask the server, as soon as it answers again, what became of a transaction."""
    end = time.monotonic() + patience
    while True:
        try:
            with engine.begin() as connection:
                status = connection.exec_driver_sql(
                    f"SELECT pg_xact_status('{int(mark)}'::xid8)"
                ).scalar_one()
        except (SQLAlchemyError, LedgerError):
            status = "in progress"
        if status in {"committed", "aborted"}:
            return bool(status == "committed")
        if time.monotonic() > end:
            return None
        time.sleep(0.1)
