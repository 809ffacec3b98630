"""A new database of the shared server for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fieldmark.ledger import Ledger
from tests.ledger.parts import FIELD, Wins
from tests.pg import postgres


@pytest.fixture
def path() -> Iterator[str]:
    """The same name as the SQLite tests use, so that they run here as they are."""
    with postgres() as url:
        yield url


@pytest.fixture
def ledger(path: str) -> Iterator[Ledger]:
    with Ledger.open(path, field=FIELD, projections=[Wins()]) as ledger:
        yield ledger
