"""Votes over HTTP, acknowledged once they are on disk: 64 clients at once, SQLite, the generator on the same cores."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import _load
from benchmarks._row import Row, at_least, at_most, benchmark, unbounded

CLIENTS = 64
EACH = 150
SLOW_MS = 10.0


@benchmark("durable votes over HTTP, 64 clients; the same with 10 ms added to every commit")
def run(fault: bool) -> Iterator[Row]:
    """With `fault` every commit takes 200 ms more."""
    cores = f"{CLIENTS * EACH:,} votes; {os.cpu_count()} cores shared with the generator"
    usual = _measure(200.0 if fault else 0.0)
    yield at_least("acknowledged votes", usual["rate"], "/s", 2000, cores)
    yield at_most("time to acknowledge, 99%", usual["p99"], "ms", 100)
    yield unbounded("server CPU per vote", usual["cpu"], "ms")
    slow = _measure(200.0 if fault else SLOW_MS)
    yield at_least(f"acknowledged votes, {SLOW_MS:g} ms added to every commit", slow["rate"], "/s", 1000)
    yield unbounded("counted twice or not at all", usual["wrong"] + slow["wrong"], "")


def _measure(slow: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, _load.stub() as port:
        field = _load.write_field(Path(folder), port)
        with _load.server(field, "--slow-commit", str(slow)) as server:
            work = Path(folder) / "clients.json"
            work.write_text(json.dumps(prepare(field, CLIENTS, EACH)))
            before = server.cpu_seconds()
            said = json.loads(_load.run_apart("benchmarks.votes_http", server.url, str(work)))
            said["cpu"] = (server.cpu_seconds() - before) * 1000 / (CLIENTS * EACH)
            said["wrong"] = abs(counted(field) - CLIENTS * EACH)
        return dict(said)


def prepare(field: Path, clients: int, each: int) -> list[dict[str, Any]]:
    """Browsers with open rounds whose answers are in, written to the ledger beside the running server."""
    from itsdangerous import URLSafeSerializer

    from fieldmark.fields import known_contenders, load_field, open_ledger
    from fieldmark.ledger import Transaction
    from fieldmark.ledger.evidence import AnswerEnded, BattleStarted

    loaded = load_field(field)
    key = (loaded.state / "cookie.key").read_text().strip()
    cookie = f"fieldmark-{loaded.id}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    voter, csrf = URLSafeSerializer(key, salt="voter"), URLSafeSerializer(key, salt="csrf")
    browsers = []
    with open_ledger(loaded) as ledger:
        with ledger.read() as snapshot:
            a, b = list(known_contenders(snapshot))[:2]
        battle = BattleStarted(mode="blind", a=a, b=b, propensity=1.0)
        answers = [
            AnswerEnded(
                side=side, turn=1, contender=digest, ms_to_first=100, ms=900, characters=6, finish="stop"
            )
            for side, digest in (("a", a), ("b", b))
        ]

        def rounds(transaction: Transaction, secret: str) -> list[str]:
            person, made = transaction.pseudonym(secret), []
            for _ in range(each):
                started = transaction.append(battle, actor=person, texts={"prompt": "Say hello."}).record.id
                for answer in answers:
                    said = {"answer": "Hello."}
                    transaction.append(answer, actor="system", refs={"battle": started}, texts=said)
                made.append(started)
            return made

        for _ in range(clients):
            secret = secrets.token_urlsafe(24)
            made = ledger.write(lambda now, secret=secret: rounds(now, secret))  # type: ignore[misc]
            headers = {"cookie": f"{cookie}={voter.dumps(secret)}", "x-fieldmark-csrf": csrf.dumps(secret)}
            browsers.append({"headers": headers, "battles": made})
    return browsers


def counted(field: Path) -> int:
    """Live votes that the board counts."""
    from fieldmark.arena import counted_votes
    from fieldmark.fields import load_field, open_ledger

    with open_ledger(load_field(field)) as ledger, ledger.read() as snapshot:
        return counted_votes(snapshot)


async def _generate(url: str, clients: list[dict[str, Any]]) -> dict[str, float]:
    times: list[float] = []
    async with _load.pool() as session:

        async def vote(client: dict[str, Any]) -> None:
            for battle in client["battles"]:
                began = time.perf_counter()
                path = f"{url}/api/v1/battles/{battle}/vote"
                async with session.post(path, json={"choice": "a"}, headers=client["headers"]) as reply:
                    assert reply.status == 200, await reply.text()
                    await reply.read()
                times.append((time.perf_counter() - began) * 1000)

        began = time.perf_counter()
        await asyncio.gather(*map(vote, clients))
        rate = len(times) / (time.perf_counter() - began)
    return {"rate": rate, "p99": _load.percentile(times, 0.99)}


if __name__ == "__main__":
    import uvloop

    print(json.dumps(uvloop.run(_generate(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())))))
