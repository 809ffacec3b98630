"""Kill a served field again and again under load: `python -m soak.kills --kills 200`.

Browsers battle and vote, an application asks through `/v1` and says what became of its cases, over HTTP, and a share of
the cases is answered a second time for shadow battles. At random moments the server is killed (`kill -9`) and started
again; the clients go on. What was acknowledged (a round, a vote, a case whose id a header told, an outcome) must be
there in the end, nothing else may be, and nothing may be half written: every text is there and belongs to a record,
every case has one answer, the tables are what the log says. `ledger verify` runs after every 20th kill and at the end.

So that restarts take no longer than opening the field, servers are forked from a process that has imported all there
is. A kill leaves the system's page cache whole: `soak.power_cut` is about power. With `--sabotage` the server
acknowledges before the commit, and losses must be found.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import string
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import _load
from fieldmark.errors import FieldmarkError
from fieldmark.fields import SYSTEM, create_key, load_field, open_ledger
from fieldmark.gateway import CASE
from soak._kills_log import Known, compare
from soak._nursery import Nursery

VOTERS = 5
ASKERS = 4
VERIFY_EVERY = 20
GONE = (aiohttp.ClientError, TimeoutError, ConnectionError)
BUSY = frozenset({409, 503})
CHOICES = ("a", "b", "tie", "both_bad")
RESULTS = ("solved", "accepted", "rejected", "harm")
MORE = """
[gateway]
record = "always"
answer = "weighted"
weights = { alder = 1.0, birch = 1.0 }
shadow_share = 0.3
"""


@dataclass
class Result:
    """What was done."""

    kills: int = 0
    verified: int = 0
    records: int = 0
    restarts: list[float] = field(default_factory=list)
    """Seconds each restart took."""
    known: Known = field(default_factory=Known)

    @property
    def wrong(self) -> list[str]:
        """Everything that is not as it must be."""
        return self.known.wrong


class Load:
    """Clients that go on until told to stop; what they were told goes to `known`."""

    def __init__(self, server: Nursery, session: aiohttp.ClientSession, key: str, known: Known) -> None:
        self._server, self._session, self.known = server, session, known
        self._key = {"authorization": f"Bearer {key}"}
        self._stopping = False

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True

    async def voter(self) -> None:
        """Battle and vote, one round after the other."""
        cookies: dict[str, str] = {}
        while not cookies:
            try:
                caller = await _load.Caller(self._session, self._server.url).begin()
                cookies = caller.headers
            except (*GONE, ValueError):
                await asyncio.sleep(0.05)
        while not self._stopping:
            await self._battle(cookies)

    async def _battle(self, cookies: dict[str, str]) -> None:
        status, view, _ = await self._ask("POST", "/api/v1/battles", cookies, {"prompt": "Say hello."})
        if status == 0:
            return
        if status != 201:
            self._refused("a battle", status, view)
            return
        battle, choice = view["id"], random.choice(CHOICES)
        self.known.battles.add(battle)
        path = f"/api/v1/battles/{battle}"
        while True:
            status, view, _ = await self._ask("GET", path, cookies)
            if status == 200 and view["state"] != "open":  # a vote whose reply was lost
                self._voted(battle, view["vote"]["choice"], choice)
                return
            if status == 200 and not _writing(view):
                status, view, _ = await self._ask("POST", f"{path}/vote", cookies, {"choice": choice})
                if status == 200:
                    self._voted(battle, choice, choice)
                    return
            if status not in {0, 200, *BUSY}:
                self._refused(f"a look at the acknowledged round {battle}", status, view)
                return
            await asyncio.sleep(0.03)

    def _voted(self, battle: str, held: str, wanted: str) -> None:
        if held != wanted:
            self.known.wrong.append(f"{battle} was voted '{wanted}', but holds '{held}'")
        self.known.votes[battle] = held

    async def asker(self) -> None:
        """Ask as an application, and say what became of each case that was told."""
        while not self._stopping:
            token = "".join(random.choices(string.ascii_lowercase, k=20))
            self.known.asked.add(token)
            body = {
                "model": "field",
                "messages": [{"role": "user", "content": token}],
                "stream": random.random() < 0.5,
            }
            status, said, case = await self._ask("POST", "/v1/chat/completions", self._key, body)
            if case is not None:
                self.known.cases[case] = token
                await self._report(case)
            elif status not in {0, *BUSY}:
                self._refused("a completion", status, said)

    async def _report(self, case: str) -> None:
        result, number = random.choice(RESULTS), random.randrange(1000)
        body = {"result": result, "number": number}
        while True:
            status, said, _ = await self._ask("POST", f"/api/v1/cases/{case}/outcome", self._key, body)
            if status == 200:
                self.known.outcomes[case] = (result, number)
                return
            if status not in {0, *BUSY}:
                self._refused(f"an outcome of the case {case} that was told", status, said)
                return
            await asyncio.sleep(0.03)

    def _refused(self, what: str, status: int, said: Any) -> None:
        self.known.wrong.append(f"{what} was refused with {status}: {str(said)[:200]}")

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], body: Any = None
    ) -> tuple[int, Any, str | None]:
        """Status (0: the reply was lost, or its end), what was said, and the case that the headers told."""
        case = None
        if not self._server.url:
            await asyncio.sleep(0.03)
            return 0, None, None
        try:
            async with self._session.request(
                method, self._server.url + path, headers=headers, json=body
            ) as reply:
                case = reply.headers.get(CASE)
                if reply.content_type == "application/json":
                    return reply.status, await reply.json(), case
                return reply.status, await reply.text(), case
        except GONE:
            self.known.lost_replies += 1
            return 0, None, case


def _writing(view: Any) -> bool:
    last = view["turns"][-1]
    return view["writing"] or any(last[side]["state"] in {"waiting", "writing"} for side in "ab")


async def run(folder: Path, kills: int, *, pause: float = 1.0, sabotage: bool = False) -> Result:
    """Serve, load and kill in `folder`; then compare."""
    result = Result()
    with _load.stub(tokens=4, rate=400, first=2) as port:
        served = _load.write_field(folder / "field", port, MORE)
        with open_ledger(load_field(served)) as ledger:
            _, key = ledger.write(
                lambda now: create_key(now, "Soak", ["ask", "outcome"], actor=SYSTEM)  # as `fieldmark keys`
            )
        with Nursery(served, *(["--early"] if sabotage else [])) as server:
            async with _load.pool() as session:
                load = Load(server, session, key, result.known)
                await _load_and_kill(served, server, load, kills, pause, result)
                if not sabotage:
                    await _compare_board(server, session, result)
            server.kill()
        await asyncio.to_thread(_look, served, result)
    return result


async def _load_and_kill(
    served: Path, server: Nursery, load: Load, kills: int, pause: float, result: Result
) -> None:
    await server.start()
    clients = [asyncio.create_task(load.voter()) for _ in range(VOTERS)]
    clients += [asyncio.create_task(load.asker()) for _ in range(ASKERS)]
    for number in range(1, kills + 1):
        await asyncio.sleep(pause * random.uniform(0.3, 1.7))
        server.kill()
        result.kills += 1
        if number % VERIFY_EVERY == 0:
            await asyncio.to_thread(_verify, served, result)
        began = time.monotonic()
        await server.start()
        result.restarts.append(time.monotonic() - began)
    await asyncio.sleep(pause)
    load.stop()
    await asyncio.gather(*clients)
    await asyncio.sleep(pause)  # second answers and the last reply's record


def _verify(served: Path, result: Result) -> None:
    with open_ledger(load_field(served)) as ledger:
        try:
            ledger.verify()
            result.verified += 1
        except FieldmarkError as error:
            result.wrong.append(f"verify after kill {result.kills}: {error.message}")


async def _compare_board(server: Nursery, session: aiohttp.ClientSession, result: Result) -> None:
    caller = await _load.Caller(session, server.url).begin()
    async with session.get(f"{server.url}/api/v1/board", headers=caller.headers) as reply:
        board = await reply.json()
    counted = board["votes"] + sum(board["not_counted"].values())
    if counted != len(result.known.votes):
        result.wrong.append(f"the board shows {counted} votes, but {len(result.known.votes)} were given")


def _look(served: Path, result: Result) -> None:
    _verify(served, result)
    with open_ledger(load_field(served)) as ledger, ledger.read() as snapshot:
        result.records = snapshot.head().size
        result.known.interrupted = compare(snapshot, result.known)


def main() -> int:
    """0: nothing acknowledged was lost, nothing is half written."""
    parser = argparse.ArgumentParser(prog="python -m soak.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument(
        "--sabotage", action="store_true", help="acknowledge before the commit, to see it found"
    )
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(Path(folder), given.kills, sabotage=given.sabotage))
    known = result.known
    print(
        f"{result.kills} kills in {time.monotonic() - began:.0f} s (a restart took {_median(result.restarts):.2f} s); "
        f"{result.verified} times verified, at the end {result.records:,} records.\n"
        f"Acknowledged: {len(known.battles):,} rounds, {len(known.votes):,} votes, {len(known.cases):,} cases, "
        f"{len(known.outcomes):,} outcomes; {known.lost_replies:,} replies lost and looked up, "
        f"{known.interrupted:,} answers interrupted and recorded as such, {known.unheard:,} cases recorded whose id "
        f"nobody heard.\n"
        f"{len(result.wrong)} things wrong"
    )
    for each in result.wrong[:10]:
        print("wrong:", each[:300])
    return 1 if result.wrong else 0


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
