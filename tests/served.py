"""Fixtures: a served field for a whole file, with two contenders that echo, and browsers of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import Browser, Served, two
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("field")
    with Served(two(folder, upstream)) as served:
        yield served


@pytest.fixture
async def voter(served: Served) -> Browser:
    """A browser of its own for each test."""
    return await Browser(served.url).begin()


@pytest.fixture
async def other(served: Served) -> Browser:
    return await Browser(served.url).begin()
