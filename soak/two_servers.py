"""Two server processes on one PostgreSQL, voted at over HTTP and killed: `python -m soak.two_servers --kills 20`.

Each is a real `fieldmark up` of the same field folder. Browsers battle and vote at whichever of the two they happen to
reach; every so often one is killed (`kill -9`) and started again. A vote whose reply was lost is looked up afterwards,
so that in the end it is known of every vote whether it was given. Then log, counts and the boards of both servers must
be exactly what was acknowledged. With `--sabotage` the database loses one update of the counts in ten, as two careless
writers would; that must be found.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from fieldmark.ledger import Ledger, every_projection, field_of
from fieldmark.ledger.evidence import VoteCast
from tests.house import Browser, two
from tests.pg import PostgresServer
from tests.upstream import Upstream

CLIENTS = 6
BATTLES = 20
"""Of one browser: the limit is 60 a minute."""
GONE = (aiohttp.ClientError, TimeoutError, ConnectionError)
CHOICES = ("a", "b", "tie", "both_bad")

LOSE_UPDATES = """CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF random() < 0.1 THEN NEW.wins_first := OLD.wins_first; NEW.wins_second := OLD.wins_second; NEW.ties := OLD.ties;
    NEW.both_bad := OLD.both_bad; END IF; RETURN NEW; END $$;
    CREATE TRIGGER lose BEFORE UPDATE ON arena_counts FOR EACH ROW EXECUTE FUNCTION lose()"""


@dataclass
class Result:
    """What was done, and everything that is not as it must be."""

    kills: int = 0
    votes: int = 0
    lost_replies: int = 0
    moved: int = 0
    """Rounds begun at one server and voted in at the other."""
    interrupted: int = 0
    """Answers that a killed server left, written down as such."""
    wrong: list[str] = field(default_factory=list)


class Process:
    """One server process, started again at another port after each kill."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "FIELDMARK_DATABASE_URL": database, "COLUMNS": "200"}
        self._child: subprocess.Popen[str] | None = None
        self.url = ""

    async def start(self) -> None:
        """Start it, and wait for its address."""
        self.url = await asyncio.to_thread(self._start)

    def _start(self) -> str:
        command = [sys.executable, "-m", "fieldmark", "up", str(self._folder), "--port", "0", "--no-fetch"]
        self._child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self._environment)
        said = ""
        assert self._child.stderr is not None
        for line in self._child.stderr:
            said += line
            if found := re.search(r"served on (http://\S+)", said.replace("\n", " ")):
                return found[1]
        raise RuntimeError(f"a server did not start: {said}")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it, by default without a chance to do anything."""
        if self._child is not None:
            self.url = ""
            self._child.send_signal(how)
            self._child.wait(30)
            assert self._child.stderr is not None
            self._child.stderr.close()
            self._child = None


class Load:
    """Browsers that battle and vote until told to stop."""

    def __init__(self, servers: list[Process], result: Result) -> None:
        self.given: dict[str, str] = {}
        """Battle to choice, of every vote that counts as given."""
        self._servers = servers
        self._result = result
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin no more."""
        self._stopping.set()

    async def client(self) -> None:
        """One after the other."""
        while not self._stopping.is_set():
            browser = await self._anywhere(lambda b: b.begin(), Browser(""))
            for _ in range(BATTLES):
                if not self._stopping.is_set():
                    await self._battle(browser)

    async def _battle(self, browser: Browser) -> None:
        started = await self._anywhere(lambda b: b.post("/api/v1/battles", {"prompt": "Say hello."}), browser)
        if started.status != 201:
            self._note(f"a battle was refused: {started.text}")
            return
        battle, begun_at = started.json["id"], browser.url
        choice = random.choice(CHOICES)
        while True:
            view = await self._look(browser, battle)
            if view["state"] != "open":  # a vote whose reply was lost
                self._voted(battle, view["vote"]["choice"], choice)
                return
            if view["writing"] or any(
                view["turns"][-1][side]["state"] in {"waiting", "writing"} for side in "ab"
            ):
                await asyncio.sleep(0.05)
                continue
            reply = await self._try(browser, battle, choice)
            if reply is None:
                self._result.lost_replies += 1
            elif reply.status == 200:
                self._result.moved += browser.url != begun_at
                self._voted(battle, choice, choice)
                return
            elif reply.status not in {409, 503}:
                self._note(f"a vote was refused: {reply.text}")
                return

    def _voted(self, battle: str, held: str, wanted: str) -> None:
        if held != wanted:
            self._note(f"{battle} was voted '{wanted}', but holds '{held}'")
        self.given[battle] = held

    def _note(self, what: str) -> None:
        self._result.wrong.append(what)

    async def _try(self, browser: Browser, battle: str, choice: str) -> Any:
        browser.url = self._one()
        try:
            return await browser.post(f"/api/v1/battles/{battle}/vote", {"choice": choice})
        except GONE:
            return None

    async def _look(self, browser: Browser, battle: str) -> Any:
        while True:
            reply = await self._anywhere(lambda b: b.get(f"/api/v1/battles/{battle}"), browser)
            if reply.status == 200:
                return reply.json
            if reply.status != 503:
                raise RuntimeError(f"a round cannot be looked at: {reply.text}")
            await asyncio.sleep(0.1)

    async def _anywhere(self, act: Any, browser: Browser) -> Any:
        """At a server that answers. Only for what may be done twice."""
        while True:
            browser.url = self._one()
            browser.heard.clear()
            try:
                return await act(browser)
            except GONE:
                await asyncio.sleep(0.05)

    def _one(self) -> str:
        up = [server.url for server in self._servers if server.url]
        return random.choice(up or ["http://127.0.0.1:1"])


