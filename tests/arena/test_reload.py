"""A closed tab, a reload, a restart: what was said is shown once and exactly, and a round goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldmark.ledger.evidence import Abandonment, AnswerEnded
from tests.house import Browser, Served, two
from tests.ledger.parts import cut_back
from tests.upstream import Upstream


class Page:
    """What the page does: takes a view, then every event after it."""

    def __init__(self, view: Any) -> None:
        self.last: int = view["last_event"]
        self.texts = {(t["turn"], s): t[s]["text"] for t in view["turns"] for s in ("a", "b")}

    def take(self, number: int, event: Any) -> None:
        assert number == self.last + 1
        self.last = number
        if event["type"] == "started":
            self.texts[event["turn"], event["side"]] = ""
        elif event["type"] == "delta":
            self.texts[event["turn"], event["side"]] += event["text"]


async def test_a_reload_at_any_moment_shows_every_character_once(tmp_path: Path) -> None:
    """Views are taken all through a round of two turns; each, with the events after it, gives the same text."""
    with Upstream() as upstream, Served(two(tmp_path, upstream, "slow:60", "echo:40")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start("one two three four five")
        views = [await voter.look(battle)]
        for turn in (1, 2):
            while views[-1]["writing"] or len(views[-1]["turns"]) < turn:
                views.append(await voter.look(battle))
            if turn == 1:
                views.append(await voter.act(battle, "turns", {"prompt": "six seven eight"}))
        last = await voter.look(battle)
        path = f"/api/v1/battles/{battle}/events"
        events = await voter.events(f"{path}?after=0", until="ready")
        events += await voter.events(f"{path}?after={events[-1][0]}", until="ready")
    assert last["last_event"] == events[-1][0] == len(events)
    final = Page(last).texts
    assert len({view["last_event"] for view in views}) > 8, "views fell into many different moments"
    for view in views:
        page = Page(view)
        for number, event in events[page.last :]:
            page.take(number, event)
        assert page.texts == final

    @given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.sampled_from(views))
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def connections_may_break_anywhere(runs: list[int], view: Any) -> None:
        page, i = Page(view), 0
        while page.last < len(events):
            for number, event in events[page.last : page.last + runs[i % len(runs)]]:
                page.take(number, event)
            i += 1
        assert page.texts == final

    connections_may_break_anywhere()


async def test_a_stream_goes_on_after_the_last_event_seen(tmp_path: Path) -> None:
    with Upstream() as upstream, Served(two(tmp_path, upstream, "gated", "gated")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        path = f"/api/v1/battles/{battle}/events"
        first = await voter.events(path, until="delta")
        upstream.release()
        seen = first[-1][0]
        by_header = await voter.events(path, until="ready", headers={"Last-Event-ID": str(seen)})
        by_query = await voter.events(f"{path}?after={seen}", until="ready")
        assert [n for n, _ in by_header] == list(range(seen + 1, seen + 1 + len(by_header)))
        assert by_header == by_query
        beyond = await voter.events(f"{path}?after=9999", until="closed")
        assert [event["type"] for _, event in beyond] == ["closed"], (
            "a number of another life: load the round again"
        )
        assert (await voter.get(f"{path}?after=-1")).status == 422


async def test_a_stop_in_mid_battle(tmp_path: Path) -> None:
    """Stopped while both write: what came is kept, the round is there again, and both can be asked again."""
    with Upstream() as upstream:
        with Served(two(tmp_path, upstream, "gated", "gated")) as served:
            voter = await Browser(served.url).begin()
            battle = await voter.start()
            await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
        upstream.release()
        with Served(tmp_path) as served:
            voter.url = served.url
            found = (await voter.get("/api/v1/battles/open")).json
            assert (found["id"], found["state"], found["writing"]) == (battle, "open", False)
            for side in ("a", "b"):
                answer = found["turns"][0][side]
                assert (answer["state"], answer["failure"], answer["text"]) == (
                    "failed",
                    "interrupted",
                    "Well,",
                )
            for side in ("a", "b"):
                view = await voter.act(battle, "retry", {"side": side})
                view = await voter.ready(battle, after=view["last_event"] - 1)
            assert [view["turns"][0][side]["text"] for side in "ab"] == ["Well, here I am."] * 2
            assert (await voter.vote(battle))["vote"]["counts"]
            kept = [(a.side, a.attempt, a.finish) for a in served.records(AnswerEnded)]
            assert sorted(kept) == [
                ("a", 1, "failed"),
                ("a", 2, "stop"),
                ("b", 1, "failed"),
                ("b", 2, "stop"),
            ]
            served.house.ledger.verify()


async def test_a_kill_in_mid_battle(tmp_path: Path, upstream: Upstream) -> None:
    """Nothing was said goodbye to: the battle's record stands alone, and the next start writes down what is missing."""
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        battle = (await voter.battle())["id"]
        assert len(served.records(AnswerEnded)) == 2
    _forget_answers(tmp_path)
    with Served(tmp_path) as served:
        voter.url = served.url
        found = await voter.look(battle)
        assert {found["turns"][0][s]["failure"] for s in "ab"} == {"interrupted"}
        assert {a.failure.kind for a in served.records(AnswerEnded) if a.failure} == {"interrupted"}
        await voter.act(battle, "retry", {"side": "a"})
        await voter.ready(battle)
        assert not (await voter.vote(battle))["vote"]["counts"], "side b is still missing"
        served.house.ledger.verify()


