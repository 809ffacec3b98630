"""The field folder is edited while it is served: the last good state stays in force, and changes become evidence."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fieldmark.ledger.evidence import ContenderSeen, FieldAsOfNow, Withdrawal
from fieldmark.server import _house
from tests.house import Browser, Served, endpoint, two, until
from tests.upstream import Upstream


async def _status(voter: Browser, wanted: Any) -> Any:
    async with asyncio.timeout(10):
        while not wanted(status := (await voter.get("/api/v1/status")).json):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return status


async def test_a_wrong_edit_is_shown_and_the_last_good_field_stays(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_house, "POLL_SECONDS", 0.05)
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        file = tmp_path / "field.toml"
        good = file.read_text()
        file.write_text(good.replace('kind = "endpoint"', 'kind = "oracle"', 1))
        status = await _status(voter, lambda s: s["problems"])
        problem = status["problems"][0]
        assert problem["file"] == "field.toml"
        assert good.splitlines()[problem["line"] - 1].startswith("kind")
        assert "oracle" in problem["what"]
        assert "endpoint" in problem["right"]
        assert status["contenders"] == 2
        assert (await voter.battle())["turns"][0]["a"]["text"] == "You said: Say hello."
        file.write_text(good.replace('name = "Test field"', 'name = "Mended"\nid = "test-field"'))
        status = await _status(voter, lambda s: not s["problems"])
        assert status["field_name"] == "Mended"
        await until(lambda: served.records(FieldAsOfNow)[-1].name == "Mended")  # told before it is written
        served.house.ledger.verify()


async def test_contenders_come_change_and_go(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        file = tmp_path / "field.toml"
        start = file.read_text()
        digest = {m.name: m.digest for m in served.house.roster.members}
        file.write_text(start + endpoint("cedar-7b", upstream.url, "slow:90"))
        served.refresh()
        assert served.records(ContenderSeen)[-1].name == "cedar-7b"
        file.write_text(start.replace("You are terse.", "You are long-winded."))
        served.refresh()
        seen, gone = served.records(ContenderSeen)[-1], served.records(Withdrawal)
        assert (seen.name, seen.parent) == ("alder-7b", digest["alder-7b"])
        assert seen.digest != digest["alder-7b"]
        assert {(w.name, w.reason) for w in gone} == {("alder-7b", "replaced"), ("cedar-7b", "removed")}
        views = (await voter.get("/api/v1/contenders")).json
        assert [(v["name"], v["digest"] == seen.digest) for v in views] == [
            ("alder-7b", True),
            ("birch-7b", False),
        ]
        old = (await voter.get(f"/api/v1/cards/{digest['alder-7b']}")).json
        new = (await voter.get("/api/v1/cards/alder-7b")).json
        assert (old["status"], new["status"], new["parent"]) == ("replaced", "active", old["digest"])
        file.write_text(start.replace('name = "alder-7b"', 'name = "aspen-7b"'))
        served.refresh()
        renamed = served.records(ContenderSeen)[-1]
        assert (renamed.name, renamed.digest) == ("aspen-7b", digest["alder-7b"])
        count = len(served.records(ContenderSeen))
        served.refresh()
        assert len(served.records(ContenderSeen)) == count, "nothing changed, nothing is written"
        served.house.ledger.verify()


async def test_two_contenders_that_are_one(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        file = tmp_path / "field.toml"
        twin = endpoint("twin-7b", upstream.url, "echo", 'system = "You are terse."')
        for text in (
            file.read_text() + twin,
            file.read_text().replace("[[contenders]]", twin + "[[contenders]]", 1),
        ):
            file.write_text(text)
            served.refresh()
            digests = [m.digest for m in served.house.roster.members]
            assert len(set(digests)) == len(digests) == 2
            views = {v["name"]: v for v in (await voter.get("/api/v1/contenders")).json}
            waiting = [v for v in views.values() if v["status"] == "waiting"]
            if not waiting:  # the folder's own check refused it
                assert "same" in str((await voter.get("/api/v1/status")).json["problems"])
            else:
                assert "is the same contender" in waiting[0]["readiness"]["detail"]
            assert (await voter.battle())["turns"][0]["a"]["state"] == "finished"
        served.house.ledger.verify()


async def test_the_page_adds_and_removes_a_contender(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        spec = {"name": "cedar-7b", "kind": "endpoint", "url": upstream.url, "model": "echo:200"}
        made = await voter.post("/api/v1/contenders", spec)
        assert (made.status, made.json["origin"], made.json["removable"]) == (
            201,
            "contenders/cedar-7b.toml",
            True,
        )
        assert "cedar-7b" in (tmp_path / "contenders" / "cedar-7b.toml").read_text()
        again = await voter.post("/api/v1/contenders", spec)
        assert (again.status, again.json["error"]["code"]) == (409, "name_taken")
        same = await voter.post("/api/v1/contenders", {**spec, "name": "twin-7b"})
        assert (same.status, same.json["error"]["code"]) == (409, "same_contender")
        assert "cedar-7b" in same.json["error"]["message"]
        assert not (tmp_path / "contenders" / "twin-7b.toml").exists()
        assert (await voter.delete("/api/v1/contenders/cedar-7b")).status == 204
        assert (await voter.delete("/api/v1/contenders/cedar-7b")).status == 404
        kept = await voter.delete("/api/v1/contenders/alder-7b")
        assert (kept.status, kept.json["error"]["code"]) == (409, "in_field_toml")
        assert "line" in kept.json["error"]["hint"]
        assert [(w.name, w.reason) for w in served.records(Withdrawal)] == [("cedar-7b", "removed")]


async def test_a_contender_that_does_not_answer_is_saved_only_on_demand(
    tmp_path: Path, upstream: Upstream
) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        spec = {"name": "mute-7b", "kind": "endpoint", "url": upstream.url, "model": "refuse:401"}
        probed = (await voter.post("/api/v1/contenders/probe", spec)).json
        assert (probed["ok"], probed["failure"]) == (False, "refused")
        refused = await voter.post("/api/v1/contenders", spec)
        assert (refused.status, refused.json["error"]["code"]) == (409, "probe_failed")
        assert (await voter.post("/api/v1/contenders?force=true", spec)).status == 201
        bad = await voter.post("/api/v1/contenders?force=true", {**spec, "name": "Not A Name"})
        assert bad.status == 422
        half = await voter.post("/api/v1/contenders?force=true", {"name": "half-7b", "kind": "endpoint"})
        assert (half.status, half.json["error"]["code"]) == (400, "field_problems")
        assert half.json["error"]["problems"]


async def test_adding_to_a_folder_that_is_wrong_elsewhere(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        (tmp_path / "prompts.toml").write_text("[[prompts]]\ntext = 7\n")
        spec = {"name": "cedar-7b", "kind": "endpoint", "url": upstream.url, "model": "echo:200"}
        reply = await voter.post("/api/v1/contenders", spec)
        assert (reply.status, reply.json["error"]["code"]) == (400, "field_problems")
        assert reply.json["error"]["problems"][0]["file"] == "prompts.toml"


async def test_no_key_is_in_any_reply_file_or_record(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = "sk-very-secret-0123456789"
    monkeypatch.setenv("TREES_KEY", key)
    with Served(two(tmp_path, upstream, b="refuse:500", birch='key_env = "TREES_KEY"')) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        assert any(seen.headers.get("Authorization") == f"Bearer {key}" for seen in upstream.seen)
        await voter.vote(battle["id"])
        await voter.act(battle["id"], "reveal")
        for path in ("contenders", "cards/birch-7b", "board", "votes.csv", "field", "status"):
            await voter.get(f"/api/v1/{path}")
        assert key not in "".join(voter.heard)
        served.house.ledger.export(tmp_path / "export.jsonl", texts=tmp_path / "texts.jsonl")
    assert key not in caplog.text
    assert _holding(tmp_path, key) == []


def _holding(folder: Path, key: str) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and key.encode() in file.read_bytes()]
