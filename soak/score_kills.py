"""Kill whoever plays the trials of a run, again and again: `python -m soak.score_kills --kills 200 [--only postgres]`.

On SQLite the process is `fieldmark score run`, killed (`kill -9`) in the middle and continued with `--continue`; on
PostgreSQL two `fieldmark worker` processes share the run, and one of them is killed and started again each time.
Contenders are seeded, so what each trial must come to is known: in the end every planned trial has exactly one verdict,
the same that a run without kills gives, and no more trials were played than were planned and killed. With `--sabotage`
a verdict is counted a second time after each kill; that must be found.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from fieldmark.errors import LedgerError, NotFound
from fieldmark.ledger import Ledger, Signer, every_projection, field_of
from fieldmark.ledger.evidence import RunEnded, TrialEnded, VerdictGiven

CONTENDERS = ("seeded:0.7", "seeded:0.4,correlation=0.5")
TASKS, TRIALS, AT_ONCE = 60, 20, 4
WORKERS = 2

SET = """name = "kills"
title = "Trials that take a moment"
"""
TASKS_PY = """
import asyncio
from fieldmark.scorecards import Solution, Task, Verdict, Verifier

class Says(Verifier):
    kind = "says"
    digest = "5" * 64
    async def verify(self, attempt, grading):
        await asyncio.sleep(0.08)
        return Verdict.of(attempt.answer == "yes", attempt.answer)

def tasks():
    return [Task(f"t{n}", "Say yes.", Says(), oracle=Solution("yes")) for n in range(TASKS)]
"""
FIELD = """id = "kills"
name = "Kills"
"""


@dataclass
class Result:
    """What was done, and everything that is not as it must be."""

    kills: int = 0
    planned: int = 0
    verdicts: int = 0
    played: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def main() -> int:
    """0: no verdict was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m soak.score_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only", choices=("sqlite", "postgres"), help="one of the two databases")
    parser.add_argument("--sabotage", action="store_true", help="count a verdict twice, to see it found")
    given = parser.parse_args()
    wrong = 0
    for name in (given.only,) if given.only else ("sqlite", "postgres"):
        result = run(given.kills, postgres=name == "postgres", sabotage=given.sabotage)
        print(name, said(result), *result.wrong[:20], sep="\n  ", flush=True)
        wrong += len(result.wrong)
    return int(wrong > 0)


def said(result: Result) -> str:
    """In one line."""
    return (
        f"{result.kills} kills in {result.seconds:.0f} s: {result.planned} trials planned, {result.verdicts} verdicts, "
        f"{result.played - result.planned} trials played again, {len(result.wrong)} things wrong"
    )


