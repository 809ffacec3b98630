"""What must not happen: a second server, keys sent elsewhere, work that dies unsaid, one caller's load on others."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fieldmark.errors import LedgerError, LedgerUnavailable, ServeError
from fieldmark.ledger import Ledger, Snapshot
from fieldmark.server import _house, _views
from fieldmark.server._guard import Limits
from fieldmark.server._house import House
from fieldmark.server._jobs import FINISHED, Job, Jobs, Report
from fieldmark.server._sessions import Visitor
from fieldmark.server._shared import Places
from tests.house import Browser, Served, endpoint, two, until, write_field
from tests.upstream import Upstream

ASK = [{"role": "user", "content": "one two"}]


async def test_a_field_has_one_server(tmp_path: Path, upstream: Upstream) -> None:
    folder, address = two(tmp_path, upstream), "http://127.0.0.1:8421"
    first = await House.open(folder, address)
    with pytest.raises(ServeError, match=f"served already, on {address} "):
        await House.open(folder, "http://127.0.0.1:8422")
    await first.close()
    again = await House.open(folder)
    await again.close()


async def test_a_second_start_leaves_open_rounds_alone(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        command = [sys.executable, "-m", "fieldmark", "up", str(tmp_path), "--port", "0", "--no-fetch"]
        second = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert "is served already" in second.stderr
        assert (await voter.vote(battle["id"]))["state"] == "voted"
        command = [sys.executable, "-m", "fieldmark", "board", "--field", str(tmp_path), "--format", "json"]
        board = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        assert json.loads(board.stdout)["votes"] == 1, "reading goes on beside a server"


def test_a_killed_server_frees_the_field(tmp_path: Path, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream)
    code = (
        "import sys, time; from pathlib import Path; from fieldmark.server._state import only_server\n"
        "with only_server(Path(sys.argv[1]), 'here'): print('held', flush=True); time.sleep(60)"
    )
    state = folder / ".fieldmark"
    with subprocess.Popen([sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ServeError, match=f"on here .process {other.pid}."):
            asyncio.run(House.open(folder))
        other.send_signal(signal.SIGKILL)
    asyncio.run(_open_and_close(folder))


async def _open_and_close(folder: Path) -> None:
    await (await House.open(folder)).close()


@pytest.mark.parametrize("left", ["", "short", "x" * 31])
async def test_a_cookie_key_that_is_none_is_refused(tmp_path: Path, upstream: Upstream, left: str) -> None:
    key = two(tmp_path, upstream) / ".fieldmark" / "cookie.key"
    key.parent.mkdir()
    key.write_text(left)
    with pytest.raises(ServeError, match="holds no secret") as error:
        await House.open(tmp_path)
    assert "delete it" in error.value.hint
    key.unlink()
    await _open_and_close(tmp_path)
    made = key.read_text()
    assert len(made) > 40
    assert [file.name for file in key.parent.iterdir() if "cookie" in file.name] == ["cookie.key"]
    await _open_and_close(tmp_path)
    assert key.read_text() == made


async def test_two_folders_of_one_field_have_two_cookies(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path / "a", upstream)) as a, Served(two(tmp_path / "b", upstream)) as b:
        browser = await Browser(a.url).begin()
        browser.url = b.url
        await browser.begin()
        assert len(browser.cookies) == 2


async def test_the_page_sends_no_secret_of_the_environment(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CLOUD_SECRET", "TREES_KEY", "OTHER_API_KEY"):
        monkeypatch.setenv(name, f"value-of-{name}")
    with Served(two(tmp_path, upstream, birch='key_env = "TREES_KEY"')) as served:
        voter = await Browser(served.url).begin()
        spec = {"name": "cedar-7b", "kind": "endpoint", "url": upstream.url, "model": "echo:200"}
        for path in ("contenders/probe", "contenders", "contenders?force=true"):
            asked = len(upstream.seen)
            reply = await voter.post(f"/api/v1/{path}", {**spec, "key_env": "CLOUD_SECRET"})
            assert (reply.status, reply.json["error"]["code"]) == (400, "input")
            assert "CLOUD_SECRET" in reply.json["error"]["message"]
            assert "_API_KEY" in reply.json["error"]["message"]
            assert len(upstream.seen) == asked
        for name in ("TREES_KEY", "OTHER_API_KEY"):
            assert (await voter.post("/api/v1/contenders/probe", {**spec, "key_env": name})).json["ok"]
            assert upstream.seen[-1].headers["Authorization"] == f"Bearer value-of-{name}"


async def test_the_page_reads_no_other_file(voter: Browser, tmp_path: Path) -> None:
    text = tmp_path / "notes.gguf"
    text.write_text("SECRET")
    for path in ("/etc/passwd", f"{tmp_path}/notes.txt", "./field.toml"):
        for route in ("contenders/probe", "contenders?force=true"):
            reply = await voter.post(f"/api/v1/{route}", {"name": "x", "kind": "weights", "model": path})
            assert reply.status == 400
            assert ".gguf" in reply.json["error"]["message"]
    reply = await voter.post("/api/v1/contenders/probe", {"name": "x", "kind": "weights", "model": str(text)})
    assert not reply.json["ok"]
    assert "SECR" not in reply.text


async def test_closing_goes_on_whatever_the_arena_raises(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await House.open(two(tmp_path, upstream))
    closed: list[str] = []

    async def broken() -> None:
        raise ZeroDivisionError

    async def note() -> None:
        closed.append("roster")

    monkeypatch.setattr(house.arena, "close", broken)
    monkeypatch.setattr(house.roster, "close", note)
    with pytest.raises(ZeroDivisionError):
        await house.close()
    assert closed == ["roster"]
    with pytest.raises(LedgerError):
        house.ledger.write(lambda transaction: None)
    await _open_and_close(tmp_path)


async def test_the_folder_is_followed_after_any_error(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_house, "POLL_SECONDS", 0.02)
    house = await House.open(two(tmp_path, upstream))
    poll, fails = house.watch.poll, [True]

    def failing() -> bool:
        if fails:
            fails.pop()
            raise RuntimeError("odd")
        return poll()

    monkeypatch.setattr(house.watch, "poll", failing)
    try:
        await until(lambda: not fails)
        with (tmp_path / "field.toml").open("a") as file:
            file.write(endpoint("cedar-7b", upstream.url, "echo:400"))
        await until(lambda: len(house.roster.members) == 3)
        assert "odd" in caplog.text
    finally:
        await house.close()


async def test_a_job_always_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_: Report) -> None:
        raise KeyError("strange")

    jobs = Jobs()
    job = jobs.start("model x", broken)
    await until(lambda: job.state != "running")
    assert (job.state, job.message) == ("failed", "KeyError")
    assert "strange" in caplog.text
    again = jobs.start("model x", broken)
    assert again.id != job.id


async def test_finished_jobs_are_forgotten_in_time() -> None:
    caught: list[Job] = []

    async def quick(_: Report) -> None:
        pass

    jobs, forever = Jobs(), asyncio.Event()

    async def slow(_: Report) -> None:
        await forever.wait()

    running = jobs.start("slow", slow)
    for number in range(FINISHED + 20):
        caught.append(jobs.start(f"{number}", quick))
        await until(lambda: caught[-1].state == "done")
    assert jobs.get(running.id).state == "running"
    assert jobs.get(caught[-1].id) is caught[-1]
    with pytest.raises(LookupError):
        jobs._jobs[caught[0].id]
    assert len(jobs._tasks) <= FINISHED + 1
    await jobs.close()


async def test_applications_and_rounds_have_limits_of_their_own(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), limits=Limits(battles=1, completions=3)) as served:
        voter, other = [await Browser(served.url).begin() for _ in range(2)]
        app = Browser(served.url)
        body = {"model": "alder-7b", "messages": ASK}
        asked = [await app.send("POST", "/v1/chat/completions", json=body) for _ in range(4)]
        assert [reply.status for reply in asked] == [200, 200, 200, 429]
        assert 1 <= int(asked[-1].headers["Retry-After"]) <= 20
        error = asked[-1].json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["code"] == "too_many"
        for browser in (voter, other):
            started = [(await browser.post("/api/v1/battles", {"prompt": "x"})) for _ in range(2)]
            assert [reply.status for reply in started] == [201, 429]
            assert 1 <= int(started[-1].headers["Retry-After"]) <= 60


async def test_a_forged_cookie_gives_no_limit_of_its_own(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream), limits=Limits(completions=2)) as served:
        voter = await Browser(served.url).begin()
        [name] = voter.cookies
        body = {"model": "alder-7b", "messages": ASK}
        forged = [Browser(served.url, {name: f"x{number}.y"}) for number in range(3)]
        asked = [await thief.send("POST", "/v1/chat/completions", json=body) for thief in forged]
        assert [reply.status for reply in asked] == [200, 200, 429]


async def test_a_past_card_is_computed_once(
    voter: Browser, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    battle = await voter.battle()
    head = (await voter.get("/api/v1/status")).json["head"]
    await voter.vote(battle["id"])
    at, replays, now = Ledger.at, [], [0, 0]

    @contextmanager
    def counted(self: Ledger, *given: Any, **more: Any) -> Iterator[Snapshot]:
        now[0] += 1
        now[1] = max(now)
        replays.append(given)
        with at(self, *given, **more) as snapshot:
            yield snapshot
        now[0] -= 1

    monkeypatch.setattr(Ledger, "at", counted)
    size = head.split(":")[0]
    names = ("alder-7b", "birch-7b") * 3
    paths = [f"/api/v1/cards/{name}?at={spelled}" for name in names for spelled in (size, head)]
    replies = await asyncio.gather(*map(voter.get, paths))
    assert {reply.status for reply in replies} == {200}
    assert {reply.json["head"] for reply in replies} == {head}
    assert len(replays) == 2
    assert now[1] == 1
    assert (await voter.get(f"/api/v1/cards/alder-7b?at={'9' * 5000}")).status == 404


async def test_a_slow_reader_of_votes_holds_no_snapshot(
    served: Served, voter: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await voter.vote((await voter.battle())["id"])
    read, held = Ledger.read, [0]

    @contextmanager
    def counted(self: Ledger) -> Iterator[Snapshot]:
        held[0] += 1
        with read(self) as snapshot:
            yield snapshot
        held[0] -= 1

    monkeypatch.setattr(Ledger, "read", counted)
    reply = _views.votes_csv(served.house, Visitor("admin"))
    blocks = aiter(reply.body_iterator)
    assert str(await anext(blocks)).startswith("model_a,model_b,winner")
    assert held == [0]


async def test_news_is_computed_once_for_all(
    voter: Browser, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, asked = _views._changed, []

    def counted(house: House) -> _views.Changed:
        asked.append(house.changed.rung)
        return changed(house)

    monkeypatch.setattr(_views, "_changed", counted)
    streams = [asyncio.create_task(_first_news(served.house)) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    served.house.changed.ring()
    assert len({await stream for stream in streams}) == 1
    assert len(asked) == 1


async def _first_news(house: House) -> str:
    ((_, news),) = await anext(_views._changes(house))
    return news.model_dump_json()


async def test_streams_are_bounded(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        served.house.streams = Places(2)
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        paths = ("/api/v1/status/events", f"/api/v1/battles/{battle}/events")
        listening = [asyncio.create_task(voter.events(path, until="never")) for path in paths]
        await until(lambda: voter.heard.count("retry: 1000") == 2)
        for path in paths:
            refused = await voter.get(path)
            assert (refused.status, refused.json["error"]["code"]) == (429, "too_many")
            assert refused.headers["Retry-After"]
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        await until(lambda: not served.house.streams._taken)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tools": ["x"]}, "'tools[0]' must be an object"),
        ({"tools": "x"}, "'tools' must be a list"),
        ({"tools": [{"type": "function", "function": "f"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 7}}]}, "parameters"),
        ({"tool_choice": 7}, "'tool_choice' must be"),
        ({"tool_choice": {"type": "function", "function": "f"}}, "tool_choice.function"),
        ({"response_format": "json"}, "'response_format' must be"),
    ],
)
async def test_tools_of_a_wrong_form(
    voter: Browser, upstream: Upstream, change: dict[str, Any], said: str
) -> None:
    asked = len(upstream.seen)
    for stream in (False, True):
        body = {"model": "alder-7b", "messages": ASK, "stream": stream, **change}
        reply = await voter.send("POST", "/v1/chat/completions", json=body)
        assert reply.status == 400
        assert said in reply.json["error"]["message"]
    assert len(upstream.seen) == asked


async def test_a_failed_sync_keeps_what_answers(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    house = await House.open(write_field(tmp_path, endpoint("alder", upstream.url, "echo")))
    try:
        before = house.roster.members
        (tmp_path / "field.toml").write_text(
            (tmp_path / "field.toml").read_text().replace('"echo"', '"echo:200"')
        )

        async def full(_: object) -> None:
            raise LedgerUnavailable("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(house.ledger, "awrite", full)
            with pytest.raises(LedgerUnavailable):
                await house.refresh()
        assert house.roster.members == before
        await house.sync()
        assert house.roster.members != before
    finally:
        await house.close()
