"""Details that mutation testing found unguarded: progress, pages that end mid-way, ids, what messages name."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from fieldmark.errors import BrokenLedger, LedgerUnavailable, NotFound
from fieldmark.ledger import Commitment, Transaction, timestamp, verify_export
from fieldmark.ledger._canonical import decode
from fieldmark.ledger._projection import PROJECTIONS, every_projection
from tests.ledger.parts import Wins, cast, open_ledger, seen, tampered, vote


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is told, and work is cut, every three records instead of every thousand."""
    for module in ("_exchange", "_upkeep", "_verify"):
        monkeypatch.setattr(f"fieldmark.ledger.{module}.STEP", 3)


@pytest.mark.usefixtures("short_pages")
def test_long_work_says_how_far_it_is(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []

    def told() -> list[tuple[int, int]]:
        now = steps.copy()
        steps.clear()
        return now

    def progress(done: int, total: int) -> None:
        steps.append((done, total))

    with open_ledger(tmp_path / "one.db") as ledger:
        for n in range(7):
            cast(ledger, comment=f"text {n}")
        ledger.export(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl", progress=progress)
        assert told() == [(3, 7), (6, 7)]
        ledger.rebuild("wins", progress=progress)
        assert told() == [(3, 7), (6, 7), (7, 7)]
        ledger.verify(progress=progress)
        assert told() == [(3, 7), (6, 7)]
    verify_export(tmp_path / "export.jsonl", progress=progress)
    assert told() == [(3, 7), (6, 7)]
    with open_ledger(tmp_path / "other.db") as other:
        head = other.import_(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl", progress=progress)
        assert told() == [(3, 7), (6, 7)]
        assert other.verify().head == head


@pytest.mark.usefixtures("short_pages")
def test_texts_are_counted_across_pages(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        entries = [cast(ledger, comment=f"text {n}") for n in range(7)]
        with tampered(tmp_path / "ledger.db") as connection:
            for entry in (entries[0], entries[2], entries[6]):
                erased = entry.record.commitments["comment"].text_id
                connection.execute("DELETE FROM texts WHERE text_id = ?", (erased,))
        found = ledger.verify()
        assert (found.texts_held, found.texts_absent) == (4, 3)


def test_a_text_that_two_records_commit_to_is_exported_once(tmp_path: Path) -> None:
    def work(now: Transaction) -> Commitment:
        shared = now.put_text("said once")
        now.append(vote(), actor="p_x", commitments={"a": shared})
        now.append(vote(), actor="p_x", commitments={"a": shared}, texts={"b": "said beside it"})
        return shared

    with open_ledger(tmp_path / "ledger.db") as ledger:
        shared = ledger.write(work)
        ledger.export(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl")
    texts = [json.loads(line) for line in (tmp_path / "texts.jsonl").read_text().splitlines()]
    assert sorted(each["text"] for each in texts) == ["said beside it", "said once"]
    assert {len(each["salt"]) for each in texts} == {64}
    assert shared.text_id in {each["text_id"] for each in texts}
    found = verify_export(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl")
    assert (found.texts_held, found.texts_absent) == (3, 0)


def test_what_is_there_already_can_be_imported_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "empty.db") as empty:
        empty.export(tmp_path / "empty.jsonl")
    with open_ledger(tmp_path / "ledger.db") as ledger:
        entry = cast(ledger, comment="kept")
        ledger.export(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl")
        for _ in range(2):
            ledger.import_(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl")
        assert ledger.import_(tmp_path / "empty.jsonl").size == 1
        with ledger.read() as snapshot:
            assert snapshot.text(entry.record.commitments["comment"].text_id) == "kept"


def test_ids_say_what_they_are_of(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        text_id = cast(ledger, comment="x").record.commitments["comment"].text_id
        pseudonym = ledger.write(lambda now: now.pseudonym("secret"))
    assert re.fullmatch(r"t_[a-z2-7]{26}", text_id)
    assert re.fullmatch(r"p_[a-z2-7]{26}", pseudonym)


def test_the_last_line_of_a_cut_export_is_named_when_it_is_wrong_itself(tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for _ in range(2):
            cast(ledger)
        ledger.export(export)
    lines = export.read_bytes().splitlines(keepends=True)
    for last, message in (
        (
            lines[2].replace(b'"a":"alpha"', b'"a":"alphA"'),
            "line 3: its bytes do not give the hash beside it",
        ),
        (b'{"hash":"' + b"0" * 64 + b'"}\n', "line 3: not a line of a record"),
        (
            b'{"hash":"' + b"0" * 64 + b'","index":1,"record":{"a":1}}\n',
            "line 3: not a record: it must have exactly the keys",
        ),
    ):
        export.write_bytes(b"".join([*lines[:2], last]))
        with pytest.raises(BrokenLedger, match=message):
            verify_export(export)
    export.write_bytes(b"".join(lines[:3]))
    with pytest.raises(BrokenLedger, match="line 3: the tail, which states the head, is missing"):
        verify_export(export)


class Held(Wins):
    """Nothing from the second record on may leave yet."""

    held_from: ClassVar[int | None] = 1

    def withheld(self, connection: Connection) -> int | None:
        rows = connection.execute(select(func.count()).select_from(seen)).scalar_one()
        return self.held_from if rows else None


def test_what_must_not_leave_yet_is_exported_only_when_asked(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db", [Held()]) as ledger:
        for n in range(3):
            cast(ledger, comment=f"text {n}")
        assert ledger.export(tmp_path / "some.jsonl", texts=tmp_path / "texts.jsonl").size == 1
        assert ledger.export(tmp_path / "all.jsonl", withheld=True).size == 3
    assert verify_export(tmp_path / "some.jsonl").head.size == 1
    assert verify_export(tmp_path / "all.jsonl").head.size == 3
    assert len((tmp_path / "texts.jsonl").read_text().splitlines()) == 1


def test_every_projection_that_a_room_offers_is_made() -> None:
    assert PROJECTIONS.names()
    assert [type(each) for each in every_projection()] == [
        PROJECTIONS.get(name) for name in PROJECTIONS.names()
    ]


def test_a_head_is_found_by_size_and_the_first_eight_characters(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for _ in range(4):
            cast(ledger)
        with ledger.read() as now:
            heads = [now.head_at(size) for size in range(5)]
            assert [now.find_head(f"{each.size}:{each.hash[:8]}") for each in heads] == heads
            assert now.find_head(str(heads[3]).upper()) == heads[3]
            for wrong in (
                heads[2].hash,
                f"2:{heads[2].hash[:7]}",
                f"{heads[2]}0",
                "2:" + "z" * 8,
                "2:",
                "-1",
            ):
                with pytest.raises(NotFound, match="names no head"):
                    now.find_head(wrong)
            with pytest.raises(NotFound, match="at 2 records the hash is"):
                now.find_head(f"2:{heads[3].hash[:8]}")
        with ledger.at("2") as then:
            assert then.find_head(str(heads[1])).size == 1
            with pytest.raises(NotFound, match="there are 2 records, not 3"):
                then.find_head(str(heads[3]))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM test_seen WHERE at = 0", r"'test_seen': the records give \('vote', 0\) \(computed"),
        ("INSERT INTO test_seen VALUES ('x', 9)", r"'test_seen': it holds \('x', 9\) \(computed"),
        (
            "UPDATE test_seen SET type = 'x'",
            r"'test_seen': it holds \('x', 0\) but the records give \('vote', 0\)",
        ),
    ],
)
def test_a_wrong_projection_is_told_by_a_row(tmp_path: Path, statement: str, said: str) -> None:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        cast(ledger)
        with tampered(tmp_path / "ledger.db") as connection:
            connection.execute(statement)
        with pytest.raises(BrokenLedger, match=said):
            ledger.verify()


def test_beside_a_number_too_large_for_digits_whole_numbers_stay_whole() -> None:
    value = decode(b'{"a":200,"b":1e+21,"c":9007199254740992}')
    assert [(each, type(each)) for each in value.values()] == [(200, int), (1e21, float), (2.0**53, float)]


def test_a_missing_record_is_named_when_its_head_is_asked_for(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for _ in range(3):
            cast(ledger)
        with tampered(tmp_path / "ledger.db") as connection:
            connection.execute('DELETE FROM records WHERE "index" = 1')
        with (
            ledger.read() as snapshot,
            pytest.raises(BrokenLedger, match=r"^record 1: missing") as caught,
        ):
            snapshot.head_at(2)
        assert caught.value.index == 1


def test_a_timestamp_is_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    try:
        assert timestamp(datetime(2026, 1, 31, 9, 30, tzinfo=UTC)) == "2026-01-31T09:30:00.000000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_wrong_statement_is_the_works_own_mistake_and_a_refusal_says_its_cause(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with open_ledger(path, patience=0.05) as ledger:
        with pytest.raises(OperationalError, match="no such table"):
            ledger.write(lambda now: now.connection.exec_driver_sql("SELECT * FROM no_such"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerUnavailable, match="locked") as caught:
                cast(ledger)
        assert isinstance(caught.value.__cause__, OperationalError)
        assert cast(ledger).index == 0
