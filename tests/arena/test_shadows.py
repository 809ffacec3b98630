"""Shadowed real cases: judged blind, once per voter, never by who knows; names only after the vote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fieldmark.ledger.evidence import Erasure, Remark, Retraction, VoteCast
from tests.arena.shadows import OTHER, SERVED, Shadowed, report, shadow
from tests.house import Browser, Served, two
from tests.upstream import Upstream


@pytest.fixture
def field(tmp_path: Path, upstream: Upstream) -> Any:
    with Served(two(tmp_path, upstream)) as served:
        yield served


def digests(served: Served) -> tuple[str, str]:
    alder, birch = (served.house.roster.named(f"{name}-7b").digest for name in ("alder", "birch"))
    return alder, birch


def one(served: Served, **more: Any) -> Shadowed:
    return shadow(served.house.ledger, *digests(served), **more)


def erase(served: Served, gone: Erasure) -> None:
    served.house.ledger.write(lambda now: now.append(gone, actor="system"))


async def waiting(voter: Browser) -> int:
    return int((await voter.get("/api/v1/shadow")).json["waiting"])


async def following(voter: Browser, skip: list[str] | None = None) -> Any:
    reply = await voter.post("/api/v1/shadow/next", {"skip": skip or []})
    assert reply.status == 200, reply.text
    return reply.json


async def vote(voter: Browser, battle: str, choice: str = "a", status: int = 200, **more: Any) -> Any:
    reply = await voter.post(f"/api/v1/shadow/{battle}/vote", {"choice": choice, **more})
    assert reply.status == status, reply.text
    return reply.json


async def pseudonym(served: Served, voter: Browser) -> str:
    """Of a browser: from a vote that it casts."""
    before = len(served.records(VoteCast))
    await vote(voter, one(served).battle)
    with served.house.ledger.read() as snapshot:
        entries = list(snapshot.entries(types=[VoteCast]))
    assert len(entries) == before + 1
    return entries[-1].record.actor


async def test_nothing_waits_at_first(field: Served) -> None:
    voter = await Browser(field.url).begin()
    assert await waiting(voter) == 0
    assert await following(voter) is None


async def test_a_case_is_judged_and_the_names_follow(field: Served) -> None:
    voter = await Browser(field.url).begin()
    case = one(field, category="letters")
    assert await waiting(voter) == 1
    seen = await following(voter)
    assert (seen["id"], seen["category"], seen["state"], seen["real_case"]) == (
        case.battle,
        "letters",
        "open",
        True,
    )
    assert [line["role"] for line in seen["messages"]] == ["system", "user"]
    assert seen["messages"][1]["content"] == "Where is my refund?"
    assert {seen["answers"][side]["text"] for side in "ab"} == {SERVED, OTHER}
    assert (seen["reveal"], seen["vote"]) == (None, None)
    served_side = "a" if seen["answers"]["a"]["text"] == SERVED else "b"
    voted = await vote(voter, case.battle, served_side, tags={"a": ["clear"]}, comment="Says when.")
    assert voted["vote"] == {
        "choice": served_side, "partial": False, "counts": True, "not_counted": None, "remarked": True,
    }  # fmt: skip
    reveal = voted["reveal"]
    assert (reveal[served_side]["name"], reveal[served_side]["served"]) == ("alder-7b", True)
    assert {reveal[side]["name"] for side in "ab"} == {"alder-7b", "birch-7b"}
    assert (reveal["votes_between"], reveal[f"wins_{served_side}"]) == (1, 1)
    cast = field.records(VoteCast)[0]
    assert (cast.source, cast.mode, cast.counts, cast.choice) == ("shadow", "blind", True, served_side)
    assert getattr(cast, served_side) == case.a
    assert cast.decision_ms is not None
    assert field.records(Remark)[0].tags == {"a": ("clear",)}
    assert await following(voter) is None
    assert (await voter.get(f"/api/v1/shadow/{case.battle}")).json["reveal"] == reveal


async def test_one_vote_per_voter_and_case(field: Served) -> None:
    first, second = [await Browser(field.url).begin() for _ in range(2)]
    case = one(field)
    await vote(first, case.battle)
    again = await vote(first, case.battle, status=409)
    assert again["error"]["code"] == "already_voted"
    await vote(second, case.battle, "tie")
    board = (await first.get("/api/v1/board?stratum=shadow")).json
    assert (board["votes"], board["browsers"], board["strata"]) == (2, 2, ["shadow"])


async def test_the_fewest_votes_come_first_then_the_oldest(field: Served) -> None:
    first, second = [await Browser(field.url).begin() for _ in range(2)]
    cases = [one(field).battle for _ in range(3)]
    assert (await following(first))["id"] == cases[0]
    await vote(first, cases[0])
    assert (await following(second))["id"] == cases[1]
    assert (await following(second, [cases[1]]))["id"] == cases[2]
    await vote(second, cases[1])
    await vote(second, cases[2])
    assert (await following(second))["id"] == cases[0]
    assert [await waiting(each) for each in (first, second)] == [2, 1]


async def test_who_knows_what_was_served_never_judges_it(field: Served) -> None:
    voter, other = [await Browser(field.url).begin() for _ in range(2)]
    me = await pseudonym(field, voter)
    others = await pseudonym(field, other)
    await vote(voter, (await following(voter))["id"])
    own, marked = one(field, person=me), one(field)
    field.house.ledger.write(lambda now: report(now, marked.case, "solved", person=me))
    field.house.ledger.write(lambda now: report(now, marked.case, "solved", person=me))
    assert await following(voter) is None
    for case in (own, marked):
        refused = await vote(voter, case.battle, status=403)
        assert "you know which answer" in refused["error"]["message"]
        assert (await voter.get(f"/api/v1/shadow/{case.battle}")).status == 403
    assert await waiting(voter) == 0
    assert await waiting(other) == 3
    assert others != me


async def test_an_erased_case_leaves_the_queue_and_its_votes_stay(field: Served) -> None:
    first, second = [await Browser(field.url).begin() for _ in range(2)]
    cases = [one(field) for _ in range(3)]
    await vote(first, cases[0].battle)
    await vote(first, cases[1].battle)
    with field.house.ledger.read() as snapshot:
        texts = tuple(sorted(c.text_id for c in snapshot.entry(cases[0].battle).record.commitments.values()))
    for gone in (
        Erasure(what="case", subject=cases[0].case, reason="consent", texts=texts, links=0),
        Erasure(what="case", subject=cases[2].case, reason="consent", texts=(), links=0),
    ):
        erase(field, gone)
    assert await waiting(second) == 1
    assert (await following(second))["id"] == cases[1].battle
    assert (await vote(second, cases[0].battle, status=409))["error"]["code"] == "erased"
    mine = (await first.get(f"/api/v1/shadow/{cases[0].battle}")).json
    assert (mine["erased"], mine["messages"], mine["answers"]["a"]["text"]) == (True, [], "")
    assert mine["reveal"]["votes_between"] == 2
    assert (await first.get("/api/v1/board?stratum=shadow")).json["votes"] == 2
    field.house.ledger.verify()


async def test_sides_are_drawn_per_voter_and_keep_after_a_reload(field: Served) -> None:
    case = one(field)
    sides = set()
    for _ in range(24):
        voter = await Browser(field.url).begin()
        looks = [(await following(voter))["answers"]["a"]["text"] for _ in range(2)]
        assert looks[0] == looks[1]
        sides.add(looks[0])
    assert sides == {SERVED, OTHER}, "24 voters saw one side"
    with field.house.ledger.read() as snapshot:
        assert list(snapshot.entries(types=[VoteCast])) == []
    assert case.battle


async def test_before_the_vote_no_reply_names_anybody_or_the_served_side(field: Served) -> None:
    """The kept request names the model that was asked for: not even that is shown."""
    voter = await Browser(field.url).begin()
    case = one(field)
    voter.heard.clear()
    await following(voter)
    await voter.get(f"/api/v1/shadow/{case.battle}")
    await voter.get("/api/v1/shadow")
    await voter.get("/api/v1/cases")
    await voter.get(f"/api/v1/cases/{case.case}")
    await voter.post(f"/api/v1/shadow/{case.battle}/vote", {"choice": "neither"})
    await voter.post(f"/api/v1/battles/{case.battle}/vote", {"choice": "a"})
    heard = "\n".join(voter.heard)
    for secret in ("alder", "birch", *digests(field), '"served"', "propensity"):
        assert secret not in heard, secret


async def test_no_route_of_rounds_reaches_a_shadowed_case(field: Served) -> None:
    voter = await Browser(field.url).begin()
    case = one(field)
    assert (await voter.get(f"/api/v1/battles/{case.battle}")).status in {403, 404}
    await vote(voter, case.battle)
    assert (await voter.post(f"/api/v1/battles/{case.battle}/reveal")).status == 404


async def test_a_vote_is_taken_back_for_good(field: Served) -> None:
    voter = await Browser(field.url).begin()
    case = one(field)
    path = f"/api/v1/shadow/{case.battle}/vote"
    assert (await voter.delete(path)).json["error"]["code"] == "not_voted"
    await vote(voter, case.battle)
    taken = (await voter.delete(path)).json
    assert (taken["state"], taken["reveal"]["votes_between"]) == ("retracted", 0)
    assert (await voter.delete(path)).json["error"]["code"] == "not_voted"
    assert (await vote(voter, case.battle, status=409))["error"]["code"] == "already_voted"
    board = (await voter.get("/api/v1/board?stratum=shadow")).json
    assert (board["votes"], board["browsers"], board["not_counted"]) == (0, 0, {"retracted": 1})
    assert field.records(Retraction)[0].reason == "voter"
    assert await following(voter) is None
    field.house.ledger.verify()


async def test_an_answer_that_names_its_author_does_not_count(field: Served) -> None:
    voter = await Browser(field.url).begin()
    case = one(field, answers=("I am alder-7b, gladly.", OTHER))
    seen = await following(voter)
    assert sorted(seen["answers"][side]["leak"] for side in "ab") == [False, True]
    voted = await vote(voter, case.battle)
    assert (voted["vote"]["counts"], voted["vote"]["not_counted"]) == (False, "leak")
    assert (await voter.get("/api/v1/board?stratum=shadow")).json["not_counted"] == {"leak": 1}


async def test_strata_are_never_mixed(field: Served) -> None:
    voter = await Browser(field.url).begin()
    await vote(voter, one(field).battle)
    live = (await voter.get("/api/v1/board")).json
    assert (live["votes"], live["strata"]) == (0, ["live"])
    assert (await voter.get("/api/v1/status")).json["votes"] == 0
    assert (await voter.get("/api/v1/board/matrix?stratum=shadow")).json["names"] == ["alder-7b", "birch-7b"]
    assert (await voter.get("/api/v1/board/matrix")).json["names"] == []
    assert (await voter.get("/api/v1/votes.csv")).text.count("\n") == 1
    assert (await voter.get("/api/v1/board?stratum=judge")).status == 422


@pytest.mark.parametrize(
    ("body", "said"),
    [({"tags": {"a": ["lovely"]}}, "unknown reason tag"), ({"comment": "a\x00b"}, "control character")],
)
async def test_reasons_are_checked_before_anything_is_written(field: Served, body: Any, said: str) -> None:
    voter = await Browser(field.url).begin()
    case = one(field)
    assert said in (await vote(voter, case.battle, status=400, **body))["error"]["message"]
    assert field.records(VoteCast) == []
    assert (await vote(voter, "nothing", status=404))["error"]["message"].startswith("there is no such case")


async def test_without_the_token_nobody_judges(field: Served) -> None:
    voter = await Browser(field.url).begin()
    case = one(field)
    voter.csrf = ""
    await vote(voter, case.battle, status=403)
    assert (await voter.post("/api/v1/shadow/next")).status == 403


async def test_a_request_that_is_no_plain_text_is_told_in_lines(field: Served) -> None:
    """Calls of tools and pictures have a line of their own; a text that is no JSON has none."""
    from fieldmark.arena._shadow_view import _lines

    call = {"function": {"name": "find", "arguments": '{"order": 7}'}}
    messages = [
        {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "This?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "found"},
    ]
    lines = _lines(json.dumps({"messages": messages}))
    assert [line.content for line in lines] == [
        "[image_url: not kept as text]\nThis?",
        '[calls find: {"order": 7}]',
        "found",
    ]
    assert _lines("no json") == _lines("[]") == _lines('{"messages": 7}') == []
