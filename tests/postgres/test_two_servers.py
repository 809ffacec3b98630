"""Two servers of one field on one database: rounds have one writer, boards and caps are one, keys are made once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fieldmark.errors import LedgerUnavailable
from fieldmark.ledger.evidence import AnswerEnded, VoteCast
from fieldmark.server._elsewhere import RECOVER_EVERY
from tests.house import Browser, Served, two, until
from tests.pg import PostgresServer
from tests.upstream import Upstream

PRICED = 'price = { input = 100.0, output = 100.0 }\nsystem = "You are '


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with server.database() as url:
        monkeypatch.setenv("FIELDMARK_DATABASE_URL", url)
        yield url


def at(browser: Browser, served: Served) -> Browser:
    """The same browser at the other server, as a load balancer would send it."""
    return replace(browser, url=served.url)


async def moved(browser: Browser, votes: int) -> Any:
    """The board once it shows so many votes."""
    board: Any = None
    for _ in range(200):
        board = (await browser.get("/api/v1/board")).json
        if board["votes"] == votes:
            return board
        await browser.get("/api/v1/board")
    raise AssertionError(board)


async def test_a_browser_may_go_from_one_server_to_the_other(database: str, tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream)
        with Served(folder) as one, Served(folder) as other:
            voter = await Browser(one.url).begin()
            there = at(voter, other)
            battle = (await voter.battle())["id"]
            await until(lambda: not leases(one))
            assert (await there.look(battle))["turns"][0]["a"]["state"] == "finished"
            assert (await there.act(battle, "turns", {"prompt": "And now?"}))["writing"]
            await there.ready(battle)
            await until(lambda: not leases(one))
            await until(lambda: battle not in one.house.arena._live)  # what it knew is old
            assert len((await voter.look(battle))["turns"]) == 2
            await voter.vote(battle, "a")
            assert (await there.act(battle, "reveal"))["reveal"]["votes_between"] == 1
            rung = other.house.changed.rung
            await voter.vote((await voter.battle())["id"], "a")
            assert (await moved(there, 2))["head"] == (await moved(voter, 2))["head"]
            await until(lambda: other.house.changed.rung > rung)  # pages that are open there are told
            assert len(one.records(VoteCast)) == 2
            one.house.ledger.verify()


def leases(served: Served) -> list[str]:
    from sqlalchemy import select

    from fieldmark.ledger.state import leases

    with served.house.ledger.read() as snapshot:
        return list(snapshot.connection.execute(select(leases.c.name)).scalars())


async def test_a_round_that_is_written_elsewhere_waits(database: str, tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream, "gated", "gated")
        with Served(folder) as one, Served(folder) as other:
            voter = await Browser(one.url).begin()
            there = at(voter, other)
            battle = await voter.start()
            assert leases(one) == [f"round:{battle}"]
            assert (await there.look(battle))["writing"]
            for what, body in (
                ("vote", {"choice": "a"}),
                ("turns", {"prompt": "x"}),
                ("retry", {"side": "a"}),
            ):
                refused = await there.act(battle, what, body, status=409)
                assert refused["error"]["code"] == "elsewhere", refused
            upstream.release()
            await voter.ready(battle)
            await until(lambda: not leases(one))
            assert not (await there.look(battle))["writing"]
            assert (await there.vote(battle))["vote"]["counts"]
            await until(lambda: battle not in one.house.arena._live)
            assert (await voter.act(battle, "vote", {"choice": "b"}, status=409))["error"][
                "code"
            ] == "already_voted"


async def test_a_round_begun_elsewhere_ends_the_one_that_is_written_here(
    database: str, tmp_path: Path
) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream, "gated", "gated")
        with Served(folder) as one, Served(folder) as other:
            voter = await Browser(one.url).begin()
            first = await voter.start()
            there = at(voter, other)
            second = await there.start()
            await until(lambda: first not in one.house.arena._live)
            assert (await voter.look(first))["state"] == "abandoned"
            await until(lambda: leases(one) == [f"round:{second}"])
            assert len(one.records(AnswerEnded)) == 2  # what the first had received
            upstream.release()
            await there.ready(second)


async def test_a_restarted_database_server_makes_nobody_dead(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream, "gated", "gated")
        with Served(folder) as one, Served(folder) as other:
            voter = await Browser(one.url).begin()
            battle = await voter.start()
            presence = one.house.ledger.presence
            server.stop("immediate")
            with pytest.raises(LedgerUnavailable):
                presence.show()
            refused = await voter.post(f"/api/v1/battles/{battle}/vote", {"choice": "a"})
            assert refused.status == 503
            server.start()
            for _ in range(2 * RECOVER_EVERY):
                other.run(other.house.arena.recover())
                presence.show()
            assert other.records(AnswerEnded) == []
            upstream.release()
            await voter.ready(battle)
            assert {answer.finish for answer in one.records(AnswerEnded)} == {"stop"}
            await until(lambda: not leases(one))


async def test_only_what_a_dead_server_left_is_recovered(database: str, tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream, "gated", "gated")
        with Served(folder) as one, Served(folder) as other:
            voter, alive = await Browser(one.url).begin(), await Browser(other.url).begin()
            left, held = await voter.start(), await alive.start()
            one.house.ledger.presence.show = lambda: None  # type: ignore[method-assign]
            one.house.ledger.presence.close()  # as its server sees it, this process is gone
            there = at(voter, other)
            assert (await there.vote(left, status=409))["error"]["code"] == "elsewhere"
            other.run(other.house.arena.recover())
            other.run(other.house.arena.recover())
            await until(lambda: len(other.records(AnswerEnded)) == 2)
            view = await there.look(left)
            assert [view["turns"][0][side]["failure"] for side in "ab"] == ["interrupted"] * 2
            assert leases(other) == [f"round:{held}"]
            upstream.release()
            await alive.ready(held)
            assert (await alive.vote(held))["vote"]["counts"]
            # The one that was taken for dead lives after all: what it received is not written a second time.
            await until(lambda: left not in one.house.arena._live)
            assert len(other.records(AnswerEnded)) == 4
            other.house.ledger.verify()


async def test_a_spend_cap_holds_for_both_together(database: str, tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = two(tmp_path, upstream, alder=PRICED + 'terse."', birch=PRICED + 'kind."')
        with Served(folder) as one, Served(folder) as other:
            voter = await Browser(one.url).begin()
            for _ in range(2):
                await voter.battle()

            def spent(served: Served) -> list[float]:
                return [round(member.spent, 9) for member in served.house.roster.members]

            assert all(spent(one))
            await until(lambda: spent(other) == spent(one))


SECRET = """
import sys
from pathlib import Path
from fieldmark.server._state import cookie_secret
sys.stdin.readline()
print(cookie_secret(Path(sys.argv[1])))
"""


def test_servers_that_start_at_once_share_their_secret(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SECRET, str(tmp_path / "cookie.key")]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate(timeout=60)[0] for child in children]
    assert len(set(said)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["cookie.key"]
