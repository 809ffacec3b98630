"""A whole ledger from one database to another, backups, and the release before this one, on both engines."""

from __future__ import annotations

import gzip
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from fieldmark.errors import BrokenLedger, InputError, LedgerUnavailable, NotFound
from fieldmark.ledger import (
    Head,
    Ledger,
    Projection,
    Record,
    back_up,
    copy_ledger,
    erase,
    every_projection,
    field_of,
    restore,
    set_aside,
    state,
)
from fieldmark.ledger._engine import database_url, migrate, open_writer
from tests.ledger.parts import FIELD, Wins, cast, tally, tampered
from tests.pg import postgres

RELEASE = Path(__file__).parents[1] / "ledger" / "releases" / "0.1.0.db.gz"
OWN: Sequence[Projection] = (Wins(),)


@pytest.fixture(params=["sqlite", "postgresql"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with records, texts, a person, an account, a key and a lease."""
    if request.param == "sqlite":
        yield filled(str(tmp_path / "one" / "ledger.db"))
    else:
        with postgres() as url:
            yield filled(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place."""
    if request.param == "sqlite":
        yield str(tmp_path / "two" / "ledger.db")
    else:
        with postgres() as url:
            yield url


def filled(place: str) -> str:
    with opened(place) as ledger:
        for number in range(5):
            cast(ledger, comment=f"Größer\0{number} 🎈")
        ledger.write(lambda now: now.pseudonym("a cookie"))
        account = {
            "id": "acc_1", "name": "Ada", "role": "admin", "secret": "s", "created": "2026-01-01",
            "credentials": {"physician": True, "a": [1, None]},
        }  # fmt: skip
        key = {
            "id": "key_1",
            "name": "shop",
            "secret_hash": b"\x00\xff",
            "scopes": ["ask"],
            "created": "2026-01-01",
        }

        def beside(now: object) -> None:
            connection = now.connection  # type: ignore[attr-defined]
            connection.execute(insert(state.accounts), account)
            connection.execute(insert(state.application_keys), key)
            connection.execute(insert(state.leases), {"name": "round:x", "holder": "me"})

        ledger.write(beside)
    return place


def opened(place: str) -> Ledger:
    return Ledger.open(place, field=FIELD, projections=OWN)


def held(place: str) -> dict[str, object]:
    """Everything that must be the same."""
    with opened(place) as ledger, ledger.read() as snapshot:
        entries = list(snapshot.entries())
        texts = [snapshot.text(c.text_id) for e in entries for c in e.record.commitments.values()]
        beside = [
            [tuple(row) for row in snapshot.connection.execute(select(table))]
            for table in (state.accounts, state.application_keys)
        ]
        person = snapshot.pseudonym("a cookie")
        return {
            "head": snapshot.head(), "entries": entries, "texts": texts, "beside": beside, "person": person,
            "tally": tally(snapshot), "field": ledger.field,
        }  # fmt: skip


def test_a_copy_is_the_same_ledger_and_goes_on(source: str, target: str) -> None:
    steps: list[tuple[int, int]] = []
    before = held(source)
    found = copy_ledger(source, target, projections=OWN, progress=lambda *step: steps.append(step))
    assert (found.head, found.texts_held) == (before["head"], 5)
    assert held(target) == before
    assert held(source) == before
    assert steps
    with opened(target) as ledger:
        assert cast(ledger).index == 5
        assert ledger.verify(kept=found.head).head.size == 6
        with ledger.read() as snapshot:
            assert not snapshot.connection.execute(select(state.leases)).all()


def test_a_copy_into_what_is_not_empty_is_refused(source: str, target: str) -> None:
    filled(target)
    before = held(target)
    with pytest.raises(InputError, match=r"not empty|exists already"):
        copy_ledger(source, target, projections=OWN)
    assert held(target) == before


def test_a_copy_of_a_broken_ledger_leaves_nothing(tmp_path: Path, target: str) -> None:
    source = tmp_path / "one" / "ledger.db"
    filled(str(source))
    with tampered(source) as database:
        database.execute("UPDATE texts SET content = X'00'")
    with pytest.raises(BrokenLedger, match="not the one it commits to"):
        copy_ledger(source, target, projections=OWN)
    if "://" not in target:
        assert list(Path(target).parent.iterdir()) == []
    copy_ledger(filled(str(tmp_path / "three" / "ledger.db")), target, projections=OWN)  # it is still empty


def test_what_is_not_there_cannot_be_copied_or_backed_up(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no ledger"):
        copy_ledger(tmp_path / "none.db", tmp_path / "two.db", projections=OWN)
    with pytest.raises(NotFound, match="there is no ledger"):
        back_up(tmp_path / "none.db", tmp_path / "two.db", projections=OWN)
    assert list(tmp_path.iterdir()) == []


def test_a_backup_of_a_ledger_in_use_is_restored_elsewhere(source: str, target: str, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    stop = threading.Event()
    with opened(source) as ledger:

        def work() -> None:
            while not stop.is_set():
                cast(ledger)

        writing = threading.Thread(target=work)
        writing.start()
        found = back_up(source, backup, projections=OWN)
        stop.set()
        writing.join()
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [each for each in tmp_path.iterdir() if each.is_file()] == [backup]  # one file holds all
    assert found.head.size >= 5
    with pytest.raises(InputError, match="exists already"):
        back_up(source, backup, projections=OWN)
    restored, replayed = restore(backup, target, projections=OWN, kept=found.head)
    assert (restored.head, replayed) == (found.head, 0)
    with opened(target) as ledger:
        assert ledger.verify().head == found.head
        with ledger.read() as snapshot:
            assert snapshot.pseudonym("a cookie") is not None
    with opened(source) as ledger:
        ledger.verify(kept=found.head)  # and the source goes on from there


def test_a_restore_erases_again_what_was_erased_since(source: str, target: str, tmp_path: Path) -> None:
    backup, register = tmp_path / "backup.db", tmp_path / "erasures.jsonl"
    back_up(source, backup, projections=OWN)
    with opened(source) as ledger:
        erase(ledger, "person", "p_someone", reason="request", register=register)
    found, replayed = restore(backup, target, projections=OWN, erasures=register)
    assert (replayed, found.texts_held) == (1, 0)
    with opened(target) as ledger:
        assert ledger.verify().texts_held == 0


def test_a_file_that_is_no_sound_backup_restores_nothing(tmp_path: Path, target: str) -> None:
    backup = tmp_path / "backup.db"
    back_up(filled(str(tmp_path / "one" / "ledger.db")), backup, projections=OWN)
    wrong = Head(5, "0" * 64)
    with pytest.raises(BrokenLedger, match="kept earlier"):
        restore(backup, target, projections=OWN, kept=wrong)
    other = tmp_path / "notes.txt"
    other.write_text("not a database")
    with pytest.raises(InputError, match="is no backup"):
        restore(other, target, projections=OWN)
    with pytest.raises(InputError, match="cannot be read"):
        restore(tmp_path / "none", target, projections=OWN)
    with closing(sqlite3.connect(backup)) as database:
        database.execute("UPDATE records SET raw = replace(raw, 'alpha', 'gamma') WHERE \"index\" = 2")
        database.commit()
    with pytest.raises(BrokenLedger):
        restore(backup, target, projections=OWN)
    restore_good = tmp_path / "good.db"
    back_up(str(tmp_path / "one" / "ledger.db"), restore_good, projections=OWN)
    restore(restore_good, target, projections=OWN)  # it is still empty


def test_what_was_there_is_set_aside_whole(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    assert set_aside(place) is None
    before = held(filled(str(place)))
    aside = set_aside(place)
    assert aside is not None
    assert not place.exists()
    assert held(str(aside)) == before


def test_a_backup_on_a_full_disk_leaves_no_file(tmp_path: Path) -> None:
    source = filled(str(tmp_path / "ledger.db"))
    with pytest.raises((InputError, LedgerUnavailable)):
        back_up(source, Path("/dev/null/backup.db"), projections=OWN)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A database as 0.1.0 left it."""
    place = tmp_path / "released" / "ledger.db"
    place.parent.mkdir()
    place.write_bytes(gzip.decompress(RELEASE.read_bytes()))
    return place


def as_on_postgres(released: Path, url: str) -> str:
    """The same rows in PostgreSQL, in the tables of that release."""
    engine = open_writer(database_url(url), patience=5)
    with engine.begin() as connection, closing(sqlite3.connect(released)) as old:
        migrate(connection, "0001")
        for table in ("records", "heads", "texts", "people"):
            found = old.execute(f'SELECT * FROM "{table}"')
            names = [f'"{each[0]}"' for each in found.description]
            marks = ", ".join(["%s"] * len(names))
            for row in found:
                connection.exec_driver_sql(
                    f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({marks})', row
                )
    engine.dispose()
    return url


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_database_of_the_release_before_is_taken_over(engine: str, released: Path) -> None:
    with closing(sqlite3.connect(released)) as old:
        raws = [row[0] for row in old.execute('SELECT raw FROM records ORDER BY "index"')]
        size, chain = old.execute("SELECT size, hash FROM heads").fetchone()
    with postgres() as url:
        place = str(released) if engine == "sqlite" else as_on_postgres(released, url)
        with Ledger.open(place, field=field_of(place), projections=every_projection()) as ledger:
            found = ledger.verify(kept=Head(size, chain.hex()))
            with ledger.read() as snapshot:
                assert [entry.raw for entry in snapshot.entries()] == raws
                assert [entry.record for entry in snapshot.entries()] == [Record.parse(raw) for raw in raws]
    assert (found.head.size, found.texts_held) == (size, 69)


def test_the_release_before_moves_to_postgresql_in_one_step(released: Path, path: str) -> None:
    found = copy_ledger(released, path, projections=every_projection())
    with Ledger.open(path, field=found.field, projections=every_projection()) as ledger:
        assert ledger.verify().head == found.head
