"""Bad luck: a contender that fails in any way costs only its side, and the failure is on the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fieldmark.errors import LedgerUnavailable
from fieldmark.ledger.evidence import AnswerEnded
from tests import upstream as faults
from tests.house import Browser, Served, endpoint, two, until, write_field
from tests.upstream import Turn, Upstream

FAULTS = {
    "refuse:401": "refused",
    "refuse:503": "refused",
    "too-long": "too_long",
    "redirect": "refused",
    "garbage": "garbage",
    "web-page": "garbage",
    "not-json": "garbage",
    "not-chunks": "garbage",
    "error-inside": "refused",
    "cut-off": "cut_off",
    "cut-cleanly": "cut_off",
    "cut-at-once": "cut_off",
    "empty": "empty",
    "nothing": "cut_off",
    "hang": "timeout",
    "hang:3": "timeout",
    "keep-alive": "timeout",
}


def sides(battle: dict, name: str = "failed") -> tuple[str, str]:  # type: ignore[type-arg]
    """The side in that state, and the other one."""
    turn = battle["turns"][-1]
    side = next(s for s in ("a", "b") if turn[s]["state"] == name)
    return side, "b" if side == "a" else "a"


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_side_fails_and_the_other_goes_on(tmp_path: Path, upstream: Upstream, fault: str) -> None:
    with Served(two(tmp_path, upstream, b=fault, birch="timeout = 0.4")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle("Say one two three.")
        failed, fine = sides(battle)
        turn = battle["turns"][0]
        assert turn[failed]["failure"] == FAULTS[fault]
        assert turn[fine]["text"] == "You said: Say one two three."
        record = next(a for a in served.records(AnswerEnded) if a.side == failed)
        assert record.failure is not None
        assert (record.finish, record.failure.kind) == ("failed", FAULTS[fault])
        if record.failure.detail:
            assert record.failure.detail not in "".join(voter.heard), "the upstream's words wait for the vote"
        vote = (await voter.vote(battle["id"], fine))["vote"]
        assert vote["not_counted"] == "side_failed"
        assert (await voter.act(battle["id"], "reveal"))["state"] == "revealed"


async def test_an_endpoint_that_is_down(tmp_path: Path, upstream: Upstream) -> None:
    down = endpoint("down", "http://127.0.0.1:9/v1", "m")
    folder = write_field(tmp_path, endpoint("up", upstream.url, "echo") + down)
    with Served(folder) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        failed, _ = sides(battle)
        assert battle["turns"][0][failed]["failure"] == "unreachable"
        assert (await voter.act(battle["id"], "abandon"))["state"] == "abandoned"


async def test_both_sides_fail(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, "empty", "refuse:500")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        assert {battle["turns"][0][s]["failure"] for s in "ab"} == {"empty", "refused"}
        refused = await voter.act(battle["id"], "turns", {"prompt": "And?"}, status=409)
        assert refused["error"]["code"] == "nothing_to_follow"
        assert not (await voter.vote(battle["id"], "both_bad"))["vote"]["counts"]


async def test_a_side_that_hangs_no_longer_holds_the_other_back(tmp_path: Path) -> None:
    more = "[policy]\nhang_seconds = 0.3"
    with Upstream() as upstream, Served(two(tmp_path, upstream, b="gated", more=more)) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start("one two three")
        events = await voter.events(f"/api/v1/battles/{battle}/events", until="finished")
        kinds = [event["type"] for _, event in events]
        assert kinds.count("hanging") == 1
        now = await voter.look(battle)
        waited, fine = sides(now, "writing")
        assert now["turns"][0][waited]["hanging"]
        assert now["turns"][0][fine]["text"] == "You said: one two three"
        upstream.release()
        done = await voter.ready(battle)
        assert done["turns"][0][waited]["text"] == "Well, here I am."
        assert [a.hung for a in served.records(AnswerEnded) if a.side == waited] == [True]


async def test_a_failed_side_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    async def second_time(turn: Turn) -> object:
        tries.append(1)
        return await (faults._BEHAVIOURS["cut-off"] if len(tries) == 1 else faults._BEHAVIOURS["echo"])(turn)

    monkeypatch.setitem(faults._BEHAVIOURS, "moody", second_time)
    with Upstream() as upstream, Served(two(tmp_path, upstream, b="moody")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        failed, fine = sides(battle)
        refused = await voter.act(battle["id"], "retry", {"side": fine}, status=409)
        assert refused["error"]["code"] == "not_failed"
        again = await voter.act(battle["id"], "retry", {"side": failed})
        assert again["turns"][0][failed]["attempt"] == 2
        now = await voter.ready(battle["id"], after=battle["last_event"])
        assert now["turns"][0][failed]["text"] == "You said: Say hello."
        attempts = [(a.attempt, a.finish) for a in served.records(AnswerEnded) if a.side == failed]
        assert attempts == [(1, "failed"), (2, "stop")]
        assert (await voter.vote(battle["id"], "a"))["vote"]["counts"], "the last attempt decides"


async def test_text_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a surrogate pair and NUL, as JSON can spell them: the round survives and the record holds text."""

    async def broken(turn: Turn) -> object:
        await turn.open()
        raw = json.dumps({"choices": [{"index": 0, "delta": {"content": "A\ud83dB\0C"}}]}).encode()
        await turn.write(b"data: " + raw + b"\n\n")
        return await turn.end(1)

    monkeypatch.setitem(faults._BEHAVIOURS, "broken", broken)
    with Upstream() as upstream, Served(two(tmp_path, upstream, b="broken")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        texts = {battle["turns"][0][s]["text"] for s in "ab"}
        assert "A\ufffdB\0C" in texts
        await voter.vote(battle["id"])
        served.house.ledger.verify()


async def test_the_ledger_refuses_the_vote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is acknowledged; once the disk has room again, the same vote is taken with all that was seen."""
    with Upstream() as upstream, Served(two(tmp_path, upstream, "gated", "gated")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
        writing = served.house.ledger.awrite

        async def full(_: object) -> None:
            raise LedgerUnavailable("the ledger refused the write: disk full", hint="make room on the disk")

        monkeypatch.setattr(served.house.ledger, "awrite", full)
        refused = await voter.vote(battle, status=503)
        assert refused["error"]["code"] == "ledger_unavailable"
        assert "make room" in refused["error"]["hint"]
        monkeypatch.setattr(served.house.ledger, "awrite", writing)
        assert (await voter.look(battle))["state"] == "open"
        assert (await voter.vote(battle))["vote"]["partial"]
        assert {a.characters for a in served.records(AnswerEnded)} == {5}
        served.house.ledger.verify()


async def test_the_ledger_refuses_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer counts as interrupted, is shown as such, and is written down as soon as the ledger writes again."""
    with Upstream() as upstream, Served(two(tmp_path, upstream, "gated", "echo")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        await until(lambda: served.records(AnswerEnded))
        writing = served.house.ledger.awrite

        async def full(_: object) -> None:
            raise LedgerUnavailable("disk full")

        monkeypatch.setattr(served.house.ledger, "awrite", full)
        upstream.release()
        now = await voter.ready(battle)
        failed, _ = sides(now)
        assert now["turns"][0][failed]["failure"] == "interrupted"
        monkeypatch.setattr(served.house.ledger, "awrite", writing)
        assert (await voter.vote(battle))["vote"]["not_counted"] == "side_failed"
        assert {a.finish for a in served.records(AnswerEnded)} == {"stop", "failed"}


async def test_a_spend_cap_is_kept_before_the_call(tmp_path: Path) -> None:
    price = "price = { input = 1000.0, output = 1000.0 }\nspend_cap = 0.01"
    with Upstream() as upstream, Served(two(tmp_path, upstream, birch=price)) as served:
        voter = await Browser(served.url).begin()
        await voter.battle("one two three four five six seven")
        battle = await voter.battle("again")
        failed, _ = sides(battle)
        assert battle["turns"][0][failed]["failure"] == "over_budget"
        assert sum(seen.body["messages"][-1]["content"] == "again" for seen in upstream.seen) == 1
        costs = [a.cost for a in served.records(AnswerEnded) if a.cost is not None]
        assert costs == [pytest.approx(16 / 1000)]
    with Upstream() as upstream, Served(tmp_path) as served:
        spent = {v["name"]: v["spent"] for v in (await Browser(served.url).get("/api/v1/contenders")).json}
        assert spent == {"alder-7b": 0, "birch-7b": pytest.approx(0.016)}, (
            "what was spent outlives the server"
        )
