"""Projections: in step with the log, caught up, computed anew, and as of any earlier head."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select

from fieldmark.errors import LedgerUnavailable, NotFound
from fieldmark.ledger import Entry, Head, Ledger
from fieldmark.ledger._schema import metadata
from tests.ledger.parts import FIELD, Wins, append_then_fail, cast, open_ledger, seen, tally, tampered, wins


class WinsByTwo(Wins):
    """The same tables, counted otherwise: a new version of the code."""

    version = 2

    def apply(self, connection: Connection, entry: Entry) -> None:
        super().apply(connection, entry)
        super().apply(connection, Entry(entry.index + 1000, entry.record, b"", b""))


class Strict(Wins):
    """Refuses ties."""

    def apply(self, connection: Connection, entry: Entry) -> None:
        if getattr(entry.record.body, "choice", None) == "tie":
            raise ArithmeticError("no ties here")
        super().apply(connection, entry)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_a_projection_is_in_step_with_every_append(path: Path) -> None:
    with open_ledger(path) as ledger:
        for choice in ("a", "b", "a"):
            cast(ledger, choice)
            with ledger.read() as snapshot:
                assert sum(tally(snapshot).values()) == snapshot.head().size
        assert ledger.verify().projections == ("wins",)


def test_a_projection_that_refuses_a_record_keeps_it_out(path: Path) -> None:
    with open_ledger(path, [Strict()]) as ledger:
        with pytest.raises(ArithmeticError):
            cast(ledger, "tie")
        assert cast(ledger).index == 0
        assert ledger.verify().head.size == 1


def test_a_new_projection_takes_in_the_past(path: Path) -> None:
    with open_ledger(path, []) as ledger:
        for _ in range(3):
            cast(ledger)
    steps: list[tuple[int, int]] = []
    projections = [Wins()]
    with Ledger.open(
        path, field=FIELD, projections=projections, progress=lambda *step: steps.append(step)
    ) as ledger:
        with ledger.read() as snapshot:
            assert tally(snapshot) == {"alpha": 3}
        assert steps == [(3, 3)]
        ledger.verify()


def test_a_changed_version_is_computed_anew_and_the_old_program_stops(path: Path) -> None:
    with open_ledger(path) as old:
        cast(old)
        with open_ledger(path, [WinsByTwo()]) as new:
            cast(new)
            with new.read() as snapshot:
                assert tally(snapshot) == {"alpha": 4}
            new.verify()
        with pytest.raises(LedgerUnavailable, match="keeps 'wins' in version 2, not 1"):
            cast(old)
    with open_ledger(path) as again, again.read() as snapshot:
        assert tally(snapshot) == {"alpha": 2}


def test_records_of_a_program_without_the_projection_are_caught_up(path: Path) -> None:
    with open_ledger(path) as ledger, open_ledger(path, []) as other:
        cast(ledger)
        cast(other)
        cast(other, "b")
        ledger.verify()  # a projection that is behind is right as far as it goes
        cast(ledger)
        with ledger.read() as snapshot:
            assert tally(snapshot) == {"alpha": 3, "beta": 1}
        cast(other)
    with open_ledger(path) as ledger, ledger.read() as snapshot:
        assert tally(snapshot) == {"alpha": 4, "beta": 1}


def test_catching_up_counts_even_when_the_work_fails(path: Path) -> None:
    with open_ledger(path) as ledger, open_ledger(path, []) as other:
        cast(other)
        with pytest.raises(ZeroDivisionError):
            ledger.write(append_then_fail)
        assert ledger.verify().head.size == 1
        with ledger.read() as snapshot:
            assert tally(snapshot) == {"alpha": 1}


def test_rebuild_mends_what_was_changed(path: Path) -> None:
    with open_ledger(path) as ledger:
        cast(ledger)
        with tampered(path) as connection:
            connection.execute("UPDATE test_wins SET wins = 7")
        ledger.rebuild("wins")
        with ledger.read() as snapshot:
            assert tally(snapshot) == {"alpha": 1}
        cast(ledger)
        ledger.verify()
        with pytest.raises(NotFound, match="no projection is called 'board'"):
            ledger.rebuild("board")


def test_the_past_shows_what_was_known_then(path: Path) -> None:
    with open_ledger(path) as ledger:
        entries = [cast(ledger, "a", comment="first"), cast(ledger, "b"), cast(ledger, "a")]
        for size, expected in enumerate([{}, {"alpha": 1}, {"alpha": 1, "beta": 1}, {"alpha": 2, "beta": 1}]):
            with ledger.at(str(size)) as then:
                assert tally(then) == expected
                assert then.head().size == size == len(list(then.entries()))
        with ledger.at(Head(1, entries[0].hash.hex())) as then:
            assert then.entry(entries[0].record.id) == entries[0]
            assert then.text(entries[0].record.commitments["comment"].text_id) == "first"
            with pytest.raises(NotFound):
                then.entry(entries[1].record.id)
            with pytest.raises(NotFound):
                then.find_head("2")
        with pytest.raises(NotFound), ledger.at(Head(1, "0" * 64)):
            pass


def test_a_restored_database_does_not_keep_a_projection_of_its_future(path: Path) -> None:
    with open_ledger(path) as ledger:
        cast(ledger)
    with tampered(path) as connection:
        connection.execute("UPDATE projections SET size = 9")
        connection.execute("UPDATE test_wins SET wins = 9")
    with open_ledger(path) as ledger, ledger.read() as snapshot:
        assert tally(snapshot) == {"alpha": 1}


def test_two_projections_of_one_name_are_a_mistake(path: Path) -> None:
    with pytest.raises(ValueError, match="share a name"):
        open_ledger(path, [Wins(), WinsByTwo()])


def test_a_work_may_read_a_projection_before_the_commit(path: Path) -> None:
    with open_ledger(path) as ledger:
        cast(ledger)
        counted = ledger.write(lambda now: now.connection.execute(select(seen.c.at)).scalars().all())
        assert counted == [0]


def test_the_migrations_make_the_tables_that_the_code_expects(path: Path) -> None:
    with open_ledger(path, []) as ledger:

        def differences(connection: Connection) -> list[object]:
            return list(compare_metadata(MigrationContext.configure(connection), metadata))

        assert ledger.write(lambda now: differences(now.connection)) == []


def test_verify_finds_a_projection_that_lies(path: Path) -> None:
    with open_ledger(path) as ledger:
        cast(ledger)
        ledger.write(lambda now: now.connection.execute(insert(wins), {"digest": "ghost", "wins": 3}))
        with pytest.raises(Exception, match=r"'wins', table 'test_wins': it holds \('ghost', 3\)"):
            ledger.verify()
