"""Only what was seen, blind and by one's own doing counts, for the voter and for the contender."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fieldmark.arena._leak import LeakScan
from fieldmark.ledger.evidence import Abandonment, AnswerEnded, BattleStarted, Failure, VoteCast
from fieldmark.reports import build_card
from tests.arena.ledgers import DIGEST, NAMES, Ballot, cast, retract, standings, trees
from tests.house import Browser, Served, two
from tests.upstream import Upstream


async def test_a_vote_after_an_undone_one_does_not_count(voter: Browser, served: Served) -> None:
    """In between the board had moved, so the voter could tell who answered."""
    battle = await voter.battle()
    await voter.vote(battle["id"], "a")
    await voter.act(battle["id"], "undo")
    vote = (await voter.vote(battle["id"], "b"))["vote"]
    assert (vote["counts"], vote["not_counted"]) == (False, "revised")
    assert served.records(VoteCast)[-1].not_counted == "revised"


async def test_a_field_may_count_votes_after_an_undone_one(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, more="[policy]\ncount_revised = true")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        await voter.vote(battle["id"], "a")
        await voter.act(battle["id"], "undo")
        assert (await voter.vote(battle["id"], "b"))["vote"]["counts"]


async def test_a_vote_before_a_side_has_shown_anything_does_not_count(tmp_path: Path) -> None:
    with Upstream() as upstream, Served(two(tmp_path, upstream, b="hang")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.start("one two three")
        vote = (await voter.vote(battle, "a"))["vote"]
        assert (vote["counts"], vote["not_counted"]) == (False, "unseen")


async def test_a_failed_side_asked_again_must_show_something_before_a_vote_counts(tmp_path: Path) -> None:
    with Upstream() as upstream, Served(two(tmp_path, upstream, b="empty")) as served:
        voter = await Browser(served.url).begin()
        battle = await voter.battle()
        failed = next(side for side in "ab" if battle["turns"][0][side]["state"] == "failed")
        await voter.act(battle["id"], "retry", {"side": failed})
        vote = (await voter.vote(battle["id"], "a"))["vote"]
        assert vote["counts"] is False
        assert vote["not_counted"] in {"unseen", "side_failed"}


async def test_after_a_restart_a_vote_says_what_is_no_longer_known(tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream, a="echo:20", b="echo:20")
        with Served(folder) as served:
            voter = await Browser(served.url).begin()
            battle = await voter.start("one two three four five six seven eight nine ten")
            await voter.events(f"/api/v1/battles/{battle}/events", until="delta")
            await voter.vote(battle, "a")
            await voter.act(battle, "undo")
        with Served(folder, port=served.port) as served:
            await voter.vote(battle, "a")
            first, second = served.records(VoteCast)
        assert first.decision_ms is not None
        assert (second.decision_ms, second.partial) == (None, True)


async def test_a_fields_prompt_brings_its_category(voter: Browser) -> None:
    battle = await voter.battle("Say hello.", category="notes", prompt_source="field")
    assert battle["category"] == "letters"


def test_a_vote_taken_back_for_good_is_told_on_the_board(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        (battle, vote), *_ = cast(ledger, Ballot("alder", "birch", "a"), Ballot("alder", "birch", "b"))
        retract(ledger, battle, vote)
        with ledger.read() as snapshot:
            board = standings(snapshot).board
    assert (board.votes, board.not_counted) == (1, {"retracted": 1})


def test_what_the_server_or_the_person_did_is_no_failure_of_the_contender(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        for kind in ("interrupted", "over_budget", "timeout", None):
            failure = Failure(kind=kind) if kind else None

            def work(now, failure=failure):  # type: ignore[no-untyped-def]
                started = BattleStarted(mode="blind", a=DIGEST["alder"], b=DIGEST["birch"], propensity=1.0)
                refs = {"battle": now.append(started, actor="p_x", texts={"prompt": "?"}).record.id}
                answer = AnswerEnded(
                    side="a",
                    turn=1,
                    contender=DIGEST["alder"],
                    ms_to_first=1,
                    ms=2,
                    characters=3,
                    finish="failed" if failure else "stop",
                    failure=failure,
                )
                now.append(answer, actor="system", refs=refs)
                now.append(Abandonment(reason="voter"), actor="p_x", refs=refs)

            ledger.write(work)
        with ledger.read() as snapshot:
            failures = build_card(snapshot, "alder").failures
    assert (failures.answers, failures.failed, failures.kinds) == (2, 1, {"timeout": 1})
    assert failures.excused == {"interrupted": 1, "over_budget": 1}


def test_ranks_and_order_are_those_of_one_group(tmp_path: Path) -> None:
    """Two groups that only one-sided votes connect: neither ratings nor ranks can be compared between them."""
    names = NAMES[:4]
    with trees(tmp_path, names) as ledger:
        mixed = [Ballot("alder", "birch", "a"), Ballot("alder", "birch", "b")] * 5
        mixed += [Ballot("cedar", "douglas", "a"), Ballot("cedar", "douglas", "b")] * 3
        cast(ledger, *mixed, *[Ballot("alder", "cedar", "a")] * 50)
        with ledger.read() as snapshot:
            board = standings(snapshot).board
            people = build_card(snapshot, "cedar").people
    groups = [row.component for row in board.rows]
    assert groups == sorted(groups)
    assert people.contenders == 2


def test_no_answer_can_make_the_leak_scan_try_every_way_of_reading_it() -> None:
    """Each further part doubled the time, so that this would have taken longer than anybody waits."""
    for text in (
        "I am " + "a-" * 60 + "a!",
        "I am " + "a, " * 200,
        "I am " + "large_-_" * 60,
        "I'm a" + " - a" * 80,
    ):
        assert LeakScan(["alder-7b"], "").matches(text) is False
    assert LeakScan(["alder-7b"], "").matches("I am a state-of-the-art language model developed by OpenAI.")


async def test_a_ledger_that_refuses_an_answer_leaves_a_side_that_can_be_asked_again(
    tmp_path: Path, upstream: Upstream
) -> None:
    with Served(two(tmp_path, upstream)) as served:
        voter = await Browser(served.url).begin()
        arena, refused = served.house.arena, 0
        write = arena._ledger.awrite

        async def full(work):  # type: ignore[no-untyped-def]
            """The disk is full for the two answers, and only then."""
            nonlocal refused
            if "_keep" in work.__qualname__ and refused < 2:
                refused += 1
                raise OSError(28, "No space left on device")
            return await write(work)

        arena._ledger.awrite = full  # type: ignore[method-assign]
        battle = await voter.battle()
        assert {battle["turns"][0][side]["state"] for side in "ab"} == {"failed"}
        arena._ledger.awrite = write  # type: ignore[method-assign]
        await voter.act(battle["id"], "retry", {"side": "a"})
        for _ in range(100):
            now = await voter.look(battle["id"])
            if not now["writing"]:
                break
            await asyncio.sleep(0.05)
        assert now["turns"][0]["a"]["state"] == "finished"
