"""Writing and reading: one work, many at once, works that fail, works that see one another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from fieldmark.errors import InputError, LedgerError, LedgerUnavailable, NotFound
from fieldmark.ledger import Commitment, Entry, Head, Ledger, Transaction, field_of
from fieldmark.ledger._tree import EMPTY, node
from fieldmark.ledger.evidence import Reveal, VoteCast
from tests.ledger.parts import FIELD, append_then_fail, cast, open_ledger, tally, tampered, vote, wins


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with open_ledger(path) as ledger:
        yield ledger


def test_what_is_appended_can_be_read(ledger: Ledger) -> None:
    first = cast(ledger, comment="Größer\0🎈")
    second = ledger.write(
        lambda now: now.append(
            Reveal(),
            actor="p_x",
            refs={"vote": first.record.id},
            commitments={"comment": first.record.commitments["comment"]},
        )
    )
    with ledger.read() as snapshot:
        assert list(snapshot.entries()) == [first, second]
        assert list(snapshot.entries(types=[Reveal])) == [second]
        assert list(snapshot.entries(1, 2, types=["reveal", "vote"])) == [second]
        assert snapshot.entry(first.record.id) == first
        assert snapshot.head() == Head(2, node(first.hash, second.hash).hex())
        assert snapshot.text(second.record.commitments["comment"].text_id) == "Größer\0🎈"
        assert snapshot.text("t_unknown") is None
        with pytest.raises(NotFound, match="no record has the id"):
            snapshot.entry("nobody")
    assert (first.index, second.index) == (0, 1)
    assert isinstance(first.record.body, VoteCast)
    assert first.record.field == FIELD


def test_no_text_is_in_a_record(ledger: Ledger) -> None:
    entry = cast(ledger, comment="a plain word")
    assert b"plain" not in entry.raw
    again = cast(ledger, comment="a plain word")
    assert again.record.commitments != entry.record.commitments


def test_the_field_is_kept_in_the_database(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    assert field_of(path) == FIELD
    with pytest.raises(InputError, match="holds the field 'letters', not 'desk'"):
        Ledger.open(path, field="desk")
    with pytest.raises(NotFound, match="no ledger at"):
        field_of(tmp_path / "nothing.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(LedgerError, match="holds no ledger"):
        field_of(tmp_path / "empty.db")
    (tmp_path / "prose.db").write_text("certainly not a database, but long enough to look into" * 99)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        Ledger.open(tmp_path / "prose.db", field=FIELD)


def test_the_database_is_durable_and_private(ledger: Ledger, path: Path) -> None:
    def pragmas(now: Transaction) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        return [now.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    assert ledger.write(pragmas) == ["wal", 2, 1, 1]
    assert {each.stat().st_mode & 0o077 for each in path.parent.iterdir()} == {0}


def test_a_snapshot_neither_moves_nor_writes(ledger: Ledger) -> None:
    cast(ledger)
    with ledger.read() as snapshot:
        cast(ledger)
        assert snapshot.head().size == 1
        assert len(list(snapshot.entries())) == 1
        with pytest.raises(LedgerUnavailable, match=r"read-?only"), ledger.read() as other:
            other.connection.execute(wins.delete())


def test_a_failing_work_leaves_nothing_and_tells_its_caller(ledger: Ledger) -> None:
    cast(ledger)
    with pytest.raises(ZeroDivisionError):
        ledger.write(append_then_fail)
    with ledger.read() as snapshot:
        assert snapshot.head().size == 1
        assert tally(snapshot) == {"alpha": 1}
    assert ledger.verify().texts_held == 0
    assert cast(ledger).index == 1


def _held_up(ledger: Ledger) -> threading.Event:
    """Keep the writer busy until the event is set, so that what is submitted meanwhile becomes one group."""
    go, busy = threading.Event(), threading.Event()

    def wait(now: Transaction) -> None:
        busy.set()
        go.wait(10)

    threading.Thread(target=ledger.write, args=(wait,)).start()
    busy.wait(10)
    return go


async def test_a_group_chains_and_fails_one_by_one(ledger: Ledger) -> None:
    go = _held_up(ledger)
    sizes: list[int] = []

    def look(now: Transaction) -> int:
        sizes.append(now.connection.execute(select(wins.c.wins).where(wins.c.digest == "alpha")).scalar_one())
        return now.head.size

    def add(now: Transaction) -> Entry:
        return now.append(vote(), actor="p_x")

    works = [add, append_then_fail, look, add, append_then_fail, look]
    waiting = [asyncio.ensure_future(ledger.awrite(work)) for work in works]
    await asyncio.sleep(0)
    go.set()
    first, failed, after, second, _, end = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(failed, ZeroDivisionError)
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    assert (first.index, second.index) == (0, 1)
    assert (after, end, sizes) == (1, 2, [1, 2])  # works see those before them, uncommitted
    assert ledger.verify().head.size == 2


async def test_giving_up_the_wait_does_not_give_up_the_write(ledger: Ledger) -> None:
    go = _held_up(ledger)
    given_up = asyncio.ensure_future(ledger.awrite(lambda now: now.append(vote(), actor="p_x")))
    await asyncio.sleep(0)
    given_up.cancel()
    go.set()
    assert await ledger.awrite(lambda now: now.head.size) == 1


def test_many_threads_at_once(ledger: Ledger) -> None:
    def append_some() -> None:
        for _ in range(25):
            cast(ledger)

    threads = [threading.Thread(target=append_some) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.verify().types == {"vote": 400}


def test_a_waiting_write_is_finished_by_close(path: Path) -> None:
    ledger = open_ledger(path)
    go = _held_up(ledger)
    results: list[Entry] = []
    thread = threading.Thread(target=lambda: results.append(cast(ledger)))
    thread.start()
    go.set()
    thread.join()
    ledger.close()
    ledger.close()
    assert results[0].index == 0
    with pytest.raises(LedgerUnavailable, match="closed"):
        cast(ledger)


def test_the_loop_of_a_waiting_write_may_be_gone(path: Path) -> None:
    with open_ledger(path) as ledger:
        go = _held_up(ledger)

        async def leave() -> None:
            waiting = asyncio.ensure_future(ledger.awrite(lambda now: now.append(vote(), actor="p_x")))
            await asyncio.sleep(0)
            waiting.cancel()

        asyncio.run(leave())
        go.set()
        assert ledger.write(lambda now: now.head.size) == 1


def test_a_work_that_waits_for_another_write_is_told_so(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="append in the transaction"):
        ledger.write(lambda now: cast(ledger))


def test_what_cannot_be_written_down_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InputError, match="not valid Unicode"):
        cast(ledger, comment="half a pair: \ud83d")
    commitment = Commitment("t_x", "0")
    with pytest.raises(ValueError, match="both as a text and as a commitment"):
        ledger.write(
            lambda now: now.append(vote(), actor="p_x", texts={"c": ""}, commitments={"c": commitment})
        )
    with pytest.raises(ValueError, match="actor must be"):
        ledger.write(lambda now: now.append(vote(), actor=""))
    with pytest.raises(ValueError, match="JSON"):
        ledger.write(lambda now: now.append(vote(propensity=float("nan")), actor="p_x"))
    assert ledger.verify().head.size == 0


def test_a_clock_that_goes_back_breaks_nothing(path: Path) -> None:
    moments = [datetime(2026, 5, 1, tzinfo=UTC) - timedelta(days=day) for day in range(3)]
    clock = iter(moments)
    with Ledger.open(path, field=FIELD, clock=lambda: next(clock)) as ledger:
        entries = [cast(ledger) for _ in moments]
        assert [each.record.at[:10] for each in entries] == ["2026-05-01", "2026-04-30", "2026-04-29"]
        assert [each.record.id for each in entries] == sorted(each.record.id for each in entries)
        assert ledger.verify().head.size == 3


def test_records_of_one_work_share_its_time(ledger: Ledger) -> None:
    def two(now: Transaction) -> tuple[Entry, Entry]:
        assert now.now().tzinfo is UTC
        return now.append(vote(), actor="p_x"), now.append(Reveal(), actor="p_x")

    first, second = ledger.write(two)
    assert first.record.at == second.record.at


def test_a_person_is_a_pseudonym_whose_link_can_go(ledger: Ledger, path: Path) -> None:
    known = ledger.write(lambda now: now.pseudonym("cookie"))
    assert ledger.write(lambda now: now.pseudonym("cookie")) == known
    assert ledger.write(lambda now: now.pseudonym("another")) != known
    with ledger.read() as snapshot:
        assert snapshot.pseudonym("cookie") == known
        assert snapshot.pseudonym("stranger") is None
    assert b"cookie" not in path.read_bytes() + path.with_name("ledger.db-wal").read_bytes()
    with tampered(path) as connection:
        connection.execute("DELETE FROM people WHERE pseudonym = ?", (known,))
    with ledger.read() as snapshot:
        assert snapshot.pseudonym("cookie") is None


def test_a_head_is_found_by_size_hash_or_both(ledger: Ledger) -> None:
    heads = [Head(0, EMPTY.hex())]
    for _ in range(3):
        cast(ledger)
        with ledger.read() as snapshot:
            heads.append(snapshot.head())
    with ledger.read() as snapshot:
        for head in heads:
            assert snapshot.head_at(head.size) == snapshot.find_head(str(head)) == head
            assert snapshot.find_head(str(head.size)) == head
        for head in heads[1:]:
            assert snapshot.find_head(f"{head.size}:{head.hash[:12].upper()}") == head
        for wrong in ("4", "abc", heads[3].hash, "2:abc", f"2:{'0' * 64}", "newest"):
            with pytest.raises(NotFound):
                snapshot.find_head(wrong)


def test_pages_join_without_a_seam(ledger: Ledger) -> None:
    def many(now: Transaction) -> None:
        for _ in range(2500):
            now.append(Reveal(), actor="p_x")

    ledger.write(many)
    with ledger.read() as snapshot:
        assert [entry.index for entry in snapshot.entries(types=[Reveal])] == list(range(2500))
        chain = list(snapshot.entries(998, 2002))
        assert all(after.index == before.index + 1 for before, after in pairwise(chain))


def test_reading_is_the_same_in_a_transaction(ledger: Ledger) -> None:
    def work(now: Transaction) -> None:
        entry = now.append(vote(), actor="p_x", texts={"comment": "soon"})
        assert now.entry(entry.record.id) == entry
        assert list(now.entries()) == [entry]
        assert now.text(entry.record.commitments["comment"].text_id) == "soon"

    ledger.write(work)


def test_a_newer_database_is_not_touched(path: Path) -> None:
    open_ledger(path).close()
    with tampered(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="newer than this Fieldmark"):
        open_ledger(path)
