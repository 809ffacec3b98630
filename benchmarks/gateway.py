"""The gateway in front of an endpoint, with a key and every case recorded: what it adds, and what it takes away."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _load
from benchmarks._row import Row, at_least, at_most, benchmark, unbounded
from benchmarks._stub import TOKEN

if TYPE_CHECKING:
    import aiohttp
    import openai

PER_SECOND = 15.0
"""Streamed calls begun a second, at even distances."""
STREAMS = 150
FIRST_MS = 50.0
CLIENTS = 32
REQUESTS = 600
"""In one of the bursts through the gateway and past it, which take turns; a third of it with OpenAI's client."""
BURSTS = 3
MORE = """
[gateway]
record = "always"
"""


@benchmark("gateway in front of a stub, every case recorded: added time to first token, share of requests/s")
def run(fault: bool) -> Iterator[Row]:
    """With `fault` every commit takes 250 ms more."""
    cores = f"{os.cpu_count()} cores shared with generator and stub"
    seen = _measure(fault, "first", str(STREAMS), tokens=10, rate=40.0, first=FIRST_MS)
    note = f"{STREAMS} streamed calls, {PER_SECOND:g}/s; {cores}"
    yield at_most("gateway: added time to first token, 95%", seen["through95"], "ms", 15, note)
    yield unbounded("gateway: added time to first token, median", seen["through50"], "ms")
    yield unbounded("stub called directly: the same, 95%", seen["past95"], "ms", "what the machine adds")
    seen = _measure(fault, "rate", str(min(REQUESTS, 60) if fault else REQUESTS), tokens=4, rate=1e6, first=0)
    note = f"{seen['through']:.0f} of {seen['past']:.0f}/s, OpenAI's client, {CLIENTS} at once; {cores}"
    yield at_least("requests, share of calling directly", seen["share"], "%", 40, note)
    yield unbounded("stub called directly, OpenAI's client", seen["past"], "/s")
    note = f"{seen['bare_through']:.0f} of {seen['bare_past']:.0f}/s"
    yield unbounded("the same share, a client that costs next to nothing", seen["bare_share"], "%", note)
    yield unbounded("gateway's CPU per request", seen["cpu"], "ms", "two records and their commits included")


def _measure(fault: bool, what: str, count: str, **stub: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, _load.stub(**stub) as port:  # type: ignore[arg-type]
        field = _load.write_field(Path(folder), port, MORE)
        key = make_key(field)
        with _load.server(field, *(["--slow-commit", "250"] if fault else [])) as server:
            before = server.cpu_seconds()
            targets = (f"{server.url}/v1", f"http://127.0.0.1:{port}/v1")
            said: dict[str, float] = json.loads(
                _load.run_apart("benchmarks.gateway", what, *targets, key, count)
            )
            said["cpu"] = (server.cpu_seconds() - before) * 1000 / said["asked"]
        recorded = cases(field)
    if recorded != said["asked"]:
        raise AssertionError(f"{recorded} cases were recorded of {said['asked']:.0f} requests")
    return said


def make_key(field: Path) -> str:
    """A key as `fieldmark keys create` makes it."""
    from fieldmark.fields import SYSTEM, create_key, load_field, open_ledger

    with open_ledger(load_field(field)) as ledger:
        _, secret = ledger.write(lambda now: create_key(now, "Load", ["ask", "outcome"], actor=SYSTEM))
    return secret


def cases(field: Path) -> int:
    """Cases in the ledger that have their answer."""
    from fieldmark.fields import load_field, open_ledger
    from fieldmark.gateway import outcome_table

    with open_ledger(load_field(field)) as ledger, ledger.read() as snapshot:
        return sum(row.cases for row in outcome_table(snapshot, 0.95).rows)


# The load generator, in a process of its own.


async def _first(urls: list[str], key: str, count: int) -> dict[str, float]:
    """Streamed calls at a fixed rate, in turn through the gateway and past it."""
    headers = {"authorization": f"Bearer {key}"}
    added: list[list[float]] = [[], []]

    async def ask(session: aiohttp.ClientSession, number: int, at: float) -> None:
        await _load.until(at)
        sent, seen = time.monotonic(), 0.0
        body = {**_body(number), "stream": True}
        async with session.post(f"{urls[number % 2]}/chat/completions", json=body, headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            async for line in reply.content:
                if not seen and TOKEN.search(line.decode()):
                    seen = time.monotonic()
        added[number % 2].append((seen - sent) * 1000 - FIRST_MS)

    async with _load.pool() as session:
        for number in range(4):  # connections, keys and code are warm
            await ask(session, number, 0.0)
        added[0].clear()
        added[1].clear()
        start = time.monotonic() + 0.2
        calls = (ask(session, n, start + n / PER_SECOND / 2) for n in range(2 * count))
        await asyncio.gather(*calls)
    through, past = added
    return {
        "asked": count + 2,
        "through95": _load.percentile(through, 0.95),
        "through50": statistics.median(through),
        "past95": _load.percentile(past, 0.95),
    }


async def _rate(urls: list[str], key: str, count: int) -> dict[str, float]:
    """Requests in bursts, in turn through the gateway and past it, so that what else the machine does hits both: with
    OpenAI's client, as applications have it, and with one that does next to nothing."""
    from openai import AsyncOpenAI

    async with _load.pool() as session:
        bare = [partial(_ask_bare, session, url, key) for url in urls]
        clients = [AsyncOpenAI(base_url=url, api_key=key, max_retries=0) for url in urls]
        theirs = [partial(_ask_openai, client) for client in clients]
        found = {"asked": 0.0}
        for name, asks, many in (("", theirs, count // 3), ("bare_", bare, count)):
            for ask in asks:
                await _burst(ask, CLIENTS)  # connections, keys and code are warm
            rates = [[await _burst(ask, many) for ask in asks] for _ in range(BURSTS)]
            found[f"{name}share"] = statistics.median(100 * through / past for through, past in rates)
            found[f"{name}through"], found[f"{name}past"] = map(statistics.median, zip(*rates, strict=True))
            found["asked"] += CLIENTS + BURSTS * many
        for client in clients:
            await client.close()
    return found


async def _burst(ask: Callable[[int], Awaitable[None]], count: int) -> float:
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            await ask(number)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return count / (time.perf_counter() - began)


async def _ask_bare(session: aiohttp.ClientSession, url: str, key: str, number: int) -> None:
    headers = {"authorization": f"Bearer {key}"}
    async with session.post(f"{url}/chat/completions", json=_body(number), headers=headers) as reply:
        assert reply.status == 200, await reply.text()
        await reply.read()


async def _ask_openai(client: openai.AsyncOpenAI, number: int) -> None:
    reply = await client.chat.completions.create(**_body(number))
    assert reply.choices[0].message.content


def _body(number: int) -> dict[str, Any]:
    return {"model": "field", "messages": [{"role": "user", "content": f"Question {number}: why?"}]}


def _generate(what: str, through: str, past: str, key: str, count: str) -> dict[str, float]:
    import uvloop

    work = {"first": _first, "rate": _rate}[what]
    return uvloop.run(work([through, past], key, int(count)))


if __name__ == "__main__":
    print(json.dumps(_generate(*sys.argv[1:])))
