"""The life of a round: from the prompt over answers, follow-ups and the vote to the names."""

from __future__ import annotations

from typing import Any

from fieldmark.ledger.evidence import Abandonment, AnswerEnded, BattleStarted, TurnStarted
from tests.house import Browser, Served, two
from tests.upstream import Upstream


async def test_from_prompt_to_names(voter: Browser, served: Served) -> None:
    battle = await voter.battle("Größe in 東京?", category="letters")
    assert (battle["state"], battle["writing"], battle["mode"], battle["category"]) == (
        "open",
        False,
        "blind",
        "letters",
    )
    turn = battle["turns"][0]
    for side in ("a", "b"):
        assert turn[side] == {
            "state": "finished", "text": "You said: Größe in 東京?", "failure": None, "leak": False, "hanging": False,
            "stopped": False, "attempt": 1,
        }  # fmt: skip
    assert battle["names"] is battle["reveal"] is battle["vote"] is None
    voted = await voter.vote(battle["id"], "a")
    assert voted["state"] == "voted"
    assert voted["vote"] == {
        "choice": "a", "partial": False, "counts": True, "not_counted": None, "remarked": False,
    }  # fmt: skip
    assert 0 < voted["undo_ms"] <= 5000
    assert voted["reveal"] is None
    shown = await voter.act(battle["id"], "reveal")
    assert shown["state"] == "revealed"
    assert {shown["reveal"][s]["name"] for s in "ab"} == {"alder-7b", "birch-7b"}
    assert shown["reveal"]["a"]["ms_to_first"] >= 0
    assert shown["reveal"]["a"]["answer_tokens"] > 0
    assert shown["reveal"]["a"]["system"] in {"You are terse.", "You are kind."}
    assert shown["reveal"]["votes_between"] == sum(
        shown["reveal"][k] for k in ("wins_a", "wins_b", "ties", "both_bad")
    )
    assert (await voter.act(battle["id"], "reveal"))["state"] == "revealed", "asking twice shows the same"
    assert (await voter.get("/api/v1/battles/open")).json is None


async def test_events_carry_every_character_of_both_sides(voter: Browser) -> None:
    battle = await voter.start("one two three")
    events = await voter.events(f"/api/v1/battles/{battle}/events", until="ready")
    assert [number for number, _ in events] == list(range(1, len(events) + 1))
    kinds = [event["type"] for _, event in events]
    assert kinds[:2] == ["started", "started"]
    assert kinds[-1] == "ready"
    assert kinds.count("finished") == 2
    assert _texts(events) == {"a": "You said: one two three", "b": "You said: one two three"}


def _texts(events: list[tuple[int, Any]]) -> dict[str, str]:
    return {
        side: "".join(e["text"] for _, e in events if e["type"] == "delta" and e["side"] == side)
        for side in ("a", "b")
    }


async def test_a_conversation_goes_on_until_the_vote(voter: Browser, upstream: Upstream) -> None:
    battle = await voter.battle("First.")
    started = await voter.act(battle["id"], "turns", {"prompt": "Second."})
    assert [turn["prompt"] for turn in started["turns"]] == ["First.", "Second."]
    now = await voter.ready(battle["id"], after=battle["last_event"])
    assert [turn["a"]["text"] for turn in now["turns"]] == ["You said: First.", "You said: Second."]
    assert now["turns_left"] == battle["turns_left"] - 1
    asked = upstream.seen[-1].body["messages"]
    assert [message["role"] for message in asked] == ["system", "user", "assistant", "user"]
    assert asked[2]["content"] == "You said: First."
    assert (await voter.vote(battle["id"], "tie"))["turns_left"] == 0
    late = await voter.act(battle["id"], "turns", {"prompt": "Third."}, status=409)
    assert late["error"]["code"] == "already_voted"


async def test_a_conversation_has_an_end(tmp_path: Any, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, more="[policy]\nmax_turns = 2")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        await voter.act(battle["id"], "turns", {"prompt": "More."})
        await voter.ready(battle["id"], after=battle["last_event"])
        refused = await voter.act(battle["id"], "turns", {"prompt": "Still more."}, status=409)
        assert refused["error"]["code"] == "too_many_turns"
        assert "at most 2 prompts" in refused["error"]["message"]
        assert len(served.records(TurnStarted)) == 1


