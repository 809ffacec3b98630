"""The board's columns over HTTP and in the terminal, and cards of the past, which hold no erased text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from sqlalchemy import delete
from typer.testing import CliRunner, Result

from fieldmark.cli import views
from fieldmark.fields import known_contenders
from fieldmark.ledger import _schema
from tests.arena.shadows import judge, shadow
from tests.house import Browser, Served, two
from tests.upstream import Upstream


@pytest.fixture
def worked(tmp_path: Path, upstream: Upstream) -> Iterator[Served]:
    """A field with live and shadow votes and outcomes."""
    with Served(two(tmp_path, upstream)) as served:
        ledger = served.house.ledger
        alder, birch = (served.house.roster.named(f"{name}-7b").digest for name in ("alder", "birch"))
        for result in ("solved", "solved", "rejected"):
            judge(ledger, shadow(ledger, alder, birch, result=result, category="notes"), "a")
        judge(ledger, shadow(ledger, birch, alder, result="harm"), "b")
        yield served


def run(*arguments: str) -> Result:
    app = typer.Typer()
    views.add_to(app)
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})


async def test_the_board_has_columns_of_real_work(worked: Served) -> None:
    voter = await Browser(worked.url).begin()
    found = (await voter.get("/api/v1/board/field")).json
    rows = {row["name"]: row for row in found["rows"].values()}
    assert (rows["alder-7b"]["cases"], rows["alder-7b"]["solved"]["n"], rows["birch-7b"]["harm"]["n"]) == (
        3,
        2,
        1,
    )
    assert (found["agreement"][0]["shadow"], found["agreement"][0]["live"]) == (4, 0)
    assert found["shadowed"]["cases"] == 4
    notes = (await voter.get("/api/v1/board/field?category=notes")).json
    assert (notes["cases"], len(notes["rows"]), notes["shadowed"]["cases"]) == (3, 1, 3)
    assert (await voter.get("/api/v1/board/field?category=nothing")).status == 404


async def test_board_and_report_print_them(worked: Served) -> None:
    folder = ["--field", str(worked.folder)]
    live, stratum = run("board", *folder), run("board", *folder, "--stratum", "shadow")
    for said in ("0 counted votes from", "real cases", "67%", "neither votes", "shadowed cases with a vote"):
        assert said in " ".join(live.output.split()), said
    assert "4 counted votes on shadowed real cases from 1 browser" in " ".join(stratum.output.split())
    assert "real cases  cases" not in stratum.output
    board = json.loads(run("board", *folder, "--stratum", "shadow", "--format", "json").stdout)
    assert (board["strata"], board["votes"]) == (["shadow"], 4)
    assert "4 votes" in run("report", "alder-7b", *folder).output
    wrong = run("board", *folder, "--stratum", "judge")
    assert "unknown stratum 'judge'" in str(wrong.exception)


async def test_a_card_of_the_past_holds_no_text_that_was_erased_since(worked: Served) -> None:
    voter = await Browser(worked.url).begin()
    now = (await voter.get("/api/v1/cards/alder-7b")).json
    path = f"/api/v1/cards/alder-7b?at={now['head']}"
    assert (await voter.get(path)).json == now
    assert now["system"] == "You are terse."
    with worked.house.ledger.read() as snapshot:
        text = known_contenders(snapshot)[now["digest"]].system
    gone = delete(_schema.texts).where(_schema.texts.c.text_id == text)
    worked.house.ledger.write(lambda transaction: transaction.connection.execute(gone))
    assert (await voter.get(path)).json == {**now, "system": None}
