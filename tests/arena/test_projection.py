"""The arena's tables are a view of the records: computed anew they are the same, and they count the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldmark.arena import Boards, counted_votes, votes
from fieldmark.errors import FieldmarkError
from fieldmark.fields import Policy
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import Choice
from tests.arena.ledgers import NAMES, Ballot, cast, recount, standings, stored_counts, trees
from tests.arena.test_boards import many
from tests.house import Browser, Served, two
from tests.upstream import Upstream

ACTS = st.sampled_from(
    [
        "start",
        "chosen",
        "a",
        "b",
        "tie",
        "both_bad",
        "undo",
        "remark",
        "reveal",
        "abandon",
        "turn",
        "retry",
        "stop-a",
    ]
)


async def _act(voter: Browser, battle: str | None, act: str) -> str | None:
    """Do one act, whether or not it is allowed now; the battle that is then the voter's."""
    bodies: dict[str, tuple[str, Any]] = {
        "turn": ("turns", {"prompt": "More."}),
        "retry": ("retry", {"side": "a"}),
        "remark": ("remark", {"comment": "Well."}),
        "reveal": ("reveal", {}),
        "abandon": ("abandon", {}),
        "stop-a": ("vote", {"choice": "a"}),
    }
    if act in {"start", "chosen"}:
        more = (
            {"mode": "chosen", "contenders": ["alder-7b", "birch-7b"]}
            if act == "chosen"
            else {"category": "notes"}
        )
        reply = await voter.post("/api/v1/battles", {"prompt": "Say hello.", **more})
        return str(reply.json["id"])
    if battle is None:
        return None
    if act == "undo":
        reply = await voter.delete(f"/api/v1/battles/{battle}/vote")
    else:
        what, body = bodies.get(act) or ("vote", {"choice": act})
        if act != "stop-a":
            while (await voter.look(battle))["writing"]:
                pass
        reply = await voter.post(f"/api/v1/battles/{battle}/{what}", body)
    assert reply.status in {200, 409}, reply.text
    return battle


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(ACTS, min_size=4, max_size=14))
async def test_whatever_people_do_the_ledger_verifies(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("field")
    with Upstream() as upstream, Served(two(folder, upstream, b="names-itself")) as served:
        voters = [await Browser(served.url).begin() for _ in range(2)]
        battles: list[str | None] = [None, None]
        for i, act in enumerate(["start", "a", *acts]):
            battles[i % 2] = await _act(voters[i % 2], battles[i % 2], act)
        ledger = served.house.ledger
        ledger.verify()
        with ledger.read() as snapshot:
            assert stored_counts(snapshot) == recount(snapshot)
            assert counted_votes(snapshot) == sum(n for (c, *_), n in recount(snapshot).items() if not c)
        ledger.rebuild("arena")
        ledger.verify()


def test_counts_follow_votes_and_retractions(tmp_path: Path) -> None:
    from tests.arena.ledgers import retract

    with trees(tmp_path) as ledger:
        made = cast(ledger, *many(3, 120))
        for battle, vote in made[::5]:
            retract(ledger, battle, vote)
        with ledger.read() as snapshot:
            assert stored_counts(snapshot) == recount(snapshot)
            assert len(list(votes(snapshot))) == counted_votes(snapshot) == 120 - 24
            assert standings(snapshot).browsers == len({vote.voter for vote in votes(snapshot)})
        ledger.verify()


def test_a_board_at_an_earlier_head_is_the_board_as_it_was(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}
    with trees(tmp_path) as ledger:
        for step in range(6):
            cast(ledger, *many(step, 25))
            with ledger.read() as snapshot:
                seen[str(snapshot.head())] = standings(snapshot).board
        for head, board in seen.items():
            with ledger.at(head) as snapshot:
                assert standings(snapshot).board == board
    with _reopened(tmp_path) as ledger, ledger.at(next(iter(seen))) as snapshot:
        assert Boards().standings(snapshot, Policy(minimum_exposure=0)).board == next(iter(seen.values()))


def _reopened(folder: Path) -> Ledger:
    from tests.arena.ledgers import open_ledger

    return open_ledger(folder)


def test_a_broken_table_is_found(tmp_path: Path) -> None:
    choice: Choice = "a"
    with trees(tmp_path) as ledger:
        cast(ledger, Ballot(NAMES[0], NAMES[1], choice))
        ledger.write(lambda now: now.connection.exec_driver_sql("update arena_counts set wins_first = 7"))
        with pytest.raises(FieldmarkError, match="arena_counts"):
            ledger.verify()
        ledger.rebuild("arena")
        ledger.verify()
