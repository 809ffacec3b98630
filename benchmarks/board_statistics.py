"""All the statistics of a board from its counts: 100 contenders, every pair met, 1,000,000 votes."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from benchmarks._row import Row, at_most, benchmark, not_measured, unbounded

if TYPE_CHECKING:
    from fieldmark.statistics import IntArray

    Votes = tuple[IntArray, IntArray, IntArray]

CONTENDERS = 100
VOTES = 1_000_000
ROUNDS = 15


@benchmark("ratings, intervals and rank sets of 100 contenders from 1,000,000 counted votes; peers beside it")
def run(fault: bool) -> Iterator[Row]:
    from fieldmark.statistics import PairCounts, rate

    names = [f"contender {i:03}" for i in range(CONTENDERS)]
    votes = _votes()
    counts = PairCounts.from_indices(names, *votes)

    def board() -> None:
        rate(PairCounts.from_indices(names, *votes) if fault else counts)

    yield at_most(f"board of {CONTENDERS}, {len(counts.first):,} pairs", _median_ms(board), "ms", 8)
    yield unbounded(
        "counting the votes from scratch", _median_ms(lambda: PairCounts.from_indices(names, *votes), 5), "ms"
    )
    yield _evalica(votes)
    yield _choix(votes)


def _votes() -> Votes:
    """Votes drawn from Davidson's model of strengths with standard deviation 0.8; a quarter are ties."""
    import numpy as np

    rng = np.random.default_rng(2)
    strength = rng.normal(size=CONTENDERS) * 0.8
    a = rng.integers(0, CONTENDERS, VOTES)
    b = (a + rng.integers(1, CONTENDERS, VOTES)) % CONTENDERS
    half = (strength[a] - strength[b]) / 2
    draw = rng.random(VOTES) * (np.exp(half) + np.exp(-half) + 0.7)
    outcome = np.where(draw < np.exp(half), 0, np.where(draw < np.exp(half) + np.exp(-half), 1, 2))
    return a, b, outcome


def _median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def _evalica(votes: Votes) -> Row:
    name = "peer evalica: Bradley-Terry, ratings only"
    if importlib.util.find_spec("evalica") is None:
        return not_measured(name, "evalica is not installed", unit="ms")
    evalica = importlib.import_module("evalica")
    a, b, outcome = (column.tolist() for column in votes)
    winners = [(evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)[code] for code in outcome]
    xs, ys, index = evalica.indexing(a, b)
    return unbounded(
        name, _median_ms(lambda: evalica.bradley_terry(xs, ys, winners, index=index), 3), "ms", "no intervals"
    )


def _choix(votes: Votes) -> Row:
    name = "peer choix: I-LSR, ratings only"
    if importlib.util.find_spec("choix") is None:
        return not_measured(name, "choix is not installed", unit="ms")
    import numpy as np

    choix = importlib.import_module("choix")
    a, b, outcome = votes
    wins = np.zeros((CONTENDERS, CONTENDERS))
    np.add.at(wins, (a, b), np.array([1, 0, 0.5])[outcome])
    np.add.at(wins, (b, a), np.array([0, 1, 0.5])[outcome])
    return unbounded(
        name, _median_ms(lambda: choix.ilsr_pairwise_dense(wins), 3), "ms", "from counts, no intervals"
    )
