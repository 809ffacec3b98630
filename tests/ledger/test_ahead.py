"""Looking ahead in other processes: the same result as in one, the same tables, and the same record named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.ledger_million import FIELD, write_export
from fieldmark.errors import BrokenLedger
from fieldmark.ledger import Ledger, Signer, every_projection, verify_export
from tests.ledger.parts import tampered

VOTES = 700


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("_verify", "_exchange"):
        monkeypatch.setattr(f"fieldmark.ledger.{module}.PAGE", 100)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first key and imported votes."""
    folder = tmp_path_factory.mktemp("ahead")
    write_export(folder / "export.jsonl", folder / "head.key", VOTES)
    return folder / "export.jsonl"


def opened(path: Path) -> Ledger:
    return Ledger.open(path, field=FIELD, projections=every_projection())


def tables(path: Path) -> list[list[tuple[object, ...]]]:
    with tampered(path) as connection:
        names = "arena_counts", "arena_voters", "arena_totals", "records", "nodes", "heads"
        return [sorted(connection.execute(f"SELECT * FROM {name}").fetchall()) for name in names]


def test_with_helpers_and_without_the_same_is_imported_and_found(export: Path, tmp_path: Path) -> None:
    found = []
    for workers in (1, 2):
        path = tmp_path / f"{workers}.db"
        with opened(path) as ledger:
            ledger.import_(export, workers=workers)
            found += [ledger.verify(workers=1), ledger.verify(workers=2)]
    assert found.count(found[0]) == 4
    assert found[0].types == {"key": 1, "vote": VOTES}
    one, two = tables(tmp_path / "1.db"), tables(tmp_path / "2.db")
    assert one == two
    assert verify_export(export, workers=2) == verify_export(export, workers=1)
    with opened(tmp_path / "slow.db") as ledger:
        ledger.import_(export, workers=1)
        ledger.rebuild("arena")
    assert tables(tmp_path / "slow.db") == one


Tamper = Callable[[sqlite3.Connection], object]


@pytest.mark.parametrize(
    ("tamper", "index", "said"),
    [
        (
            lambda c: c.execute('UPDATE records SET hash = zeroblob(32) WHERE "index" = 333'),
            333,
            "do not give",
        ),
        (lambda c: c.execute('DELETE FROM records WHERE "index" = 450'), 450, "missing: the next one is 451"),
        (
            lambda c: c.execute("UPDATE records SET type = 'x' WHERE \"index\" = 222"),
            222,
            "columns id and type",
        ),
        (lambda c: c.execute("UPDATE arena_counts SET ties = 99"), None, "'arena_counts'"),
        (lambda c: c.execute("UPDATE nodes SET hash = zeroblob(32)"), None, "'nodes'"),
    ],
)
def test_what_is_wrong_is_named_as_ever(
    export: Path, tmp_path: Path, tamper: Tamper, index: int | None, said: str
) -> None:
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.import_(export)
        with tampered(tmp_path / "ledger.db") as connection:
            tamper(connection)
        with pytest.raises(BrokenLedger, match=said) as caught:
            ledger.verify(workers=2)
        assert caught.value.index == index


def test_a_changed_line_of_a_file_is_named_as_ever(export: Path, tmp_path: Path) -> None:
    lines = export.read_bytes().splitlines(keepends=True)
    changed = tmp_path / "changed.jsonl"
    for at, line, said in (
        (301, lines[301].replace(b'"choice":"', b'"choice": "'), "record 300: line 302: not canonical"),
        (302, lines[301], "record 301: line 303: it says that it is record 300"),
        (303, b"{}\n", "record 302: line 304: not a line of a record"),
        (
            len(lines) - 1,
            lines[-1].replace(b'"size":7', b'"size":8'),
            f"line {len(lines)}: the records end at 701",
        ),
    ):
        changed.write_bytes(b"".join([*lines[:at], line, *lines[at + 1 :]]))
        with pytest.raises(BrokenLedger, match=said):
            verify_export(changed, workers=2)


def test_what_comes_between_imported_votes_is_taken_in_order(export: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with opened(path) as ledger:
        ledger.import_(export)
    signer = Signer(export.with_name("head.key"))
    with Ledger.open(path, field=FIELD, projections=every_projection(), signer=signer) as ledger:
        ledger.rotate_key()
        assert ledger.verify(workers=2).keys == 2
