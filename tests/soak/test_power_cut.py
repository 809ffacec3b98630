"""Power cuts on paper, a few of them; and that a store which does not sync would be found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from soak.power_cut import run

needs_strace = pytest.mark.skipif(
    not shutil.which("strace"),
    reason="strace is not here, and power is cut in its trace (apt install strace)",
)


@needs_strace
def test_a_few_cuts_lose_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, cuts=3, seconds=1.5, seed=1)
    assert (result.lost, result.broken, result.early) == (0, [], 0)
    assert result.acknowledged > 0


@needs_strace
def test_a_store_that_does_not_sync_is_found(tmp_path: Path) -> None:
    result = run(tmp_path, cuts=3, seconds=1.5, seed=1, sabotage=True)
    assert result.early > 0
    assert result.lost or result.broken
