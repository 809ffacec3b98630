"""What release 0.1.0 wrote: its database is turned over, its export verifies and imports, its heads still hold."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from fieldmark.errors import BrokenLedger
from fieldmark.ledger import Head, Ledger, Signer, every_projection, field_of, verify_export
from tests.ledger.parts import tampered

RELEASES = Path(__file__).with_name("releases")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for end in ("db", "jsonl"):
        packed = (RELEASES / f"0.1.0.{end}.gz").read_bytes()
        (tmp_path / f"ledger.{end}").write_bytes(gzip.decompress(packed))
    return tmp_path / "ledger.db"


@pytest.fixture
def kept(path: Path) -> Head:
    return Head(**json.loads(path.with_suffix(".jsonl").read_bytes().splitlines()[-1])["head"])


def opened(path: Path, field: str, signer: Signer | None = None) -> Ledger:
    return Ledger.open(path, field=field, projections=every_projection(), signer=signer)


def test_the_database_is_turned_over_and_its_old_head_still_holds(path: Path, kept: Head) -> None:
    with opened(path, field_of(path), signer=Signer(path.with_name("head.key"))) as ledger:
        found = ledger.verify(kept=kept)
        assert (found.head.size, found.types["key"], found.texts_absent) == (kept.size + 1, 1, 0)
        with pytest.raises(BrokenLedger, match="the head kept earlier says"):
            ledger.verify(kept=Head(kept.size, kept.hash[::-1]))
        raws = [line.split(b'"record":', 1)[1][:-2] for line in _lines(path)]
        with ledger.read() as snapshot:
            assert [entry.raw for entry in snapshot.entries(stop=kept.size)] == raws
            proof = snapshot.prove(next(snapshot.entries()).record.id)
            assert proof.signed.sound


def _lines(path: Path) -> list[bytes]:
    return path.with_suffix(".jsonl").read_bytes().splitlines(keepends=True)[1:-1]


def test_the_export_verifies_and_imports(path: Path, kept: Head) -> None:
    export = path.with_suffix(".jsonl")
    found = verify_export(export, kept=kept)
    assert (found.head.size, found.key) == (kept.size, None)
    with opened(path.with_name("new.db"), found.field) as ledger:
        assert ledger.import_(export) == found.head
        assert ledger.verify(kept=kept).head == found.head
    with opened(path, found.field) as old:
        assert old.import_(export) == found.head, "the turned-over database has the same records"
    content = export.read_bytes()
    export.write_bytes(content.replace(b'"choice":"a"', b'"choice":"b"', 1))
    with pytest.raises(BrokenLedger, match="does not chain to the one before"):
        verify_export(export)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ('UPDATE records SET hash = zeroblob(32) WHERE "index" = 7', "record 7: does not chain"),
        ('DELETE FROM records WHERE "index" = 5', "record 6: does not chain"),
        ("UPDATE heads SET size = 9", "the records end at 118, but the head says 9"),
    ],
)
def test_a_database_that_was_changed_is_not_turned_over(path: Path, statement: str, said: str) -> None:
    with tampered(path) as connection:
        connection.execute(statement)
    with pytest.raises(BrokenLedger, match=said):
        opened(path, field_of(path))
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    connection.close()
