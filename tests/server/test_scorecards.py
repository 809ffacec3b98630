"""Scorecards over HTTP: begin a run, watch it, read its numbers, trials and comparison."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.house import Browser, Served, endpoint, write_field
from tests.scorecards.test_run_faults import slow_set
from tests.scorecards.test_trials import left_set
from tests.scorecards.toys import toy_set


async def _over(browser: Browser, run: str) -> Any:
    async with asyncio.timeout(60):
        while (found := (await browser.get(f"/api/v1/runs/{run}")).json)["state"] == "running":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def test_a_run_from_the_page(tmp_path: Path) -> None:
    folder = write_field(tmp_path / "field", endpoint("alder", "http://127.0.0.1:9/v1", "m"))
    with Served(folder) as served:
        served.house.runs.catalogue.made["sums"] = toy_set(8)
        browser = await Browser(served.url).begin()
        listed = (await browser.get("/api/v1/scorecards")).json
        assert "sums" in [line["name"] for line in listed]
        wanted = {"contenders": ["oracle", "seeded:0.5"], "trials": 2, "unchecked": True}
        begun = await browser.post("/api/v1/scorecards/sums/runs", wanted)
        assert (begun.status, begun.json["state"], begun.json["planned"]) == (202, "running", 32)
        ended = await _over(browser, begun.json["id"])
        assert (ended["ended"], ended["done"]) == ("complete", 32)
        card = (await browser.get("/api/v1/scorecards/sums")).json
        assert [score["name"] for score in card["line"]["scores"]] == ["oracle", "seeded:0.5"]
        assert (card["trials"], len(card["tasks"]), card["runs"][0]["id"]) == (32, 8, begun.json["id"])
        page = (await browser.get("/api/v1/scorecards/sums/trials?contender=oracle&limit=5")).json
        assert (page["total"], len(page["trials"]), page["more"]) == (16, 5, True)
        trial = (await browser.get(f"/api/v1/trials/{page['trials'][0]['id']}")).json
        assert [event["kind"] for event in trial["events"]] == ["told", "said"]
        compared = (await browser.get("/api/v1/scorecards/sums/compare?a=oracle&b=seeded:0.5")).json
        assert compared["tasks"] == 8
        again = await browser.post(f"/api/v1/runs/{begun.json['id']}/continue")
        assert (again.status, again.json["error"]["code"]) == (409, "ended")
        assert (await browser.get("/api/v1/scorecards/nothing")).status == 404
        unknown = await browser.post("/api/v1/scorecards/sums/runs", {"contenders": ["birch"]})
        assert unknown.status == 404


async def test_a_scorecards_name_may_have_a_dot(tmp_path: Path) -> None:
    with Served(write_field(tmp_path / "field", endpoint("alder", "http://127.0.0.1:9/v1", "m"))) as served:
        served.house.runs.catalogue.made["my.set"] = toy_set(2, name="my.set")
        browser = await Browser(served.url).begin()
        for path in ("/scorecards/my.set", "/scorecards/my.set/compare", "/api/v1/scorecards/my.set"):
            assert (await browser.get(path)).status == 200, path
        assert (await browser.get("/my.set")).status == 404


async def test_a_server_that_ends_leaves_runs_to_be_continued(tmp_path: Path) -> None:
    folder = write_field(tmp_path / "field", "")
    with Served(folder) as served:
        served.house.runs.catalogue.made["sums"] = slow_set()
        browser = await Browser(served.url).begin()
        wanted = {"contenders": ["oracle"], "trials": 20, "unchecked": True}
        begun = (await browser.post("/api/v1/scorecards/sums/runs", wanted)).json
        listed = {line["name"]: line for line in (await browser.get("/api/v1/scorecards")).json}
        assert listed["sums"]["running"] == begun["id"]
        busy = await browser.post(f"/api/v1/runs/{begun['id']}/continue")
        assert (busy.status, busy.json["error"]["code"]) == (409, "running")
    with Served(folder) as served:
        served.house.runs.catalogue.made["sums"] = slow_set()
        browser = await Browser(served.url).begin()
        found = (await browser.get(f"/api/v1/runs/{begun['id']}")).json
        assert found["state"] == "paused"
        assert found["done"] < 120
        assert (await browser.post(f"/api/v1/runs/{begun['id']}/continue")).status == 202
        assert (await _over(browser, begun["id"]))["done"] == 120
        wanted["trials"] = 400
        again = (await browser.post("/api/v1/scorecards/sums/runs", wanted)).json
        cancelled = await browser.post(f"/api/v1/runs/{again['id']}/cancel")
        assert (cancelled.json["state"], cancelled.json["ended"]) == ("ended", "cancelled")


async def test_files_of_a_trial_do_nothing_in_a_browser(tmp_path: Path) -> None:
    with Served(write_field(tmp_path / "field", "")) as served:
        served.house.runs.catalogue.made["sums"] = left_set()
        browser = await Browser(served.url).begin()
        wanted = {"contenders": ["oracle"], "trials": 1, "tasks": ["sum-1"], "unchecked": True}
        begun = (await browser.post("/api/v1/scorecards/sums/runs", wanted)).json
        await _over(browser, begun["id"])
        trial = (await browser.get("/api/v1/scorecards/sums/trials")).json["trials"][0]["id"]
        page = await browser.get(f"/api/v1/trials/{trial}/artifacts/page.html")
        assert page.text == "<script>alert(1)</script>"
        assert page.headers["content-type"] == "text/plain; charset=utf-8"
        assert page.headers["content-security-policy"].startswith("sandbox")
        assert page.headers["x-content-type-options"] == "nosniff"
        assert (await browser.get(f"/api/v1/trials/{trial}/artifacts/big.bin")).status == 404
        assert (await browser.get(f"/api/v1/trials/{trial}/artifacts/../../secret")).status == 404
