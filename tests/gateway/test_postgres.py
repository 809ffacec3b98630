"""The gateway on PostgreSQL: the same records and tables, and a dead server's cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.gateway import outcome_table
from fieldmark.ledger.evidence import CaseAnswered
from tests.gateway.desk import desk, field
from tests.house import Served
from tests.pg import postgres
from tests.upstream import Upstream


async def test_cases_on_postgresql(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = field(tmp_path, upstream, "shadow_share = 1.0", alder="echo", birch="whole")
    with postgres() as url:
        monkeypatch.setenv("FIELDMARK_DATABASE_URL", url)
        with Served(folder) as served:
            app = desk(served)
            case = await app.case(headers={"x-fieldmark-category": "letters", "x-fieldmark-person": "7"})
            assert (await app.report(case, "edited", edit="You said: one two four")).json["changed"] == 0.2
            assert (await app.report(case, "solved")).status == 200
            with served.house.ledger.read() as snapshot:
                (row,) = outcome_table(snapshot, category="letters").rows
            assert (row.cases, row.reported, row.results["solved"], row.results["edited"]) == (1, 1, 1, 0)
            served.house.gateway._recorder.keep = None  # type: ignore[method-assign, assignment]
            assert (await app.ask()).status == 200
            assert served.run(served.house.gateway.recover()) == 0, (
                "this process lives: the case is still its own"
            )
        with Served(folder) as served:
            left = served.records(CaseAnswered)[-1]
            assert (left.finish, left.failure) == ("failed", "interrupted")
            assert (await desk(served, "again").send("DELETE", f"/api/v1/cases/{case}")).status == 404
            served.house.ledger.verify()
