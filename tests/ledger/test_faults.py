"""A locked database, a full disk, two programs at once, a killed process: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from fieldmark.errors import LedgerUnavailable
from fieldmark.ledger import Ledger, Transaction
from soak.ledger_kills import run
from tests.ledger.parts import FIELD, append_then_fail, cast, open_ledger, tally, vote

BIG = "incompressible or not, this is long " * 200_000  # 7 MB: more than SQLite's page cache


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_locked_database_refuses_with_a_reason_and_then_goes_on(path: Path) -> None:
    with open_ledger(path, patience=0.05) as ledger:
        cast(ledger)
        with locked(path):
            waiting = [ledger.awrite(lambda now: now.append(vote(), actor="p_x")) for _ in range(3)]
            outcomes = await asyncio.gather(*waiting, ledger.awrite(append_then_fail), return_exceptions=True)
            with ledger.read() as snapshot:  # readers do not mind
                assert snapshot.head().size == 1
            with pytest.raises(LedgerUnavailable, match="locked"):
                open_ledger(path, patience=0.05)
        for outcome in outcomes:
            assert isinstance(outcome, LedgerUnavailable)
            assert "database is locked" in outcome.message
            assert "nothing was recorded" in outcome.hint
        assert len({id(outcome) for outcome in outcomes}) == len(outcomes)
        assert cast(ledger).index == 1
        ledger.verify()


async def test_a_short_lock_is_waited_for(path: Path) -> None:
    with open_ledger(path) as ledger, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(ledger.awrite(lambda now: now.append(vote(), actor="p_x")))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        other.execute("ROLLBACK")
        assert (await waiting).index == 0


@contextmanager
def files_cannot_grow(path: Path) -> Iterator[None]:
    """The kernel refuses what would make the WAL longer, as on a full disk, but with EFBIG for ENOSPC."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(path.name + "-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [60_000, len(BIG)], ids=["at the commit", "within the work"])
def test_a_disk_that_takes_no_more_refuses_and_then_goes_on(path: Path, size: int) -> None:
    with open_ledger(path) as ledger:
        cast(ledger, comment="before")
        with files_cannot_grow(path):
            for _ in range(2):
                with pytest.raises(LedgerUnavailable, match="disk I/O error"):
                    cast(ledger, comment=BIG[:size])
            with ledger.read() as snapshot:
                assert snapshot.head().size == 1
        assert cast(ledger, comment="after").index == 1
        found = ledger.verify()
        assert (found.head.size, found.texts_held) == (2, 2)


def test_a_full_database_refuses_and_then_goes_on(path: Path) -> None:
    """SQLite's own limit on pages gives the error of a full disk (SQLITE_FULL), in the middle of a work."""

    def limit(now: Transaction, extra: int) -> None:
        pages = now.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        now.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + extra}")

    with open_ledger(path) as ledger:
        cast(ledger)
        ledger.write(lambda now: limit(now, 10))
        with pytest.raises(LedgerUnavailable, match="full") as caught:
            cast(ledger, comment=BIG)
        assert "make room" in caught.value.hint
        assert cast(ledger).index == 1  # what is small still fits
        ledger.write(lambda now: limit(now, 100_000))
        assert cast(ledger, comment=BIG).index == 2
        ledger.verify()


def test_a_work_that_hides_a_full_disk_is_not_acknowledged(path: Path) -> None:
    def hide(now: Transaction) -> None:
        with suppress(Exception):  # the mistake under test
            now.append(vote(), actor="p_x", texts={"comment": BIG})
        now.append(vote(), actor="p_x")

    with open_ledger(path) as ledger:
        cast(ledger)
        with files_cannot_grow(path), pytest.raises(LedgerUnavailable):
            ledger.write(hide)
        assert cast(ledger).index == 1
        ledger.verify()


WRITER = """
import sys
from tests.ledger.parts import cast, open_ledger
with open_ledger(sys.argv[1], patience=60) as ledger:
    for _ in range(150):
        cast(ledger, comment="x")
"""


def test_two_processes_share_one_database(path: Path) -> None:
    """Both create it, both append: the head is read again in every transaction."""
    command = [sys.executable, "-c", WRITER, str(path)]
    children = [subprocess.Popen(command) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    with open_ledger(path) as ledger:
        found = ledger.verify()
        assert (found.head.size, found.texts_held) == (300, 300)
        with ledger.read() as snapshot:
            assert tally(snapshot) == {"alpha": 300}


def test_two_ledgers_in_one_process_share_one_database(path: Path) -> None:
    with open_ledger(path) as one, open_ledger(path) as other:
        assert [cast(each).index for each in (one, other, other, one)] == [0, 1, 2, 3]
        assert one.verify() == other.verify()


def test_leaving_without_close_loses_nothing_acknowledged(path: Path) -> None:
    leaving = WRITER.replace("with open_ledger", "ledger = open_ledger").replace(" as ledger:", "")
    leaving = leaving.replace("    for", "for").replace("        cast", "    cast")
    assert subprocess.run([sys.executable, "-c", leaving, str(path)], check=False, timeout=60).returncode == 0
    with Ledger.open(path, field=FIELD) as ledger:
        assert ledger.verify().head.size == 150


def test_nothing_acknowledged_is_lost_to_kills(tmp_path: Path) -> None:
    result = run(tmp_path, kills=3)
    assert result.acknowledged > 3
    assert result.lost == []
    assert result.verified.head.size >= result.acknowledged