def _forget_answers(folder: Path) -> None:
    """Bring the database to the state before the last two records, as if the power had failed there."""
    with closing(sqlite3.connect(folder / ".fieldmark" / "ledger.db")) as db:
        size = db.execute("select max([index]) from records").fetchone()[0] - 1
        cut_back(db, size, folder / ".fieldmark" / "head.key")
        db.commit()


async def test_a_vote_is_found_again_after_a_restart(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        battle = (await voter.battle())["id"]
        await voter.vote(battle, "b")
    with Served(tmp_path) as served:
        voter.url = served.url
        assert (await voter.get("/api/v1/battles/open")).json["vote"]["choice"] == "b"
        assert (await voter.get("/api/v1/status")).json["votes"] == 1
        assert (await voter.act(battle, "reveal"))["reveal"]["votes_between"] == 1
        assert (await voter.get("/api/v1/battles/open")).json is None


async def test_rounds_that_nobody_came_back_to_end(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, more="[policy]\nbattle_expiry_hours = 1e-6")) as served:
        voter = await Browser(served.url).begin()
        battle = (await voter.battle())["id"]
        assert served.run(served.house.arena.expire()) == 1
        assert served.records(Abandonment)[-1].reason == "expired"
        assert (await voter.look(battle))["state"] == "abandoned"
        assert served.run(served.house.arena.expire()) == 0


async def test_an_answer_that_the_vote_stopped_is_shown_as_such_after_a_reload_and_a_restart(
    tmp_path: Path,
) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream, "slow:60", "echo:40")
        with Served(folder) as served:
            voter = await Browser(served.url).begin()
            battle = await voter.start("one two three four five six seven eight")
            await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
            await voter.vote(battle)
            now = (await voter.look(battle))["turns"][0]
            assert any(now[side]["stopped"] for side in "ab")
            assert {now[side]["state"] for side in "ab"} == {"finished"}
        with Served(folder, port=served.port) as served:
            later = (await voter.look(battle))["turns"][0]
            ended = {e.side: e.finish for e in served.records(AnswerEnded)}
        assert {side: later[side]["stopped"] for side in "ab"} == {
            s: f == "stopped" for s, f in ended.items()
        }
        assert [now[side]["stopped"] for side in "ab"] == [later[side]["stopped"] for side in "ab"]
