"""Server-sent events: the board's news within a second, a heartbeat, and nothing left behind by who went away."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import pytest

from fieldmark.server import _sse
from tests.house import Browser, Served, two, until
from tests.upstream import Upstream


async def _listen(voter: Browser, path: str, lines: list[str]) -> None:
    cookie = "; ".join(f"{k}={v}" for k, v in voter.cookies.items())
    async with (
        aiohttp.ClientSession() as session,
        session.get(voter.url + path, headers={"Cookie": cookie}) as reply,
    ):
        assert reply.headers["Content-Type"].startswith("text/event-stream")
        async for raw in reply.content:
            lines += [raw.decode().rstrip("\n")]


async def test_a_vote_is_news_within_a_second(voter: Browser) -> None:
    lines: list[str] = []
    listening = asyncio.create_task(_listen(voter, "/api/v1/status/events", lines))
    await until(lambda: "retry: 1000" in lines)
    battle = await voter.battle()
    before = (await voter.get("/api/v1/status")).json["votes"]
    begun = time.monotonic()
    await voter.vote(battle["id"])

    def votes() -> list[int]:
        return [json.loads(line[6:])["votes"] for line in lines if line.startswith("data: ")]

    await until(lambda: before + 1 in votes())
    assert time.monotonic() - begun < 1
    await voter.act(battle["id"], "undo")
    await until(lambda: votes()[-1] == before)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_a_heartbeat_and_nothing_left_behind(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sse, "HEARTBEAT_SECONDS", 0.05)
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()

        async def tasks() -> int:
            return len(asyncio.all_tasks())

        before = served.run(tasks())
        lines: list[str] = []
        paths = ("/api/v1/status/events", f"/api/v1/battles/{battle['id']}/events")
        listening = [asyncio.create_task(_listen(voter, path, lines)) for path in paths * 3]
        await until(lambda: lines.count(": still here") > 12)
        assert served.run(tasks()) > before
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        await until(lambda: served.run(tasks()) <= before)


async def test_stopping_the_server_ends_every_stream(tmp_path: Path, upstream: Upstream) -> None:
    lines: list[str] = []
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        path = f"/api/v1/battles/{battle}/events"
        listening = [asyncio.create_task(_listen(voter, p, lines)) for p in (path, "/api/v1/status/events")]
        await until(lambda: lines.count("retry: 1000") == 2)
        begun = time.monotonic()
        await asyncio.to_thread(served.__exit__)
        assert time.monotonic() - begun < 5
        await asyncio.wait(listening, timeout=5)
        assert all(task.done() for task in listening)
        await asyncio.gather(*listening, return_exceptions=True)
