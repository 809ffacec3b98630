"""A short run of the soak, so that it does not rot: two real server processes, one of them killed."""

from __future__ import annotations

from pathlib import Path

from soak.two_servers import run


async def test_two_servers_stay_exact_when_one_is_killed(tmp_path: Path) -> None:
    result = await run(tmp_path, kills=1, pause=0.7)
    assert result.wrong == []
    assert result.votes > 0