async def run(folder: Path, kills: int, *, pause: float = 1.5, sabotage: bool = False) -> Result:
    """Serve, load and kill in `folder`; then compare."""
    result = Result()
    with Upstream() as upstream, PostgresServer() as postgres, postgres.database() as database:
        field_folder = two(folder / "field", upstream, "echo", "echo")
        servers = [Process(field_folder, database) for _ in range(2)]
        try:
            await asyncio.gather(*(server.start() for server in servers))
            if sabotage:
                with psycopg.connect(database, autocommit=True) as connection:
                    connection.execute(LOSE_UPDATES.encode())
            load = Load(servers, result)
            clients = [asyncio.create_task(load.client()) for _ in range(CLIENTS)]
            for _ in range(kills):
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                victim = random.choice(servers)
                victim.kill()
                result.kills += 1
                await victim.start()
            await asyncio.sleep(pause)
            load.stop()
            await asyncio.gather(*clients)
            result.votes = len(load.given)
            await _compare_boards(servers, load.given, result)
        finally:
            for server in servers:
                server.kill(signal.SIGTERM)
        await asyncio.to_thread(_compare_log, database, load.given, result)
    return result


async def _compare_boards(servers: list[Process], given: dict[str, str], result: Result) -> None:
    boards = []
    for server in servers:
        browser = await Browser(server.url).begin()
        boards.append((await browser.get("/api/v1/board")).json)
    one, other = (replace_head(board) for board in boards)
    if one != other:
        result.wrong.append(f"the two servers show different boards: {one} and {other}")
    counted = one["votes"] + sum(one["not_counted"].values())
    if counted != len(given):
        result.wrong.append(f"the board shows {counted} votes, but {len(given)} were given")


def replace_head(board: dict[str, Any]) -> dict[str, Any]:
    """Without what moves with every record."""
    return {name: value for name, value in board.items() if name != "head"}


def _compare_log(database: str, given: dict[str, str], result: Result) -> None:
    with Ledger.open(database, field=field_of(database), projections=every_projection()) as ledger:
        try:
            ledger.verify()
        except Exception as error:
            result.wrong.append(f"verify: {error}")
        with ledger.read() as snapshot:
            entries = list(snapshot.entries())
    votes = [
        (e.record.refs["battle"], e.record.body.choice)
        for e in entries
        if isinstance(e.record.body, VoteCast)
    ]
    twice = [battle for battle, number in Counter(battle for battle, _ in votes).items() if number > 1]
    if twice:
        result.wrong.append(f"voted twice: {twice}")
    if dict(votes) != given:
        result.wrong.append(
            f"the log holds {len(votes)} votes, {len(given)} were acknowledged, or choices differ"
        )
    failures = Counter(getattr(getattr(e.record.body, "failure", None), "kind", None) for e in entries)
    result.interrupted = failures["interrupted"]


def main() -> int:
    """0: everything is exact."""
    parser = argparse.ArgumentParser(prog="python -m soak.two_servers", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sabotage", action="store_true", help="lose updates, to see it found")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(run(Path(folder), given.kills, sabotage=given.sabotage))
    print(
        f"{result.kills} kills of either server in {time.monotonic() - began:.0f} s: {result.votes} votes given, "
        f"{result.moved} of them at the server where the round had not begun, {result.lost_replies} replies lost and "
        f"looked up, {result.interrupted} answers interrupted; {len(result.wrong)} things wrong"
    )
    for each in result.wrong:
        print("wrong:", each[:500])
    return 1 if result.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
