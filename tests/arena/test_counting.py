"""Many imported votes counted at once give the tables that they give one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from fieldmark.arena import ArenaProjection
from fieldmark.arena import _tables as t
from fieldmark.ledger import Entry, Ledger, Projection
from fieldmark.ledger.evidence import NotCounted, VoteCast
from tests.arena.ledgers import DIGEST, NAMES, Ballot, cast, recount, standings, stored_counts, trees

VOTES = st.lists(
    st.tuples(
        st.sampled_from([(a, b) for a in NAMES[:4] for b in NAMES[:4] if a != b]),
        st.sampled_from(["a", "b", "tie", "both_bad"]),
        st.sampled_from(["p_1", "p_2", "p_3"]),
        st.sampled_from([None, "letters", "notes"]),
        st.sampled_from([None, None, None, "chosen", "leak"]),
        st.sampled_from(["imported", "imported", "live"]),
    ),
    max_size=60,
)


def write(ledger: Ledger, ballot: tuple[Any, ...]) -> None:
    """Append a vote without a battle."""
    (a, b), choice, voter, category, why, source = ballot
    not_counted: NotCounted | None = why
    vote = VoteCast(
        choice=choice,
        a=DIGEST[a],
        b=DIGEST[b],
        mode="blind",
        source=source,
        propensity=1.0,
        category=category,
        decision_ms=None,
        counts=why is None,
        not_counted=not_counted,
    )
    ledger.write(lambda now: now.append(vote, actor=voter))


def tables(connection: Connection) -> dict[str, list[Any]]:
    """Every table of the arena, in order."""
    found = {}
    for table in t.ALL:
        rows = connection.execute(select(table).order_by(*table.primary_key)).all()
        found[table.name] = [tuple(row) for row in rows]
    return found


class OneByOne(ArenaProjection):
    """Takes many as one after the other."""

    def take_many(self, connection: Connection, entries: Sequence[Entry]) -> None:
        Projection.take_many(self, connection, entries)


def replayed(ledger: Ledger, projection: Projection, cuts: Sequence[int]) -> dict[str, list[Any]]:
    """The tables when the records come in batches that end at `cuts`."""
    from sqlalchemy import create_engine

    with ledger.read() as snapshot:
        entries = list(snapshot.entries())
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for table in projection.tables:
            table.create(connection)
        start = 0
        for cut in [*sorted(cuts), len(entries)]:
            projection.take_many(connection, entries[start:cut])
            start = max(start, cut)
        found = tables(connection)
    engine.dispose()
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(votes=VOTES, cuts=st.lists(st.integers(0, 80), max_size=4), live=st.integers(0, 3))
def test_folded_is_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, votes: list[Any], cuts: list[int], live: int
) -> None:
    with trees(tmp_path_factory.mktemp("ledger"), NAMES[:4]) as ledger:
        for i, ballot in enumerate(votes):
            if i % 20 < live:
                cast(ledger, Ballot("alder", "birch", "a", "p_1", "notes"))
            write(ledger, ballot)
        with ledger.read() as snapshot:
            stored = tables(snapshot.connection)
        assert replayed(ledger, ArenaProjection(), cuts) == stored
        assert replayed(ledger, OneByOne(), cuts) == stored


def test_imported_votes_have_a_board_of_their_own(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        cast(ledger, Ballot("alder", "birch", "a"), Ballot("alder", "birch", "b"))
        for choice in ("a", "a", "b", "tie"):
            write(ledger, (("birch", "cedar"), choice, "p_9", None, None, "imported"))
        with ledger.read() as snapshot:
            live, other = standings(snapshot), standings(snapshot, stratum="imported")
            assert sum(n for (c, *_), n in stored_counts(snapshot).items() if not c) == 6
            assert stored_counts(snapshot) == recount(snapshot)
        assert (live.board.votes, live.board.strata) == (2, ["live"])
        assert (other.board.votes, other.board.strata, other.board.browsers) == (4, ["imported"], 1)
        assert {row.name for row in other.board.rows} == {"birch", "cedar"}
        assert {row.name for row in live.board.rows} == {"alder", "birch", "cedar"}
        ledger.verify()
