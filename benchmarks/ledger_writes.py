"""Durable single-record writes: 64 writers, each waiting until its record is on disk."""

from __future__ import annotations

import asyncio
import hashlib
import json
import queue
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks._row import Row, at_least, benchmark, unbounded

WRITERS = 64
SECONDS = 3.0


@benchmark(
    "durable writes/s and their latency, 64 writers on SQLite; raw sqlite3 with the same grouping beside it"
)
def run(fault: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        rate, p99 = _ledger(Path(folder) / "ledger.db", fault=fault)
        yield at_least(
            "durable writes, 64 asyncio writers", rate, "/s", 2000, f"99th percentile {p99:.0f} ms"
        )
        rate, p99 = _threads(Path(folder) / "threads.db")
        yield unbounded("durable writes, 64 threads", rate, "/s", f"99th percentile {p99:.0f} ms")
        rate, p99 = _raw(Path(folder) / "raw.db")
        yield unbounded(
            "peer raw sqlite3, 64 threads",
            rate,
            "/s",
            f"group commit, no checks; 99th percentile {p99:.0f} ms",
        )


def _ledger(path: Path, *, fault: bool) -> tuple[float, float]:
    """With `fault`, every record is committed alone."""
    from fieldmark.ledger import Ledger, Transaction, _writer
    from fieldmark.ledger.evidence import VoteCast

    vote = VoteCast(
        choice="a", a="a" * 64, b="b" * 64, mode="blind", propensity=0.125, decision_ms=9000, counts=True
    )

    def work(now: Transaction) -> int:
        return now.append(vote, actor="p_abcdefghijklmnopqrstuvwxyz").index

    group, _writer.GROUP = _writer.GROUP, 1 if fault else _writer.GROUP
    try:
        with Ledger.open(path, field="benchmark") as ledger:
            return asyncio.run(_tasks(lambda: ledger.awrite(work)))
    finally:
        _writer.GROUP = group


def _threads(path: Path) -> tuple[float, float]:
    from fieldmark.ledger import Ledger
    from fieldmark.ledger.evidence import VoteCast

    vote = VoteCast(
        choice="a", a="a" * 64, b="b" * 64, mode="blind", propensity=0.125, decision_ms=9000, counts=True
    )
    with Ledger.open(path, field="benchmark") as ledger:
        return _in_threads(lambda: ledger.write(lambda now: now.append(vote, actor="p_x")))


async def _tasks(write: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    waits: list[float] = []
    end = time.perf_counter() + SECONDS

    async def writer() -> None:
        while (began := time.perf_counter()) < end:
            await write()
            waits.append(time.perf_counter() - began)

    await asyncio.gather(*(writer() for _ in range(WRITERS)))
    return _summary(waits)


def _in_threads(write: Callable[[], object]) -> tuple[float, float]:
    waits: list[float] = []
    end = time.perf_counter() + SECONDS

    def writer() -> None:
        while (began := time.perf_counter()) < end:
            write()
            waits.append(time.perf_counter() - began)

    threads = [threading.Thread(target=writer) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _summary(waits)


def _summary(waits: list[float]) -> tuple[float, float]:
    return len(waits) / SECONDS, statistics.quantiles(waits, n=100)[98] * 1000


def _raw(path: Path) -> tuple[float, float]:
    """A log in 30 lines: one thread, one INSERT per record, one commit for all that wait."""
    waiting: queue.SimpleQueue[tuple[bytes, threading.Event] | None] = queue.SimpleQueue()
    writer = threading.Thread(target=_raw_writer, args=(path, waiting))
    writer.start()
    body: dict[str, Any] = {"choice": "a", "a": "a" * 64, "b": "b" * 64, "mode": "blind", "propensity": 0.125}
    body |= {"decision_ms": 9000, "counts": True, "partial": False, "leak": False, "category": None}

    def write() -> None:
        done = threading.Event()
        record = {
            "v": 1,
            "type": "vote",
            "field": "benchmark",
            "actor": "p_x",
            "at": time.time(),
            "body": body,
        }
        waiting.put((json.dumps(record, sort_keys=True).encode(), done))
        done.wait()

    try:
        return _in_threads(write)
    finally:
        waiting.put(None)
        writer.join()


def _raw_writer(path: Path, waiting: queue.SimpleQueue[tuple[bytes, threading.Event] | None]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE records (n INTEGER PRIMARY KEY, hash BLOB NOT NULL, raw BLOB NOT NULL)",
        ):
            connection.execute(statement)
        digest, size = bytes(32), 0
        while (item := waiting.get()) is not None:
            group = [item]
            while len(group) < 256 and not waiting.empty() and (more := waiting.get()) is not None:
                group.append(more)
            connection.execute("BEGIN IMMEDIATE")
            for raw, _ in group:
                digest = hashlib.sha256(digest + hashlib.sha256(raw).digest()).digest()
                connection.execute("INSERT INTO records VALUES (?, ?, ?)", (size, digest, raw))
                size += 1
            connection.execute("COMMIT")
            for _, done in group:
                done.set()
