"""The kills of a served field under load, a few of them; and that early acknowledgements would be found."""

from __future__ import annotations

from pathlib import Path

from soak.kills import run


async def test_two_kills_lose_nothing(tmp_path: Path) -> None:
    result = await run(tmp_path, 2, pause=0.5)
    assert result.wrong == []
    assert result.kills == 2
    assert result.verified == 1
    known = result.known
    assert min(len(known.votes), len(known.outcomes)) > 0
    assert known.outcomes.keys() == known.cases.keys()
    assert known.votes.keys() == known.battles


async def test_acknowledging_before_the_commit_is_found(tmp_path: Path) -> None:
    result = await run(tmp_path, 1, pause=0.5, sabotage=True)
    assert result.wrong
