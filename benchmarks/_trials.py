"""So many trials at a stub endpoint, ours or Inspect's: `python -m benchmarks._trials ours|inspect PORT N [--boxed]`.

Prints the seconds from the first trial's beginning to the last one's end, as JSON. Boxed: ours plays each trial in a
sandbox and judges it in a second one; Inspect has one sandbox (ours, as its plug-in), in which its scorer looks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

AT_ONCE = 8
LOOK = ["sh", "-c", "echo here"]


def main() -> None:
    """One side."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._trials")
    parser.add_argument("side", choices=("ours", "inspect"))
    parser.add_argument("port", type=int)
    parser.add_argument("trials", type=int)
    parser.add_argument("--boxed", action="store_true")
    parser.add_argument(
        "--slow", type=float, default=0.0, help="seconds that ours waits in each trial (sabotage)"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.side == "ours":
            passed, seconds = asyncio.run(
                _ours(Path(folder), given.port, given.trials, given.boxed, given.slow)
            )
        else:
            passed, seconds = _inspect(Path(folder), given.port, given.trials, given.boxed)
    print(json.dumps({"passed": passed, "seconds": seconds}))


async def _ours(folder: Path, port: int, trials: int, boxed: bool, slow: float) -> tuple[int, float]:
    from benchmarks._load import write_field
    from fieldmark.fields import Roster, load_field, open_ledger
    from fieldmark.scorecards import (
        Attempt,
        Catalogue,
        Grading,
        Runs,
        Scene,
        Solution,
        Task,
        TaskSet,
        Verdict,
        Verifier,
        Wanted,
    )

    class Came(Verifier):
        """Passes any answer; boxed, after a look around in a sandbox of its own."""

        kind = "came"
        digest = "c" * 64

        async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
            await asyncio.sleep(slow)
            if boxed:
                async with grading.sandbox() as place:
                    done = await place.exec(LOOK)
                    return Verdict.of(bool(attempt.answer) and done.stdout == b"here\n")
            return Verdict.of(bool(attempt.answer))

    class Boxed(Scene):
        async def open(self) -> None:
            assert self.sandbox is not None
            await self.sandbox.exec(LOOK)

    more: dict[str, Any] = {"scene": Boxed, "uses": frozenset({"sandbox"})} if boxed else {}
    tasks = tuple(
        Task(f"t{n}", f"Say something of {n}.", Came(), oracle=Solution("x"), **more) for n in range(trials)
    )
    found = TaskSet("stub", tasks, title="Stub", digest="d" * 64)
    field = load_field(write_field(folder / "field", port, contenders=2))
    with open_ledger(field) as ledger:
        roster = Roster(ledger)
        await roster.sync(field)
        runs = Runs(ledger, roster, field, catalogue=Catalogue(field.folder, {"stub": found}))
        name = roster.members[0].name
        try:
            began = time.perf_counter()
            wanted = Wanted("stub", [name], trials=1, unchecked=True, calling="native", seed=1)
            run = await runs.start(wanted, workers=AT_ONCE)
            await runs.wait(run.id)
            seconds = time.perf_counter() - began
            return runs.view(run.id).done, seconds
        finally:
            await runs.close()
            await roster.close()


def _inspect(folder: Path, port: int, trials: int, boxed: bool) -> tuple[int, float]:
    os.environ["STUB_API_KEY"] = "none"
    os.environ["STUB_BASE_URL"] = f"http://127.0.0.1:{port}/v1"
    from inspect_ai import Task, eval  # noqa: A004
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import Score, Target, accuracy, scorer
    from inspect_ai.solver import TaskState, generate
    from inspect_ai.util import sandbox

    @scorer(metrics=[accuracy()])
    def came() -> Any:
        async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
            good = bool(state.output.completion)
            if boxed:
                good = good and (await sandbox().exec(LOOK)).stdout == "here\n"
            return Score(value="C" if good else "I")

        return score

    dataset = [Sample(input=f"Say something of {n}.", target="x") for n in range(trials)]
    task = Task(dataset=dataset, solver=generate(), scorer=came(), sandbox="fieldmark" if boxed else None)
    began = time.perf_counter()
    (log,) = eval(
        task,
        model="openai-api/stub/stub",
        max_connections=AT_ONCE,
        max_samples=AT_ONCE,
        max_sandboxes=AT_ONCE,
        display="none",
        log_dir=str(folder),
    )
    seconds = time.perf_counter() - began
    if log.status != "success" or log.results is None:
        raise RuntimeError(f"Inspect ended with {log.status}: {log.error}")
    return log.results.completed_samples, seconds


if __name__ == "__main__":
    main()
