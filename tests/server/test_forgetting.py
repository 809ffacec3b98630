"""What readers held up when something was erased: the server finishes it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fieldmark.ledger import Ledger, Signer, erase, every_projection, field_of
from fieldmark.ledger.evidence import Erasure
from tests.gateway.desk import desk, field
from tests.house import Served, until
from tests.ledger.test_erase import Person, files_with, needle
from tests.upstream import Upstream

LONG = 20.0


@contextmanager
def reading(database: Path) -> Iterator[None]:
    """Another program sees an earlier state meanwhile."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM texts").fetchone()
        yield


def opened(database: Path) -> Ledger:
    """As another process opens it."""
    signer = Signer(database.with_name("head.key"))
    return Ledger.open(database, field=field_of(database), projections=every_projection(), signer=signer)


@pytest.mark.parametrize("here", [True, False])
async def test_a_case_leaves_the_files_once_a_reader_has_ended(
    tmp_path: Path, upstream: Upstream, here: bool
) -> None:
    """It is erased by its application, or by another process."""
    with Served(field(tmp_path, upstream)) as served:
        app, text = desk(served), needle()
        case = await app.case(text)
        state = served.house.field.state
        with reading(state / "ledger.db"):
            if here:
                assert (await app.send("DELETE", f"/api/v1/cases/{case}")).status == 204
            else:
                await asyncio.to_thread(erase_elsewhere, state / "ledger.db", case)
            assert files_with(state, text.encode())
        await until(lambda: not files_with(state, text.encode()), LONG)
        assert len(served.records(Erasure)) == 1


def erase_elsewhere(database: Path, case: str) -> None:
    with opened(database) as ledger:
        assert not erase(ledger, "case", case, reason="request", register=None, patience=0.1).swept


async def test_what_was_held_up_is_finished_at_the_next_start(tmp_path: Path, upstream: Upstream) -> None:
    folder = field(tmp_path, upstream)
    with Served(folder) as served:
        database = served.house.field.state / "ledger.db"
    with closing(sqlite3.connect(database)) as idle:  # else closing the ledger takes the write-ahead log away
        idle.execute("SELECT count(*) FROM texts").fetchone()
        with opened(database) as ledger:
            person = Person(ledger)
            ledger.write(lambda now: now.erase(person=person.pseudonym))
        assert files_with(database.parent, *person.needles)
        with Served(folder):
            await until(lambda: not files_with(database.parent, *person.needles), LONG)
