"""What release 0.2.0 wrote: its database opens with its key (made for this file), newer measures begin empty."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from fieldmark.ledger import Head, Ledger, Signer, every_projection, field_of, verify_export
from fieldmark.ledger.evidence import TaskSetSeen

RELEASES = Path(__file__).with_name("releases")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Cases with outcomes and shadow answers, rounds with votes, two erasures, two signing keys."""
    for end in ("db", "jsonl"):
        packed = (RELEASES / f"0.2.0.{end}.gz").read_bytes()
        (tmp_path / f"ledger.{end}").write_bytes(gzip.decompress(packed))
    shutil.copy(RELEASES / "0.2.0.key", tmp_path / "head.key")
    return tmp_path / "ledger.db"


@pytest.fixture
def kept(path: Path) -> Head:
    return Head(**json.loads(path.with_suffix(".jsonl").read_bytes().splitlines()[-1])["head"])


def opened(path: Path) -> Ledger:
    signer = Signer(path.with_name("head.key"))
    return Ledger.open(path, field=field_of(path), projections=every_projection(), signer=signer)


def test_everything_holds_and_what_was_erased_stays_so(path: Path, kept: Head) -> None:
    with opened(path) as ledger:
        found = ledger.verify(kept=kept)
        assert (found.head.size, found.types["vote"], found.types["erasure"]) == (77, 9, 2)
        assert found.texts_absent == 5
        lines = path.with_suffix(".jsonl").read_bytes().splitlines(keepends=True)[1:-1]
        with ledger.read() as snapshot:
            assert [e.raw for e in snapshot.entries(stop=77)] == [
                line.split(b'"record":', 1)[1][:-2] for line in lines
            ]


def test_the_newer_measure_begins_empty_and_is_written_after_what_was(path: Path, kept: Head) -> None:
    seen = TaskSetSeen(name="sums", version="1", digest="5" * 64, open=1, sealed=0, checked=False)
    with opened(path) as ledger:
        with ledger.read() as snapshot:
            assert list(snapshot.entries(types=[TaskSetSeen])) == []
        ledger.write(lambda now: now.append(seen, actor="runner"))
        found = ledger.verify(kept=kept)
        assert (found.head.size, found.types["task_set"]) == (78, 1)
    with opened(path) as ledger:
        assert ledger.verify(kept=found.head).head == found.head


def test_the_export_verifies_and_imports(path: Path, kept: Head) -> None:
    export = path.with_suffix(".jsonl")
    found = verify_export(export, kept=kept)
    assert found.head == kept
    with Ledger.open(path.with_name("new.db"), field=found.field, projections=every_projection()) as ledger:
        assert ledger.import_(export) == kept
        assert ledger.verify(kept=kept).head == kept
