"""A served field after each of 50 fresh votes: 100 contenders, 1,000,000 votes stored, five categories."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._row import Row, at_most, benchmark, unbounded

if TYPE_CHECKING:
    from fastapi import FastAPI

    from fieldmark.ledger import Transaction
    from fieldmark.ledger.evidence import VoteCast
    from fieldmark.server._house import House

CONTENDERS = 100
VOTES = 1_000_000
VOTERS = 20_000
FRESH = 50
CATEGORIES = ("letters", "notes", "summaries", "questions", "forms")
_BATCH = 20_000


@benchmark("server time of board and card after a vote: 100 contenders, 1,000,000 votes stored")
def run(fault: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        build(Path(folder), VOTES)
        built = time.perf_counter() - began
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as server:
            times = server.submit(serve, Path(folder), forget=fault).result()
    p95 = statistics.quantiles(times, n=20)[-1]
    note = f"{FRESH} fresh votes; the ledger was written in {built:.0f} s"
    yield at_most("board and card after a vote, median", statistics.median(times), "ms", 20, note)
    yield unbounded("board and card after a vote, 95%", p95, "ms")


def build(folder: Path, votes: int) -> None:
    """A field folder whose ledger holds so many votes, written through the ledger like any other."""
    from fieldmark.fields import load_field, open_ledger

    _write_folder(folder)
    digests = asyncio.run(_enter(folder))
    chance = random.Random(2)
    draw = drawer(digests, chance)
    with open_ledger(load_field(folder)) as ledger:
        for start in range(0, votes, _BATCH):
            count = min(_BATCH, votes - start)

            def work(transaction: Transaction, count: int = count) -> None:
                for _ in range(count):
                    transaction.append(draw(), actor=f"p_{chance.randrange(VOTERS):05}")

            ledger.write(work)


def drawer(digests: list[str], chance: random.Random) -> Callable[[], VoteCast]:
    """Draws votes from Davidson's model of strengths with standard deviation 0.8 on random pairs and categories."""
    from fieldmark.ledger.evidence import VoteCast

    weight = {digest: 2.718281828 ** (0.4 * chance.gauss(0, 1)) for digest in digests}

    def draw() -> VoteCast:
        a, b = chance.sample(digests, 2)
        odds = (weight[a] / weight[b], weight[b] / weight[a], 0.7, 0.1)
        return VoteCast(
            choice=chance.choices(("a", "b", "tie", "both_bad"), odds)[0],
            a=a,
            b=b,
            mode="blind",
            propensity=1 / (CONTENDERS * (CONTENDERS - 1) / 2),
            category=chance.choice(CATEGORIES),
            decision_ms=chance.randrange(1_000, 60_000),
            counts=True,
        )

    return draw


def serve(folder: Path, *, forget: bool) -> list[float]:
    """`measure` in a process of its own, which loads the server before numpy as `fieldmark up` does."""
    import fieldmark.server  # noqa: F401

    return asyncio.run(measure(folder, forget=forget))


async def measure(folder: Path, *, forget: bool = False) -> list[float]:
    """Milliseconds in the server for `/board` and one card after each fresh vote; `forget` throws away what it kept."""
    from fieldmark.arena import Boards
    from fieldmark.server._house import House
    from fieldmark.server.app import create_app

    house = await House.open(folder)
    try:
        app = create_app(house)
        members = house.roster.members
        chance = random.Random(3)
        draw = drawer([m.digest for m in members], chance)
        times = []
        for i in range(FRESH + 3):
            await _round(house, draw(), chance)
            if forget:
                house.arena.boards = Boards()
            began = time.perf_counter()
            await _get(app, "/api/v1/board")
            await _get(app, f"/api/v1/cards/{chance.choice(members).name}")
            if i >= 3:  # the first ones read the counts from disk, once per server
                times.append((time.perf_counter() - began) * 1000)
        return times
    finally:
        await house.close()


async def _round(house: House, vote: VoteCast, chance: random.Random) -> None:
    """One battle with its answers and its vote, as the arena writes them."""
    from fieldmark.ledger.evidence import AnswerEnded, BattleStarted

    def work(transaction: Transaction) -> None:
        voter = f"p_{chance.randrange(VOTERS):05}"
        started = BattleStarted(
            mode="blind", a=vote.a, b=vote.b, propensity=vote.propensity, category=vote.category
        )
        battle = {
            "battle": transaction.append(started, actor=voter, texts={"prompt": "Say hello."}).record.id
        }
        for side, digest in (("a", vote.a), ("b", vote.b)):
            answer = AnswerEnded(
                side=side,
                turn=1,
                contender=digest,
                ms_to_first=chance.randrange(50, 2_000),
                ms=chance.randrange(2_000, 20_000),
                answer_tokens=200,
                characters=800,
                finish="stop",
            )
            transaction.append(answer, actor="system", refs=battle, texts={"answer": "Hello."})
        transaction.append(vote, actor=voter, refs=battle)

    await house.ledger.awrite(work)


async def _get(app: FastAPI, path: str, query: str = "") -> None:
    """One request without the network: guard, route, work and JSON."""
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    seen: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    await app(scope, receive, send)
    assert seen == [200], (path, seen)


def _write_folder(folder: Path) -> None:
    tables = [f'[[categories]]\nid = "{name}"\nname = "{name.title()}"\n' for name in CATEGORIES]
    tables += [
        f'[[contenders]]\nname = "model-{i:03}"\nkind = "endpoint"\nurl = "http://127.0.0.1:9/v1"\nmodel = "m{i}"\n'
        for i in range(CONTENDERS)
    ]
    (folder / "field.toml").write_text('name = "Board"\n' + "\n".join(tables))
    (folder / "prompts.toml").write_text('[[prompts]]\ntext = "Say hello."\n')
    (folder / "guidelines.md").write_text("Prefer what you would use.\n")


async def _enter(folder: Path) -> list[str]:
    """Serve the folder once, so that its rules and contenders stand in the ledger."""
    from fieldmark.server._house import House

    house = await House.open(folder)
    try:
        return [member.digest for member in house.roster.members]
    finally:
        await house.close()
