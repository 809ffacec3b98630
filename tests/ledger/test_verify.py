"""Verification of a database: whatever was changed behind the ledger's back is found and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.errors import BrokenLedger
from fieldmark.ledger import Entry, Head, Ledger, Record, leaf
from fieldmark.ledger._tree import Frontier
from fieldmark.ledger.evidence import Reveal
from tests.ledger.parts import append_then_fail, cast, open_ledger, tampered, vote


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of six records with three texts, one of which is erased."""
    with open_ledger(tmp_path / "ledger.db") as ledger:
        for n in range(5):
            cast(ledger, "a" if n % 2 else "tie", **({"comment": f"text {n}"} if n < 3 else {}))
        ledger.write(lambda now: now.append(Reveal(), actor="p_someone"))
        with ledger.read() as snapshot:
            erased = next(snapshot.entries()).record.commitments["comment"].text_id
    with tampered(tmp_path / "ledger.db") as connection:
        connection.execute("DELETE FROM texts WHERE text_id = ?", (erased,))
    return tmp_path / "ledger.db"


def test_a_sound_ledger_is_described(path: Path) -> None:
    steps: list[tuple[int, int]] = []
    with open_ledger(path) as ledger:
        found = ledger.verify(progress=lambda *step: steps.append(step))
        with ledger.read() as snapshot:
            assert found.head == snapshot.head()
    assert found.types == {"vote": 5, "reveal": 1}
    assert (found.texts_held, found.texts_absent) == (2, 1)


def _sql(statement: str) -> Callable[[sqlite3.Connection], None]:
    def tamper(connection: sqlite3.Connection) -> None:
        connection.execute(statement)

    return tamper


def _rechain(connection: sqlite3.Connection, start: int) -> None:
    """What a careful forger does: every hash is made to fit the change."""
    frontier = Frontier()
    for index, raw in connection.execute('SELECT "index", raw FROM records ORDER BY "index"').fetchall():
        frontier.append(leaf(raw))
        if index >= start:
            connection.execute('UPDATE records SET hash = ? WHERE "index" = ?', (leaf(raw), index))
    row = frontier.size, frontier.root(), frontier.pack()
    connection.execute("UPDATE heads SET size = ?, hash = ?, frontier = ?", row)


def _replace(connection: sqlite3.Connection, index: int, old: bytes, new: bytes) -> None:
    (raw,) = connection.execute('SELECT raw FROM records WHERE "index" = ?', (index,)).fetchone()
    assert old in raw
    connection.execute('UPDATE records SET raw = ? WHERE "index" = ?', (raw.replace(old, new), index))


def _forge(connection: sqlite3.Connection) -> None:
    _replace(connection, 1, b'"choice":"a"', b'"choice":"b"')
    _rechain(connection, 1)


def _other_field(connection: sqlite3.Connection) -> None:
    _replace(connection, 3, b'"field":"letters"', b'"field":"parcels"')
    _rechain(connection, 3)


def _spaces(connection: sqlite3.Connection) -> None:
    _replace(connection, 2, b'"v":1', b'"v": 1')
    _rechain(connection, 2)


def _same_id(connection: sqlite3.Connection) -> None:
    first, third = (
        Record.parse(raw).id.encode()
        for (raw,) in connection.execute('SELECT raw FROM records WHERE "index" IN (1, 3) ORDER BY "index"')
    )
    _replace(connection, 3, third, first)
    _rechain(connection, 3)


def _add_beyond(connection: sqlite3.Connection) -> None:
    (index,) = connection.execute('SELECT max("index") FROM records').fetchone()
    connection.execute('CREATE TEMP TABLE one AS SELECT * FROM records WHERE "index" = 0')
    (raw,) = connection.execute("SELECT raw FROM one").fetchone()
    new = raw.replace(Record.parse(raw).id[-6:].encode() + b'"', b'abcdef"')
    row = (index + 1, Record.parse(new).id, "vote", leaf(new), new)
    connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", row)


