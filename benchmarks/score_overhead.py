"""What a trial costs beside the contender's own time, against Inspect on the same stub endpoint in the same run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from benchmarks import _load
from benchmarks._row import Row, at_most, benchmark, not_measured, unbounded

TRIALS = 200
BOXED = 60
ROUNDS = 3


@benchmark(
    "overhead of a trial against an instant stub endpoint: no sandbox, and sandboxed; peer: inspect-ai"
)
def run(fault: bool) -> Iterator[Row]:
    """With `fault` each of our trials waits for two seconds."""
    cores = f"{os.cpu_count()} cores, 8 at once, medians of {ROUNDS}, imports left out"
    with _load.stub(tokens=1, rate=1e6, first=0.0) as port:
        for boxed, trials in ((False, TRIALS), (True, BOXED)):
            if boxed and (trouble := _trouble()):
                yield not_measured("sandboxed", trouble)
                continue
            ours, theirs = _measure(port, trials, boxed, 2.0 if fault else 0.0)
            what = "agent and grader each in bubblewrap" if boxed else "no sandbox"
            yield unbounded(
                f"inspect-ai, {'one bubblewrap' if boxed else what}",
                theirs,
                "ms/trial",
                f"{trials} trials; {cores}",
            )
            note = "each verdict durable in the ledger"
            yield at_most(
                f"overhead of a trial, {what}",
                ours,
                "ms/trial",
                round(theirs * (1.0 if boxed else 0.5), 2),
                note,
            )


def _trouble() -> str | None:
    from fieldmark.sandbox import SANDBOXES

    return SANDBOXES.get("bubblewrap").trouble()


def _measure(port: int, trials: int, boxed: bool, slow: float) -> tuple[float, float]:
    ours, theirs = [], []
    for _ in range(1 if slow else ROUNDS):
        ours.append(_side("ours", port, trials, boxed, slow))
        theirs.append(_side("inspect", port, trials, boxed, 0.0))
    return statistics.median(ours), statistics.median(theirs)


def _side(side: str, port: int, trials: int, boxed: bool, slow: float) -> float:
    command = [sys.executable, "-m", "benchmarks._trials", side, str(port), str(trials), "--slow", str(slow)]
    done = subprocess.run(command + ["--boxed"] * boxed, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{side} failed: {done.stderr[-1500:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    if said["passed"] != trials:
        raise RuntimeError(f"{side} did {said['passed']} of {trials} trials")
    return float(said["seconds"]) * 1000 / trials