def run(kills: int, *, postgres: bool, sabotage: bool = False) -> Result:
    """Kill so often, then look what is there."""
    result, began = Result(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as held:
        place = write_field(Path(folder))
        environment = {**os.environ, "COLUMNS": "200"}
        if postgres:
            from tests.pg import PostgresServer

            server = held.enter_context(PostgresServer())
            environment["FIELDMARK_DATABASE_URL"] = held.enter_context(server.database())
        while result.kills < kills:
            one_run(place, environment, kills, result, postgres=postgres, sabotage=sabotage)
    result.seconds = time.monotonic() - began
    return result


def write_field(folder: Path) -> Path:
    """A field with the task set."""
    (folder / "scorecards" / "kills").mkdir(parents=True)
    (folder / "field.toml").write_text(FIELD)
    (folder / "scorecards" / "kills" / "scorecard.toml").write_text(SET)
    (folder / "scorecards" / "kills" / "tasks.py").write_text(TASKS_PY.replace("TASKS", str(TASKS)))
    return folder


def command(folder: Path, *more: str) -> list[str]:
    """`fieldmark` on the field."""
    return [sys.executable, "-m", "fieldmark", *more, "--field", str(folder)]


def begin(folder: Path, seed: int, *more: str) -> list[str]:
    """The run."""
    given = [
        "score",
        "run",
        "kills",
        *CONTENDERS,
        "--trials",
        str(TRIALS),
        "--seed",
        str(seed),
        "--unchecked",
    ]
    return command(folder, *given, *more)


def one_run(
    folder: Path, environment: dict[str, str], kills: int, result: Result, *, postgres: bool, sabotage: bool
) -> None:
    """A run from its beginning to its end, with kills on the way."""
    seed = random.randrange(1 << 30)
    before = runs_in(folder, environment)
    if postgres:
        _shared(folder, environment, seed, kills, result)
    else:
        _alone(folder, environment, seed, kills, result)
    new = [each for each in runs_in(folder, environment) if each not in before]
    if len(new) != 1:
        result.wrong.append(f"{len(new)} runs are in the ledger instead of one")
    for each in new:
        if sabotage:
            _double(folder, environment, each)
        look(folder, environment, each, result)


def _alone(folder: Path, environment: dict[str, str], seed: int, kills: int, result: Result) -> None:
    known = set(runs_in(folder, environment))
    mine: list[str] = []
    while True:
        again = (
            ["score", "run", "--continue", *mine, "--unchecked", "--workers", str(AT_ONCE)] if mine else []
        )
        child = _start(
            command(folder, *again) if again else begin(folder, seed, "--workers", str(AT_ONCE)), environment
        )
        if result.kills < kills and _killed(child, random.uniform(0.8, 4.0)):
            result.kills += 1
            mine = [each for each in runs_in(folder, environment) if each not in known]
            continue
        out, _ = child.communicate(timeout=300)
        # Killed between its last word in the ledger and its exit, it has nothing left to go on with.
        if child.returncode and "has ended (complete)" not in out:
            result.wrong.append(f"the run ended with {child.returncode}: {out[-300:]!r}")
        return


def _shared(folder: Path, environment: dict[str, str], seed: int, kills: int, result: Result) -> None:
    work = command(folder, "worker", "--at-once", str(AT_ONCE), "--quiet")
    looker = _start(begin(folder, seed, "--shared"), environment)
    workers = [_start(work, environment) for _ in range(WORKERS)]
    try:
        end = time.monotonic() + 900
        while looker.poll() is None and time.monotonic() < end:
            if result.kills >= kills:
                time.sleep(0.2)
                continue
            victim = random.randrange(WORKERS)
            if _killed(workers[victim], random.uniform(1.0, 6.0)):
                result.kills += 1
            workers[victim] = _start(work, environment)
        if looker.poll() is None:
            result.wrong.append("the run did not end within 15 minutes")
        elif looker.returncode:
            result.wrong.append(f"the run ended with {looker.returncode}")
    finally:
        for each in (looker, *workers):
            with contextlib.suppress(ProcessLookupError):
                each.kill()
            each.communicate()


def _start(what: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        what,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )


def _killed(child: subprocess.Popen[str], after: float) -> bool:
    """Whether it was still there to be killed."""
    try:
        child.wait(after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        return True
    return False


def _database(folder: Path, environment: dict[str, str]) -> str:
    return environment.get("FIELDMARK_DATABASE_URL") or str(folder / ".fieldmark" / "ledger.db")


@contextlib.contextmanager
def _ledger(folder: Path, environment: dict[str, str]) -> Iterator[Ledger]:
    database = _database(folder, environment)
    signer = Signer(folder / ".fieldmark" / "head.key")
    with Ledger.open(
        database, field=field_of(database), projections=every_projection(), signer=signer
    ) as ledger:
        yield ledger


def runs_in(folder: Path, environment: dict[str, str]) -> list[str]:
    """Ids of the runs in the ledger."""
    try:
        field_of(_database(folder, environment))
    except (NotFound, LedgerError):  # killed before it had one
        return []
    with _ledger(folder, environment) as ledger, ledger.read() as snapshot:
        rows = snapshot.connection.execute(text('SELECT id FROM scorecard_runs ORDER BY "index"'))
        return list(rows.scalars())


def look(folder: Path, environment: dict[str, str], run_id: str, result: Result) -> None:
    """Everything that a run must have left, from the records themselves."""
    with _ledger(folder, environment) as ledger:
        ledger.verify()
        with ledger.read() as snapshot:
            entries = [e for e in snapshot.entries() if e.record.refs.get("run") == run_id]
            counted = snapshot.connection.execute(
                text("SELECT count(*) FROM scorecard_counted WHERE run = :run"), {"run": run_id}
            ).scalar_one()
    trials = {e.record.id: e.record.body for e in entries if isinstance(e.record.body, TrialEnded)}
    verdicts = [
        (e.record.refs["trial"], e.record.body) for e in entries if isinstance(e.record.body, VerdictGiven)
    ]
    ends = [e.record.body for e in entries if isinstance(e.record.body, RunEnded)]
    given = Counter(
        (b.task, b.contender, b.trial) for t, v in verdicts if v.result != "void" for b in [trials[t]]
    )
    planned = TASKS * TRIALS * len(CONTENDERS)
    result.planned += planned
    result.verdicts += sum(given.values())
    result.played += len(trials)
    wrong = result.wrong
    wrong += [f"{key} has {n} verdicts" for key, n in given.items() if n != 1]
    if len(given) != planned or counted != planned:
        wrong.append(f"{len(given)} trials have verdicts, {counted} are counted, {planned} were planned")
    if len(verdicts) != len(trials):
        wrong.append(f"{len(trials)} trials, {len(verdicts)} verdicts")
    if [end.reason for end in ends] != ["complete"]:
        wrong.append(f"it ended {[end.reason for end in ends]}")


def _double(folder: Path, environment: dict[str, str], run_id: str) -> None:
    with _ledger(folder, environment) as ledger, ledger.read() as snapshot:
        found = [e for e in snapshot.entries() if e.record.refs.get("run") == run_id]
        trial = next(e for e in found if isinstance(e.record.body, TrialEnded))
        verdict = next(e for e in found if isinstance(e.record.body, VerdictGiven))
        body, again = trial.record.body, verdict.record.body

        def work(now: object) -> None:
            first = now.append(body, actor="system", refs={"run": run_id})  # type: ignore[attr-defined]
            refs = {"run": run_id, "trial": first.record.id}
            now.append(again, actor="system", refs=refs)  # type: ignore[attr-defined]

    with _ledger(folder, environment) as ledger:
        ledger.write(work)


if __name__ == "__main__":
    raise SystemExit(main())
