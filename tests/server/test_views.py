"""What the page reads: status, field, board, matrix, votes, and that anybody can recompute the board."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fieldmark.server.openapi import openapi
from tests.house import Browser, Served, endpoint, two
from tests.upstream import Upstream


async def test_status_and_field(voter: Browser) -> None:
    status = (await voter.get("/api/v1/status")).json
    assert (status["field"], status["field_name"], status["contenders"]) == ("test-field", "Test field", 2)
    assert status["held_here"] is False
    assert status["problems"] == []
    field = (await voter.get("/api/v1/field")).json
    assert field["guidelines"] == "Prefer the answer you would use."
    assert [c["id"] for c in field["categories"]] == ["letters", "notes"]
    assert field["prompts"] == [{"text": "Say hello.", "category": "letters", "language": "en"}]
    assert field["policy"]["undo_seconds"] == 5


async def test_the_votes_give_the_boards_numbers(tmp_path: Path, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream)
    with (folder / "field.toml").open("a") as file:
        file.write(endpoint("cedar-7b", upstream.url, "echo:400"))
    with Served(folder) as served:
        for i in range(3):
            voter = await Browser(served.url).begin()
            for j in range(7):
                battle = (await voter.battle(category="notes" if j % 3 else None))["id"]
                await voter.vote(battle, ("a", "b", "tie", "b", "a", "a", "both_bad")[(i + j) % 7])
                if j == 5:
                    await voter.act(battle, "undo")
                    await voter.act(battle, "abandon")
        text = (await voter.get("/api/v1/votes.csv")).text
        board = (await voter.get("/api/v1/board?model=bradley-terry")).json
        matrix = (await voter.get("/api/v1/board/matrix")).json
    votes = list(csv.DictReader(io.StringIO(text)))
    assert len(votes) == board["votes"] == 18
    assert len({v["voter_id"] for v in votes}) == board["browsers"] == 3
    assert all(vote["voter_id"].startswith("p_") for vote in votes)
    file_ = tmp_path / "votes.csv"
    # `rank` counts `both_bad` as a tie, the board by itself: leave those out here.
    file_.write_text("".join(line for line in text.splitlines(keepends=True) if "both_bad" not in line))
    command = [
        sys.executable,
        "-m",
        "fieldmark",
        "rank",
        str(file_),
        "--model",
        "bradley-terry",
        "--format",
        "json",
    ]
    ranked = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
    found = {row["model"]: row for row in json.loads(ranked.stdout)}
    rated = [row for row in board["rows"] if row["rating"] is not None]
    assert rated, "these votes give ratings"
    for row in rated:
        assert row["rating"] == pytest.approx(found[row["name"]]["rating"], abs=0.006)
        assert row["se"] == pytest.approx(found[row["name"]]["se"], abs=0.006)
    assert sum(cell["votes"] for line in matrix["cells"] for cell in line if cell) == 2 * board["votes"]


async def test_one_name_that_meant_two_contenders(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        await voter.vote((await voter.battle())["id"])
        file = tmp_path / "field.toml"
        old = {m.name: m.digest for m in served.house.roster.members}["alder-7b"]
        file.write_text(file.read_text().replace("You are terse.", "You are wordy."))
        served.refresh()
        await voter.vote((await voter.battle())["id"])
        new = {m.name: m.digest for m in served.house.roster.members}["alder-7b"]
        names = {
            v for row in csv.reader(io.StringIO((await voter.get("/api/v1/votes.csv")).text)) for v in row[:2]
        }
        assert {f"alder-7b@{old[:8]}", f"alder-7b@{new[:8]}", "birch-7b"} < names


async def test_the_api_is_described(voter: Browser) -> None:
    said = (await voter.get("/api/v1/openapi.json")).json
    assert said == openapi()
    operations = [op for path in said["paths"].values() for op in path.values()]
    ids = [op["operationId"] for op in operations]
    assert len(set(ids)) == len(ids)
    assert "RoundView" in said["components"]["schemas"]
    assert "ErrorBody" in said["components"]["schemas"]


async def test_models_and_jobs(voter: Browser) -> None:
    models = {m["name"]: m for m in (await voter.get("/api/v1/models")).json}
    assert {"smollm2-135m", "gemma3-270m"} <= set(models)
    assert models["gemma3-270m"]["ask_licence"] or models["gemma3-270m"]["state"] == "present"
    assert (await voter.get("/api/v1/jobs/nothing")).status == 404
    job = (await voter.post("/api/v1/models/no-such-model/pull", {})).json
    while job["state"] == "running":
        job = (await voter.get(f"/api/v1/jobs/{job['id']}")).json
    assert job["state"] == "failed"
    assert job["message"]
    assert (await voter.get("/api/v1/contenders/detected")).status == 200