async def test_nothing_follows_while_a_side_is_writing(tmp_path: Any) -> None:
    with Upstream() as upstream, Served(two(tmp_path, upstream, "gated", "gated")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
        assert (await voter.look(battle))["writing"]
        refused = await voter.act(battle, "turns", {"prompt": "More."}, status=409)
        assert refused["error"]["code"] == "writing"
        again = await voter.act(battle, "retry", {"side": "a"}, status=409)
        assert again["error"]["code"] == "writing"
        upstream.release()
        assert (await voter.ready(battle))["turns"][0]["b"]["text"] == "Well, here I am."
        again = await voter.act(battle, "retry", {"side": "a"}, status=409)
        assert again["error"]["code"] == "not_failed"


async def test_abandoning_ends_a_round(voter: Browser, served: Served) -> None:
    battle = await voter.battle()
    left = await voter.act(battle["id"], "abandon")
    assert left["state"] == "abandoned"
    assert served.records(Abandonment)[-1].reason == "voter"
    for what, body in (
        ("vote", {"choice": "a"}),
        ("turns", {"prompt": "x"}),
        ("abandon", None),
        ("retry", {"side": "a"}),
    ):
        assert (await voter.act(battle["id"], what, body, status=409))["error"]["code"] == "closed"
    for what in ("reveal", "undo", "remark"):
        assert (await voter.act(battle["id"], what, status=409))["error"]["code"] == "not_voted"
    events = await voter.events(f"/api/v1/battles/{battle['id']}/events?after=2", until="closed")
    assert [event["type"] for _, event in events] == ["closed"]


async def test_a_new_round_ends_the_old_one(voter: Browser, served: Served) -> None:
    first = await voter.battle()
    second = await voter.start("Another.")
    assert (await voter.look(first["id"]))["state"] == "abandoned"
    assert served.records(Abandonment)[-1].reason == "replaced"
    assert (await voter.get("/api/v1/battles/open")).json["id"] == second


async def test_leaving_while_both_write_keeps_what_came(tmp_path: Any) -> None:
    with Upstream() as upstream, Served(two(tmp_path, upstream, "gated", "gated")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
        await voter.start("Another.")
        kept = [a for a in served.records(AnswerEnded) if a.finish == "stopped"]
        assert {(a.side, a.characters) for a in kept} == {("a", 5), ("b", 5)}
        view = await voter.look(battle)
        assert view["state"] == "abandoned"
        assert view["turns"][0]["a"]["text"] == "Well,"


async def test_abandoning_stops_the_contenders(tmp_path: Any) -> None:
    with Upstream() as upstream, Served(two(tmp_path, upstream, "slow:9", "slow:9")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
        await voter.act(battle, "abandon")
        assert upstream.left.wait(5)


async def test_a_round_belongs_to_one_voter(voter: Browser, other: Browser) -> None:
    battle = (await voter.battle())["id"]
    assert (await other.get(f"/api/v1/battles/{battle}")).status == 403, "a browser that never acted"
    await other.battle()
    assert (await other.get(f"/api/v1/battles/{battle}")).status == 403
    assert (await other.get(f"/api/v1/battles/{battle}/events")).status == 403
    acts = {"vote": {"choice": "a"}, "turns": {"prompt": "x"}, "retry": {"side": "a"}, "undo": None}
    for what, body in {**acts, "remark": {}, "reveal": None, "abandon": None}.items():
        assert (await other.act(battle, what, body, status=403))["error"]["code"] == "forbidden"
    assert (await voter.look(battle))["state"] == "open"


async def test_a_round_that_is_not_there(voter: Browser, served: Served) -> None:
    await voter.battle()
    before = len(served.house.arena._live)
    for path in ("/api/v1/battles/nothing", "/api/v1/battles/nothing/events"):
        assert (await voter.get(path)).status == 404
    acts = {"vote": {"choice": "a"}, "turns": {"prompt": "x"}, "retry": {"side": "a"}, "undo": None}
    for what, body in {**acts, "remark": {}, "reveal": None, "abandon": None}.items():
        assert (await voter.act("nothing", what, body, status=404))["error"]["code"] == "not_found"
    assert len(served.house.arena._live) == before, "nothing is kept for rounds that do not exist"


async def test_chosen_contenders_are_named_and_never_counted(voter: Browser, served: Served) -> None:
    votes = (await voter.get("/api/v1/status")).json["votes"]
    battle = await voter.battle(mode="chosen", contenders=["birch-7b", "alder-7b"])
    assert battle["names"] == {"a": "birch-7b", "b": "alder-7b"}
    vote = (await voter.vote(battle["id"]))["vote"]
    assert (vote["counts"], vote["not_counted"]) == (False, "chosen")
    assert served.records(BattleStarted)[-1].propensity == 1
    assert (await voter.get("/api/v1/status")).json["votes"] == votes
    assert (await voter.get("/api/v1/board")).json["not_counted"]["chosen"] >= 1
    for names, status in ((["alder-7b", "alder-7b"], 400), (["alder-7b", "nobody"], 404), (None, 400)):
        reply = await voter.post("/api/v1/battles", {"prompt": "x", "mode": "chosen", "contenders": names})
        assert reply.status == status, reply.text
    reply = await voter.post("/api/v1/battles", {"prompt": "x", "contenders": ["alder-7b", "birch-7b"]})
    assert reply.status == 400
    assert "draws its contenders" in reply.json["error"]["message"]


async def test_one_contender_makes_no_battle(tmp_path: Any, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream)
    text = (folder / "field.toml").read_text()
    (folder / "field.toml").write_text(text[: text.index('[[contenders]]\nname = "birch')])
    with Served(folder) as served:
        voter = await Browser(served.url).begin()
        reply = await voter.post("/api/v1/battles", {"prompt": "Hello?"})
        assert (reply.status, reply.json["error"]["code"]) == (409, "too_few_contenders")
        assert served.records(BattleStarted) == []


async def test_a_contender_that_left_in_mid_round(tmp_path: Any, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream)
    with Served(folder) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        text = (folder / "field.toml").read_text()
        (folder / "field.toml").write_text(text.replace("You are terse.", "You are long-winded."))
        served.refresh()
        refused = await voter.act(battle["id"], "turns", {"prompt": "More."}, status=409)
        assert refused["error"]["code"] == "contender_gone"
        now = await voter.look(battle["id"])
        assert len(now["turns"]) == 1, "no prompt is kept that nobody answers"
        assert (await voter.vote(battle["id"]))["vote"]["counts"]