@pytest.mark.parametrize(
    ("tamper", "index", "said"),
    [
        (lambda c: _replace(c, 3, b'"choice":"a"', b'"choice":"b"'), 3, "its bytes do not give"),
        (_sql('UPDATE records SET hash = zeroblob(32) WHERE "index" = 2'), 2, "its bytes do not give"),
        (_sql('DELETE FROM records WHERE "index" = 2'), 2, "missing: the next one is 3"),
        (_sql('DELETE FROM records WHERE "index" = 5'), None, "the records end at 5"),
        (_sql('DELETE FROM records WHERE "index" = 0'), 0, "missing"),
        (_sql("UPDATE heads SET size = 5"), None, "but the head says 5:"),
        (_sql("UPDATE heads SET frontier = NULL"), None, "the head's peaks do not fit"),
        (_sql("INSERT INTO nodes VALUES (8, 0, zeroblob(32))"), None, "the table 'nodes' is not"),
        (_sql("UPDATE heads SET hash = zeroblob(32)"), None, "the head's peaks do not give"),
        (_sql("UPDATE records SET type = 'remark' WHERE \"index\" = 4"), 4, "columns id and type"),
        (_sql("UPDATE records SET id = 'x' WHERE \"index\" = 4"), 4, "columns id and type"),
        (
            _sql("UPDATE texts SET content = CAST('text 3' AS BLOB) WHERE content = CAST('text 2' AS BLOB)"),
            2,
            "commits to",
        ),
        (_sql("UPDATE texts SET content = 'text 2' WHERE content = CAST('text 2' AS BLOB)"), 2, "commits to"),
        (_sql("UPDATE heads SET hash = 'text'"), None, "the head is not a size and a hash"),
        (_sql("UPDATE records SET raw = 'text' WHERE \"index\" = 3"), 3, "not bytes"),
        (
            _sql("UPDATE texts SET salt = zeroblob(32) WHERE content = CAST('text 1' AS BLOB)"),
            1,
            "commits to",
        ),
        (
            _sql("UPDATE test_wins SET wins = 1"),
            None,
            "it holds ('alpha', 1) but the records give ('alpha', 2)",
        ),
        (_sql("DELETE FROM test_wins"), None, "the records give ('alpha', 2)"),
        (_other_field, 3, "'letters', but the record 'parcels'"),
        (_spaces, 2, "not canonical JSON"),
        (_same_id, 3, "was used before"),
        (_add_beyond, None, "the records end at 7"),
    ],
)
def test_tampering_is_found(
    path: Path, tamper: Callable[[sqlite3.Connection], None], index: int | None, said: str
) -> None:
    with open_ledger(path) as ledger:
        with tampered(path) as connection:
            tamper(connection)
        with pytest.raises(BrokenLedger) as caught:
            ledger.verify()
    assert caught.value.index == index
    assert said in caught.value.message


def test_a_careful_forgery_is_found_against_a_head_kept_elsewhere(path: Path) -> None:
    with open_ledger(path) as ledger, ledger.read() as snapshot:
        kept = [snapshot.head_at(size) for size in range(7)]
    with tampered(path) as connection:
        _forge(connection)
    with open_ledger(path, []) as ledger:
        assert ledger.verify().head.size == 6  # nothing inside the database can tell
        assert ledger.verify(kept=kept[1]).head.size == 6  # nor a head from before the change
        with pytest.raises(BrokenLedger, match="made to fit"):
            ledger.verify(kept=kept[4])
        with pytest.raises(BrokenLedger, match="there are 6 records, but the head kept earlier says 7"):
            ledger.verify(kept=Head(7, kept[6].hash))


def test_a_head_kept_stays_true_while_the_log_grows(path: Path) -> None:
    with open_ledger(path) as ledger:
        with ledger.read() as snapshot:
            kept = snapshot.head()
        cast(ledger)
        assert ledger.verify(kept=kept).head.size == 7


def test_unreadable_bytes_stop_readers_with_the_record_named(path: Path) -> None:
    def read(ledger: Ledger) -> list[Entry]:
        with ledger.read() as snapshot:
            return list(snapshot.entries())

    with open_ledger(path) as ledger:
        with tampered(path) as connection:
            connection.execute('UPDATE records SET raw = CAST(\'{"v":1}\' AS BLOB) WHERE "index" = 4')
        with pytest.raises(BrokenLedger, match="record 4: not a record"):
            read(ledger)


def test_a_failed_work_leaves_nothing_that_verify_would_mind(path: Path) -> None:
    with open_ledger(path) as ledger:
        with pytest.raises(ZeroDivisionError):
            ledger.write(append_then_fail)
        ledger.write(lambda now: now.append(vote(), actor="p_x"))
        assert ledger.verify().head.size == 7
