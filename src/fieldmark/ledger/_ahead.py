"""Looking at records ahead of the walk, in processes of their own: parsing and hashing take most of a verification.

A process is handed a page of records and gives back what the walk needs of it, or nothing: then the walk looks at the
page itself, and says what is wrong with it, if anything.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import IO, Any, NamedTuple

from fieldmark.ledger._projection import Projection
from fieldmark.ledger._record import Entry

PAGE = 16_000
"""Records handed over at once."""
ENOUGH = 60_000
"""Below so many records starting processes takes longer than they save."""
_SPECIAL = {"key", "head", "erasure"}
_AHEAD = 3
_VAIN = 3
"""After so many pages in a row that had to be looked at again, the rest is not handed over."""

Page = tuple[Sequence[bytes], Sequence[bytes]]
"""Records, and the leaves that are stated for them."""


class Looked(NamedTuple):
    """What a page gave: all of it is sound as far as it can be told without what comes before."""

    leaves: list[bytes]
    ids: list[str]
    types: list[str]
    folds: list[Any]
    """Per projection, what `Projection.fold` gave."""


def look(field: str, projections: Sequence[Projection], start: int, raws: Sequence[bytes]) -> Looked | None:
    """Look at a page whose first record has the index `start`; None when the walk must do it."""
    entries = []
    for index, raw in enumerate(raws, start):
        try:
            entry = Entry.of(index, raw)
        except ValueError:
            return None
        record = entry.record
        if record.field != field or record.commitments or record.type in _SPECIAL:
            return None
        entries.append(entry)
    folds = []
    for projection in projections:
        fold = projection.fold(entries)
        if fold is None:
            return None
        folds.append(fold)
    ids, types = [each.record.id for each in entries], [each.record.type for each in entries]
    return Looked([each.hash for each in entries], ids, types, folds)


class Ahead:
    """Hands pages to the processes and gives them back in order, each with what was found."""

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]], threads: ThreadPoolExecutor) -> None:
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in processes:
            self._idle.put(process)
        self._threads = threads

    def pages(self, pages: Iterator[tuple[int, Page, Any]]) -> Iterator[tuple[Page, Any, Looked | None]]:
        """For each `(index of its first record, page, what belongs to it)`."""
        waiting: deque[tuple[Page, Any, Future[Looked | None] | None]] = deque()
        vain = 0
        for start, page, more in pages:
            asked = self._threads.submit(self._ask, start, page) if page[0] and vain < _VAIN else None
            waiting.append((page, more, asked))
            if len(waiting) > _AHEAD:
                done = _result(waiting.popleft())
                vain = vain + 1 if done[2] is None else 0
                yield done
        while waiting:
            yield _result(waiting.popleft())

    def _ask(self, start: int, page: Page) -> Looked | None:
        process = self._idle.get()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            _send(process.stdin, (start, page[0]))
            found: Looked | None = pickle.load(process.stdout)  # noqa: S301 - our own child
            self._idle.put(process)
        except (OSError, EOFError, pickle.PickleError):  # it was killed: the walk looks itself
            self._idle.put(process)
            return None
        return found if found is not None and found.leaves == page[1] else None


def _result(waiting: tuple[Page, Any, Future[Looked | None] | None]) -> tuple[Page, Any, Looked | None]:
    page, more, asked = waiting
    return page, more, asked.result() if asked is not None else None


@contextmanager
def ahead(
    field: str, projections: Sequence[Projection], size: int, workers: int | None
) -> Iterator[Ahead | None]:
    """Processes for a log of that size; None where they would not pay, or `workers` is 1."""
    count = workers if workers is not None else min(2, os.cpu_count() or 1) if size >= ENOUGH else 1
    with uncollected(), _processes(field, projections, count) as helpers:
        yield helpers


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector: records hold no cycles, and looking for some takes a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def _processes(field: str, projections: Sequence[Projection], count: int) -> Iterator[Ahead | None]:
    if count < 2:
        yield None
        return
    try:
        first = pickle.dumps((field, list(projections)))
    except (pickle.PickleError, AttributeError, TypeError):  # a projection that cannot be sent
        yield None
        return
    command = [sys.executable, "-c", "from fieldmark.ledger._ahead import serve; serve()"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(count)
    ]
    try:
        with ThreadPoolExecutor(count) as threads:
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(first)
                process.stdin.flush()
            yield Ahead(processes, threads)
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _send(stream: IO[bytes], value: object) -> None:
    stream.write(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    stream.flush()


def serve() -> None:
    """The other end: until standard input ends."""
    gc.disable()  # records hold no cycles, and looking for some takes a third of the time
    field, projections = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent
    while True:
        try:
            start, raws = pickle.load(sys.stdin.buffer)  # noqa: S301
        except EOFError:
            return
        _send(sys.stdout.buffer, look(field, projections, start, raws))
