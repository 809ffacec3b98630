"""Workers that share a run on one PostgreSQL, where trials wait on models: four against one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from benchmarks._row import Row, at_least, benchmark, unbounded

WAIT = 1.0
"""Seconds that a trial waits, as for a model."""
AT_ONCE = 4
SECONDS = 25.0
"""That each measurement should take at best."""

TASKS_PY = f"""
import asyncio
from fieldmark.scorecards import Scene, Solution, Task, Verdict, Verifier

class Says(Verifier):
    kind = "says"
    digest = "5" * 64
    async def verify(self, attempt, grading):
        return Verdict.of(attempt.answer == "yes")

class Slow(Scene):
    async def begin(self):
        await asyncio.sleep({WAIT})
        return await super().begin()

def tasks():
    return [Task(f"t{{n}}", "Say yes.", Says(), scene=Slow, oracle=Solution("yes")) for n in range(20)]
"""


@benchmark("trials that wait on models, shared between workers on one PostgreSQL: four workers against one")
def run(fault: bool) -> Iterator[Row]:
    """With `fault` the four workers play one trial at once together."""
    from tests.pg import PostgresServer

    with PostgresServer() as server:
        one = _rate(server, workers=1, at_once=AT_ONCE)
        four = _rate(server, workers=1 if fault else 4, at_once=1 if fault else AT_ONCE)
    cores = f"{os.cpu_count()} cores shared by workers and database"
    most = AT_ONCE / WAIT
    yield unbounded(
        "one worker", one, "trials/s", f"{AT_ONCE} at once, {WAIT:g} s each: {most:g}/s at most; {cores}"
    )
    yield unbounded("four workers", four, "trials/s", f"{4 * most:g}/s at most")
    yield at_least("trials/s, four workers against one", four / one, "times", 3)


def _rate(server: object, *, workers: int, at_once: int) -> float:
    with ExitStack() as held, tempfile.TemporaryDirectory() as folder:
        url = held.enter_context(server.database())  # type: ignore[attr-defined]
        _write_field(Path(folder))
        environment = {**os.environ, "FIELDMARK_DATABASE_URL": url, "COLUMNS": "200"}
        trials = max(1, round(SECONDS * workers * at_once / WAIT / 20))
        run = ["score", "run", "waits", "oracle", "--trials", str(trials), "--shared", "--unchecked"]
        looker = _start([*run, "--field", folder], environment)
        work = ["worker", "--at-once", str(at_once), "--quiet", "--field", folder]
        playing = [_start(work, environment) for _ in range(workers)]
        try:
            out, _ = looker.communicate(timeout=20 * SECONDS)
            if looker.returncode:
                raise RuntimeError(f"the run ended with {looker.returncode}: {out[-500:]}")
        finally:
            for each in playing:
                each.kill()
                each.communicate()
            if looker.poll() is None:
                looker.kill()
        return _between(url)


def _between(url: str) -> float:
    """Trials per second between the first tenth and the last: without starting and ending."""
    from sqlalchemy import text

    from fieldmark.ledger import Ledger, every_projection

    with Ledger.open(url, field="waits", projections=every_projection()) as ledger, ledger.read() as snapshot:
        rows = snapshot.connection.execute(text('SELECT at FROM scorecard_trials ORDER BY "index"'))
        at = [datetime.fromisoformat(each) for each in rows.scalars()]
    first, last = len(at) // 10, len(at) - len(at) // 10 - 1
    return (last - first) / (at[last] - at[first]).total_seconds()


def _write_field(folder: Path) -> None:
    place = folder / "scorecards" / "waits"
    place.mkdir(parents=True)
    (folder / "field.toml").write_text('id = "waits"\nname = "Waits"\n')
    (place / "scorecard.toml").write_text('name = "waits"\ntitle = "Trials that wait"\n')
    (place / "tasks.py").write_text(TASKS_PY)


def _start(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fieldmark", *arguments],
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
