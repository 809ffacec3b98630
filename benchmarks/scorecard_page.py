"""A scorecard with 100,000 trials in the ledger: what the page asks for, computed by the server."""

from __future__ import annotations

import asyncio
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._row import Row, at_most, benchmark, unbounded

if TYPE_CHECKING:
    from fieldmark.ledger import Ledger, Transaction
    from fieldmark.scorecards import TaskSet

CONTENDERS = 5
TASKS = 100
WORDINGS = 4
TRIALS = 50
NAME = "many"
_LOOKS = 15


@benchmark(
    "server time of a scorecard's page: 100,000 trials in the ledger, five contenders, 100 tasks, 4 wordings"
)
def run(fault: bool) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        build(Path(folder))
        built = time.perf_counter() - began
        first, fresh, page, one = asyncio.run(measure(Path(folder), slow=fault))
    count = CONTENDERS * TASKS * WORDINGS * TRIALS
    note = f"{count:,} trials, written in {built:.0f} s"
    yield at_most("scorecard page after a fresh trial, median", fresh, "ms", 300, note)
    yield unbounded("scorecard page, the first time in a server", first, "ms")
    yield at_most("page of 50 trials, any filter and order, slowest", page, "ms", 300)
    yield at_most("page of one trial", one, "ms", 300)


def task_set() -> TaskSet:
    """So many tasks; only what a page shows of them matters."""
    from fieldmark.scorecards import Solution, Task, TaskSet, Variant
    from fieldmark.scorecards.verifiers import make

    verifier = make("exact", {"equals": "yes"}, Path())
    wordings = tuple(Variant(f"v{i}", "paraphrase", "Say it.") for i in range(WORDINGS - 1))
    tasks = tuple(
        Task(
            f"task-{i:03}", "Say yes.", verifier, title=f"Task {i}", variants=wordings, oracle=Solution("yes")
        )
        for i in range(TASKS)
    )
    return TaskSet(NAME, tasks, title="Many", digest=hashlib.sha256(b"many").hexdigest())


def build(folder: Path) -> None:
    """A field whose ledger holds one run of it."""
    from fieldmark.fields import load_field, open_ledger

    (folder / "field.toml").write_text('name = "Many"\n')
    with open_ledger(load_field(folder)) as ledger:
        _write_run(ledger)


def _write_run(ledger: Ledger) -> None:
    from fieldmark.ledger.evidence import RunEnded, RunStarted
    from fieldmark.scorecards import start_run
    from fieldmark.scorecards._records import end_run, seen_of

    made, chance = task_set(), random.Random(1)
    names = {hashlib.sha256(b"%d" % i).hexdigest(): f"contender-{i}" for i in range(CONTENDERS)}
    started = RunStarted(
        task_set=NAME, digest=made.digest, contenders=tuple(names), labels=names,
        tasks=tuple(task.id for task in made.tasks), variants=True, trials=TRIALS, seed=1, sandbox="none",
        planned=CONTENDERS * TASKS * WORDINGS * TRIALS,
    )  # fmt: skip
    run = start_run(ledger, seen_of(made, checked=True), started)
    skill = {(digest, task.id): chance.betavariate(2, 1) for digest in names for task in made.tasks}
    for trial in range(1, TRIALS + 1):
        ledger.write(partial(_write, run=run, trial=trial, skill=skill, chance=chance))
    ledger.write(lambda now: end_run(now, run, RunEnded(reason="complete")))


def _write(
    now: Transaction, run: str, trial: int, skill: dict[tuple[str, str], float], chance: random.Random
) -> None:
    """One trial of every contender on every task and wording, with its texts, as runs write them."""
    from fieldmark.ledger.evidence import TrialEnded, VerdictGiven

    told = '{"kind": "told", "ms": 0, "data": {"text": "Say yes."}}\n{"kind": "said", "ms": 9, "data": {"text": "%s"}}'
    for (digest, task), p in skill.items():
        for wording in ("", *(f"v{i}" for i in range(WORDINGS - 1))):
            passed = chance.random() < p
            answer = "yes" if passed else "no"
            ended = TrialEnded(
                task=task, variant=wording, contender=digest, verifier="0" * 64, trial=trial, seed=trial,
                ended="answered", steps=1, calls=0, ms=chance.randrange(200, 20_000), prompt_tokens=90,
                answer_tokens=9, cost=chance.random() / 100,
            )  # fmt: skip
            entry = now.append(
                ended,
                actor="scorecards",
                refs={"run": run},
                texts={"transcript": told % answer, "answer": answer},
            )
            given = VerdictGiven(
                result="pass" if passed else "fail", score=float(passed), verifier="0" * 64, ms=1
            )
            now.append(
                given,
                actor="scorecards",
                refs={"run": run, "trial": entry.record.id},
                texts={} if passed else {"explanation": "the answer is 'no', not 'yes'"},
            )


async def measure(folder: Path, *, slow: bool = False) -> tuple[float, float, float, float]:
    """Milliseconds; `slow` makes the mistake that the counts are there to avoid: it counts the trials themselves."""
    from fieldmark.server._house import House
    from fieldmark.server.app import create_app

    house = await House.open(folder)
    try:
        house.runs.catalogue.made[NAME] = task_set()
        app = create_app(house)
        run = house.runs.views(NAME)[0].id
        count = partial(house.cards.of_run, run) if slow else _nothing
        first = await _timed(app, f"/api/v1/scorecards/{NAME}", count)
        fresh = []
        for number in range(1 if slow else _LOOKS):
            await asyncio.to_thread(_one_more, house.ledger, run, number)
            fresh.append(await _timed(app, f"/api/v1/scorecards/{NAME}", count))
        pages = [
            await _timed(app, f"/api/v1/scorecards/{NAME}/trials?order={order}{more}", count)
            for order in ("failing", "newest", "slowest", "costliest")[: 1 if slow else None]
            for more in ("", "&contender=contender-3", "&task=task-050", "&result=pass&variant=v1")
        ]
        trial = house.cards.trials(NAME, *_any()).trials[0].id
        one = await _timed(app, f"/api/v1/trials/{trial}", count)
        return first, statistics.median(fresh), max(pages), one
    finally:
        await house.close()


def _one_more(ledger: Ledger, run: str, number: int) -> None:
    """A trial of one contender, as a run writes it."""
    digest = hashlib.sha256(b"%d" % (number % CONTENDERS)).hexdigest()
    skill, chance = {(digest, "task-050"): 0.5}, random.Random(number)
    ledger.write(partial(_write, run=run, trial=TRIALS + 1 + number, skill=skill, chance=chance))


def _nothing() -> None:
    pass


def _any() -> tuple[Any, ...]:
    from fieldmark.scorecards import Filter

    return Filter(), "failing", None, 1


async def _timed(app: Any, path: str, count: Callable[[], object]) -> float:
    """One request without the network: guard, route, work and JSON. `count` comes before it, and takes part."""
    from benchmarks.board_live import _get

    began = time.perf_counter()
    count()
    path, _, query = path.partition("?")
    await _get(app, path, query)
    return (time.perf_counter() - began) * 1000
