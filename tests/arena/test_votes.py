"""Votes: one per battle, taken back in time or for good, partial, counted or not, with reasons before the names."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fieldmark.ledger.evidence import AnswerEnded, Remark, Retraction, Reveal, VoteCast
from tests.house import Browser, Served, two
from tests.upstream import Upstream


async def counted(voter: Browser) -> int:
    return int((await voter.get("/api/v1/status")).json["votes"])


async def test_a_vote_is_evidence(voter: Browser, served: Served) -> None:
    battle = await voter.battle(category="notes")
    await voter.vote(battle["id"], "both_bad")
    vote = served.records(VoteCast)[-1]
    assert (vote.choice, vote.mode, vote.category, vote.turns, vote.propensity) == (
        "both_bad",
        "blind",
        "notes",
        1,
        1.0,
    )
    assert vote.counts
    assert vote.decision_ms is not None
    assert {vote.a, vote.b} == {m.digest for m in served.house.roster.members}


async def test_a_second_vote_is_refused(voter: Browser, served: Served) -> None:
    battle = await voter.battle()
    before = await counted(voter)
    await voter.vote(battle["id"], "a")
    assert (await voter.vote(battle["id"], "b", status=409))["error"]["code"] == "already_voted"
    assert await counted(voter) == before + 1


async def test_of_votes_at_the_same_time_one_counts(voter: Browser, served: Served) -> None:
    battle = await voter.battle()
    before, recorded = await counted(voter), len(served.records(VoteCast))
    path, ballot = f"/api/v1/battles/{battle['id']}/vote", {"choice": "tie"}
    replies = await asyncio.gather(*(voter.post(path, ballot) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [200] + [409] * 7
    assert await counted(voter) == before + 1
    assert len(served.records(VoteCast)) == recorded + 1


async def test_undo_in_time_opens_the_round_again(voter: Browser, served: Served) -> None:
    battle = await voter.battle()
    before = await counted(voter)
    await voter.vote(battle["id"], "a")
    undone = await voter.act(battle["id"], "undo")
    assert (undone["state"], undone["vote"], undone["undo_ms"]) == ("open", None, 0)
    assert served.records(Retraction)[-1].reason == "undo"
    assert await counted(voter) == before
    assert (await voter.act(battle["id"], "undo", status=409))["error"]["code"] == "not_voted"
    again = (await voter.vote(battle["id"], "b"))["vote"]
    assert (again["choice"], again["counts"], again["not_counted"]) == ("b", False, "revised")
    assert await counted(voter) == before


async def test_undo_too_late_closes_the_round(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, more="[policy]\nundo_seconds = 0.1")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        await voter.vote(battle["id"], "a")
        await asyncio.sleep(0.15)
        late = await voter.act(battle["id"], "undo")
        assert (late["state"], late["vote"]["choice"]) == ("retracted", "a")
        assert served.records(Retraction)[-1].reason == "voter"
        assert await counted(voter) == 0
        for what, body in (("vote", {"choice": "b"}), ("abandon", None), ("turns", {"prompt": "x"})):
            assert (await voter.act(battle["id"], what, body, status=409))["error"]["code"] == "closed"
        for what in ("reveal", "undo", "remark"):
            assert (await voter.act(battle["id"], what, status=409))["error"]["code"] == "not_voted"


async def test_after_the_names_only_a_retraction_is_left(voter: Browser, served: Served) -> None:
    battle = await voter.battle()
    before = await counted(voter)
    await voter.vote(battle["id"], "a")
    assert (await voter.act(battle["id"], "reveal"))["undo_ms"] == 0
    assert (await voter.act(battle["id"], "undo"))["state"] == "retracted"
    assert served.records(Retraction)[-1].reason == "voter"
    assert await counted(voter) == before


async def test_a_vote_while_both_write_stops_them(tmp_path: Path) -> None:
    with Upstream() as upstream, Served(two(tmp_path, upstream, "gated", "gated")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start()
        await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
        voted = await voter.vote(battle, "a")
        assert voted["vote"]["partial"]
        assert voted["vote"]["counts"]
        assert not voted["writing"]
        assert {(a.finish, a.failure, a.characters) for a in served.records(AnswerEnded)} == {
            ("stopped", None, 5)
        }
        upstream.release()
        await voter.act(battle, "undo")
        assert (await voter.vote(battle, "b"))["vote"]["partial"], (
            "the answers are still the parts that were seen"
        )
        assert len(served.records(AnswerEnded)) == 2


async def test_votes_where_a_side_failed_count_if_the_policy_says_so(
    tmp_path: Path, upstream: Upstream
) -> None:
    for policy, counts in (("", False), ("[policy]\ncount_failed_side = true", True)):
        with Served(two(tmp_path / str(counts), upstream, b="refuse:500", more=policy)) as served:
            voter = await Browser(served.url).begin()
            battle = await voter.battle()
            vote = (await voter.vote(battle["id"], "a"))["vote"]
            assert (vote["counts"], vote["not_counted"]) == (counts, None if counts else "side_failed")
            assert await counted(voter) == counts


async def test_votes_where_a_side_named_itself_count_if_the_policy_says_so(
    tmp_path: Path, upstream: Upstream
) -> None:
    for policy, counts in (("", False), ("[policy]\ncount_leaked = true", True)):
        with Served(two(tmp_path / str(counts), upstream, b="names-itself", more=policy)) as served:
            voter = await Browser(served.url).begin()
            battle = await voter.battle()
            leaks = [battle["turns"][0][side]["leak"] for side in ("a", "b")]
            assert sorted(leaks) == [False, True]
            vote = (await voter.vote(battle["id"], "a"))["vote"]
            assert (vote["counts"], vote["not_counted"]) == (counts, None if counts else "leak")
            assert served.records(VoteCast)[-1].leak
            assert (await voter.get("/api/v1/board")).json["not_counted"] == ({} if counts else {"leak": 1})


REASONS: dict[str, Any] = {
    "tags": {"a": ["useful", "clear"], "b": ["incorrect"]},
    "rubric": {"tone": {"a": 4, "b": 2}},
    "comment": "B missed the point.",
}
RUBRIC = '[[rubric]]\nid = "tone"\nquestion = "Is the tone right?"\nscale = 4\n'


@pytest.fixture
def rubric(tmp_path: Path, upstream: Upstream) -> Path:
    return two(tmp_path, upstream, more=RUBRIC)


async def test_reasons_come_after_the_vote_and_before_the_names(rubric: Path) -> None:
    with Served(rubric) as served:
        voter = await Browser(served.url).begin()
        battle = (await voter.battle())["id"]
        assert (await voter.act(battle, "remark", REASONS, status=409))["error"]["code"] == "not_voted"
        await voter.vote(battle)
        assert (await voter.act(battle, "remark", REASONS))["vote"]["remarked"]
        assert (await voter.act(battle, "remark", REASONS, status=409))["error"]["code"] == "already_remarked"
        await voter.act(battle, "undo")
        await voter.vote(battle)
        assert (await voter.act(battle, "remark", {}))["vote"]["remarked"], (
            "a new vote may have reasons of its own"
        )
        await voter.act(battle, "reveal")
        assert (await voter.act(battle, "remark", REASONS, status=409))["error"]["code"] == "names_shown"
        first = served.records(Remark)[0]
        assert first.tags == {"a": ("useful", "clear"), "b": ("incorrect",)}
        assert first.rubric == {"tone": {"a": 4, "b": 2}}
        assert len(served.records(Reveal)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tags": {"a": ["nice"]}}, "unknown reason tag 'nice'"),
        ({"rubric": {"taste": {"a": 1}}}, "unknown question 'taste'"),
        ({"rubric": {"tone": {"a": 5}}}, "'tone' is answered with 1 to 4"),
        ({"rubric": {"tone": {"a": 0}}}, "'tone' is answered with 1 to 4"),
        ({"comment": "x" * 9000}, "the comment has 9,000 characters"),
        ({"comment": "a\0b"}, "control character U+0000"),
    ],
)
async def test_reasons_are_checked(rubric: Path, change: dict[str, Any], said: str) -> None:
    with Served(rubric) as served:
        voter = await Browser(served.url).begin()
        battle = (await voter.battle())["id"]
        await voter.vote(battle)
        reply = await voter.post(f"/api/v1/battles/{battle}/remark", change)
        assert reply.status in {400, 413}
        assert said in reply.json["error"]["message"]
        assert served.records(Remark) == []
