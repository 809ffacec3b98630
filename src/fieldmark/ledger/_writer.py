"""The one writer: a thread that commits what waits as one group, and acknowledges only after the commit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from fieldmark.errors import FieldmarkError, LedgerUnavailable
from fieldmark.ledger._elsewhere import Own
from fieldmark.ledger._engine import kind_of, unavailable, understood
from fieldmark.ledger._prepared import drive
from fieldmark.ledger._transaction import Log, Transaction

T = TypeVar("T")
Work = Callable[[Transaction], T]

GROUP = 256
"""Works committed together at most."""


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    future: Future[Any] | asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = None


class Writer:
    """Runs works in the order they came, each in a savepoint, up to `GROUP` of them in one transaction."""

    def __init__(
        self,
        engine: Engine,
        open_log: Callable[..., Log],
        clock: Callable[[], datetime],
        name: str,
        patience: float = 5.0,
    ) -> None:
        self._engine = engine
        self._kind = kind_of(engine.url)
        self._open_log = open_log
        self._clock = clock
        self._patience = patience
        self._own = Own()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self.committed: Callable[[float], None] = lambda _: None
        """Told how many seconds each group took until it was on disk."""
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work[Any], future: Future[Any] | asyncio.Future[Any]) -> None:
        """Have `work` done; `future` gets its result once it is on disk.

        Raises:
            LedgerUnavailable: the writer is closed.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a work cannot wait for another write: append in the transaction it was given")
        with self._closing:
            if self._closed:
                raise LedgerUnavailable("the ledger is closed")
            self._queue.put(_Job(work, future))

    def close(self) -> None:
        """Finish what was submitted, then end the thread."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs, more = self._drain(job)
            begun = time.perf_counter()
            self._commit(jobs)
            self.committed(time.perf_counter() - begun)
            _deliver(jobs)
            if not more:
                return

    def _drain(self, job: _Job) -> tuple[list[_Job], bool]:
        jobs = [job]
        while len(jobs) < GROUP:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return jobs, False
            jobs.append(following)
        return jobs, True

    def not_own(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Ranges of records within `start` to `stop` that this writer did not append."""
        return self._own.gaps(start, stop)

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            with self._engine.connect() as connection:
                connection.begin()
                log = self._open_log(connection)
                first = log.size
                for job in jobs:
                    self._run(log, job)
                log.settle()
                self._finish(connection)
        except BaseException as error:
            for job in jobs:
                job.error = _failure(error)
        else:
            self._own.add(first, log.size)

    def _finish(self, connection: Connection) -> None:
        """Commit. When the server is lost before it answers, what it did is asked once it is back."""
        mark = self._kind.mark(connection)
        try:
            connection.commit()
        except DBAPIError as error:
            if mark is None or not error.connection_invalidated:
                raise
            committed = self._kind.is_committed(self._engine, mark, self._patience)
            if committed is None:
                raise LedgerUnavailable(
                    "the database's server went away while it was committing",
                    hint="whether this was recorded is not known: look before you try again",
                ) from error
            if not committed:
                raise

    def _run(self, log: Log, job: _Job) -> None:
        mark = log.mark()
        drive(log.connection, "SAVEPOINT work")
        try:
            job.value = job.work(Transaction(log, self._clock()))
            drive(log.connection, "RELEASE SAVEPOINT work")
        except BaseException as error:  # a work must not end the writer, whatever it raises
            refused = understood(error)
            try:
                drive(log.connection, "ROLLBACK TO SAVEPOINT work")
            except SQLAlchemyError:  # the store gave up the whole transaction: then the group fails
                raise refused or error from None
            log.reset(mark)
            job.error = refused or error


def _failure(error: BaseException) -> FieldmarkError:
    if isinstance(error, LedgerUnavailable):
        return LedgerUnavailable(error.message, hint=error.hint)
    failure = unavailable(error)
    failure.__cause__ = error
    return failure


def _deliver(jobs: list[_Job]) -> None:
    """Resolve the futures; those of one event loop together, since each wake-up costs a system call."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        if isinstance(job.future, Future):
            _resolve([job])
        else:
            loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, waiting in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, waiting)
        except RuntimeError:  # the loop is closed: nobody waits any more, and what was done is done
            continue


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # given up meanwhile; the write stands
            continue
        if job.error is None:
            job.future.set_result(job.value)
        else:
            job.future.set_exception(job.error)
