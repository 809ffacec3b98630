from __future__ import annotations

from collections.abc import Iterator

import pytest

from fieldmark.contenders import Model
from tests.models import smollm2
from tests.upstream import Upstream


@pytest.fixture(scope="session")
def model() -> Model:
    return smollm2()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream
