"""Several processes on one database: which records are whose, and which processes are alive."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import deque

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from fieldmark.ledger import _postgres
from fieldmark.ledger._engine import explained

_KEPT = 4096
_holders = text(
    "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Own:
    """Ranges of records that this process appended. The oldest are forgotten: they then count as others'."""

    def __init__(self) -> None:
        self._ranges: deque[tuple[int, int]] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, start: int, stop: int) -> None:
        """These were committed, after all that were added before."""
        with self._lock:
            if start == stop:
                return
            if self._ranges and self._ranges[-1][1] == start:
                start = self._ranges.pop()[0]
            self._ranges.append((start, stop))

    def gaps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """What lies between `start` and `stop` and is not own."""
        found = []
        with self._lock:
            for first, end in self._ranges:
                if end <= start:
                    continue
                if first >= stop:
                    break
                if first > start:
                    found.append((start, first))
                start = end
        return [*found, (start, stop)] if start < stop else found


class Presence:
    """Shows the other processes on a PostgreSQL that this one is alive, by a lock that its session holds.

    On SQLite there is no other server (`serving.lock`), and nobody to show it to: `shared` is False.
    """

    def __init__(self, url: URL) -> None:
        self.shared = url.get_backend_name() == "postgresql"
        self._key = secrets.randbits(62)
        self._url = url
        self._engine: Engine | None = None
        self._session: Connection | None = None
        self._lock = threading.Lock()

    @property
    def holder(self) -> str:
        """This process's name in the table `leases`."""
        return f"{self._key:x}"

    def show(self) -> None:
        """Hold the lock, again if the server was lost meanwhile. To be called every second or so.

        Raises:
            LedgerUnavailable: the server cannot be reached.
        """
        if not self.shared:
            return
        with self._lock, explained():
            try:
                if self._session is not None:
                    self._session.exec_driver_sql("SELECT 1")
                    self._session.rollback()
                    return
            except SQLAlchemyError:
                self._drop()
            self._session = self._take()

    def _take(self) -> Connection:
        self._engine = self._engine or _postgres.open_bare(self._url, 5.0)
        session = self._engine.connect()
        session.exec_driver_sql(f"SELECT pg_advisory_lock({self._key})")
        session.rollback()  # the lock is the session's, not the transaction's
        return session

    def alive(self, connection: Connection, holder: str) -> bool:
        """Whether the process of that name is this one, or holds its lock now."""
        if holder == self.holder:
            return True
        return self.shared and holder in {f"{key:x}" for key in connection.execute(_holders).scalars()}

    def close(self) -> None:
        """Let go."""
        with self._lock:
            self._drop()
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(SQLAlchemyError):
                session.invalidate()  # the server lets go of the lock when the connection ends
                session.close()
