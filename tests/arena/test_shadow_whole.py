"""Shadow judging as a whole: from an application's request to the agreement on the board; and on PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fieldmark.arena import ArenaProjection, Boards, ShadowBallot, Shadows
from fieldmark.errors import Conflict
from fieldmark.fields import Policy, RosterProjection, load_field
from fieldmark.gateway import DriftProjection, GatewayProjection
from fieldmark.ledger import Ledger, Piece
from fieldmark.ledger.evidence import FieldAsOfNow, VoteCast
from fieldmark.reports import field_columns
from tests.arena.ledgers import DIGEST, enter, stored_counts
from tests.arena.shadows import shadow
from tests.gateway.desk import desk, field
from tests.house import Browser, Served, write_field
from tests.pg import postgres
from tests.upstream import Upstream


async def test_from_the_application_to_the_board(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Served(field(tmp_path, upstream, "shadow_share = 1.0", alder="echo", birch="whole")) as served,
    ):
        app, voter = desk(served), await Browser(served.url).begin()
        case = await app.case("Where is my refund?", headers={"x-fieldmark-category": "letters"})
        await app.report(case, "solved")
        assert (await voter.get("/api/v1/shadow")).json == {"waiting": 1}
        seen = (await voter.post("/api/v1/shadow/next")).json
        assert (seen["messages"], seen["category"]) == (
            [{"role": "user", "content": "Where is my refund?"}],
            "letters",
        )
        echo = "You said: Where is my refund?"
        side = "a" if seen["answers"]["a"]["text"] == echo else "b"
        voted = (await voter.post(f"/api/v1/shadow/{seen['id']}/vote", {"choice": side})).json
        assert (voted["reveal"][side]["name"], voted["reveal"][side]["served"]) == ("alder", True)
        columns = (await voter.get("/api/v1/board/field")).json
        assert (columns["shadowed"]["cases"], columns["shadowed"]["good_preferred"]["value"]) == (1, 1)
        await app.send("DELETE", f"/api/v1/cases/{case}")
        again = (await voter.get(f"/api/v1/shadow/{seen['id']}")).json
        assert (again["erased"], again["vote"]["choice"]) == (True, side)
        other = await Browser(served.url).begin()
        assert (await other.post("/api/v1/shadow/next")).json is None
        assert (await voter.get("/api/v1/board?stratum=shadow&category=letters")).json["votes"] == 1
        served.house.ledger.verify()


def _imported(n: int) -> list[Piece]:
    a, b = DIGEST["alder"], DIGEST["birch"]
    given: dict[str, Any] = {"mode": "blind", "source": "imported", "propensity": 1.0, "decision_ms": None}
    vote = VoteCast(choice="a", a=b, b=a, category="letters", counts=True, **given)
    left = VoteCast(choice="tie", a=a, b=b, counts=False, not_counted="leak", **given)
    return [Piece(left if i % 10 == 9 else vote, f"p_{i % 7}") for i in range(n)]


def test_postgresql_counts_and_judges_the_same(tmp_path: Path) -> None:
    rules = load_field(write_field(tmp_path, ""))
    projections = [RosterProjection(), ArenaProjection(), GatewayProjection(), DriftProjection()]
    with postgres() as url, Ledger.open(url, field="trees", projections=projections) as ledger:
        now = FieldAsOfNow(name="Trees", description="", categories={}, reason_tags={}, rubric={}, policy={})
        ledger.write(lambda transaction: transaction.append(now, actor="system"))
        for name in ("alder", "birch"):
            enter(ledger, name)
        for _ in range(2):
            ledger.write(lambda transaction: transaction.append_many(_imported(50)))
        first, second = (shadow(ledger, DIGEST["alder"], DIGEST["birch"], result="solved") for _ in range(2))

        async def judge() -> None:
            judging = Shadows(ledger, lambda: rules, Boards(), "k" * 40)
            seen = await judging.next("p_1")
            assert seen is not None
            assert (seen.id, (await judging.waiting("p_1")).waiting) == (first.battle, 2)
            await judging.vote(seen.id, "p_1", ShadowBallot("a", comment="Good."))
            with pytest.raises(Conflict, match="you have voted"):
                await judging.vote(seen.id, "p_1", ShadowBallot("b"))
            await judging.retract(seen.id, "p_1")
            await judging.vote(second.battle, "p_1", ShadowBallot("both_bad"))
            assert await judging.next("p_1") is None

        asyncio.run(judge())
        with ledger.read() as snapshot:
            boards = Boards()
            imported = boards.standings(snapshot, Policy(), stratum="imported").board
            judged = boards.standings(snapshot, Policy(), stratum="shadow").board
            counted = stored_counts(snapshot)
            columns = field_columns(snapshot, Policy())
        a, b = sorted((DIGEST["alder"], DIGEST["birch"]))
        column = "wins_first" if a == DIGEST["birch"] else "wins_second"
        assert counted["letters", a, b, column] == 90
        assert (imported.votes, imported.browsers, imported.not_counted) == (90, 7, {"leak": 10})
        assert (judged.votes, judged.not_counted) == (1, {"retracted": 1})
        assert columns.shadowed is not None
        ledger.verify()
