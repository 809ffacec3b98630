from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fieldmark.sandbox import SANDBOXES, Bubblewrap, Limits, Sandbox

LIMITS = Limits(memory_mb=200, processes=60, disk_mb=16, seconds=20, output_kb=256)


def _kind(name: str) -> type[Sandbox]:
    kind = SANDBOXES.get(name)
    if trouble := kind.trouble():
        pytest.skip(f"no {name} here: {trouble}")
    return kind


@pytest.fixture
async def walled() -> AsyncIterator[Bubblewrap]:
    """A bubblewrap sandbox."""
    _kind("bubblewrap")
    async with Bubblewrap(LIMITS) as sandbox:
        yield sandbox


@pytest.fixture(params=["bubblewrap", "process"])
async def box(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A sandbox of each kind with a process 1 of ours."""
    async with _kind(request.param)(LIMITS) as sandbox:
        yield sandbox
