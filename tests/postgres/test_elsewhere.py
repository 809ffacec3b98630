"""What other processes appended, and which of them live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldmark.ledger import Ledger
from tests.ledger.parts import FIELD, Wins, cast
from tests.pg import postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.db")
    else:
        with postgres() as url:
            yield url


def opened(place: str) -> Ledger:
    return Ledger.open(place, field=FIELD, projections=[Wins()])


def test_only_what_others_appended_is_told(place: str) -> None:
    with opened(place) as one, opened(place) as other:
        for ledger in (one, one, other, one, other, other, one):
            cast(ledger)
        told = one.appended_elsewhere(0)
        assert told[0] == 7
        assert [entry.index for entry in told[1] or ()] == [2, 4, 5]
        assert [entry.index for entry in other.appended_elsewhere(1)[1] or ()] == [1, 3, 6]
        assert one.appended_elsewhere(6) == (7, [])
        assert one.appended_elsewhere(0, most=2) == (7, None)  # too many to be worth reading one by one


def test_a_process_is_alive_from_when_it_shows_itself_until_it_is_gone(place: str) -> None:
    with opened(place) as one:
        with opened(place) as other, one.read() as snapshot:
            shared = one.presence.shared
            assert one.presence.alive(snapshot.connection, one.presence.holder)
            assert not one.presence.alive(snapshot.connection, other.presence.holder)
            for _ in range(2):
                other.presence.show()
                assert one.presence.alive(snapshot.connection, other.presence.holder) == shared
            name = other.presence.holder
        with one.read() as snapshot:
            for _ in range(1000):  # the server notices in its own time
                if not one.presence.alive(snapshot.connection, name):
                    return
            raise AssertionError("it is still taken for alive")
