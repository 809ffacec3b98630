"""What a contender has cost counts for its cap, whatever asked it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.cli.drift import _opened
from fieldmark.reports import costs
from fieldmark.scorecards import Wanted
from tests.house import endpoint, write_field
from tests.scorecards.test_run_faults import CAPPED
from tests.scorecards.toys import ended, toy_set, toys
from tests.upstream import Upstream


async def test_what_trials_cost_counts_for_canaries(tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo", CAPPED))
        async with toys(folder, {"sums": toy_set(2)}) as now:
            run = (await now.runs.start(Wanted("sums", ["alder"], trials=1, unchecked=True))).id
            assert await ended(now, run) == ("complete", 2, 0)
            alder = now.roster.named("alder")
            with now.ledger.read() as snapshot:
                assert costs(snapshot) == {alder.digest: pytest.approx(alder.spent)}
        assert alder.spent > 0
        async with _opened(folder) as (_, roster):
            assert roster.named("alder").spent == pytest.approx(alder.spent)
