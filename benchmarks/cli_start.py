"""How long a person waits for the command line."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks._row import Row, at_most, benchmark, unbounded

ROUNDS = 7
VOTES = "model_a,model_b,winner\n" + "one,two,model_a\ntwo,one,model_a\none,two,tie\n" * 30


@benchmark("start of the command line: help, and ranking a small file of votes")
def run(fault: bool) -> Iterator[Row]:
    """With `fault`, everything heavy is imported first."""
    heavy = "import fieldmark.server.app, scipy.stats, xllamacpp;" * fault
    yield unbounded("python alone", _median(["-c", "pass"]), "s")
    help_ = [
        "-c",
        f"{heavy}import sys; sys.argv=['fieldmark','--help']; from fieldmark.cli import main; main()",
    ]
    yield at_most("fieldmark --help", _median(help_), "s", 0.4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.csv"
        path.write_text(VOTES)
        rank = f"{heavy}import sys; sys.argv=['fieldmark','rank',{str(path)!r}]; from fieldmark.cli import main; main()"
        yield at_most("fieldmark rank of 90 votes", _median(["-c", rank]), "s", 1.0)


def _median(arguments: list[str]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
