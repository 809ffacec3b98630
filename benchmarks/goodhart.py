"""Is a contender that was tuned on the open tasks exposed by the sealed ones, and one that was not left alone?

Tasks are of three kinds of different difficulty, and kinds are mixed otherwise among the sealed tasks than among the
open ones. A tuned contender knows a share of the open tasks by heart and passes these always; otherwise it is as good
as before. 4 trials of each task; exposed: the interval of open less sealed lies above 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks._row import Row, at_least, at_most, benchmark, unbounded
from benchmarks._skills import replicates

if TYPE_CHECKING:
    import numpy as np

    from benchmarks._skills import Array

TRIALS = 4
KINDS = {"easy": (6.0, 2.0), "middle": (2.0, 2.0), "hard": (1.0, 4.0)}
"""Pass probabilities of a kind's tasks: Beta(a, b)."""
OPEN_MIX, SEALED_MIX = (0.5, 0.3, 0.2), (0.2, 0.3, 0.5)
SIZES = ((20, 20), (60, 20), (60, 60), (200, 60), (200, 200))
"""Open and sealed tasks."""
BY_HEART = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Run:
    """What one contender did."""

    open: Array
    sealed: Array
    open_kinds: list[str]
    sealed_kinds: list[str]


@benchmark("contenders tuned on open tasks that sealed tasks expose, and untuned ones wrongly exposed")
def run(fault: bool) -> Iterator[Row]:
    rounds = max(100, replicates(fault) // 5)
    for open_, sealed in SIZES:
        name = f"{open_} open, {sealed} sealed"
        # The deliberate fault: kinds are mixed up, so that easier open tasks look like tuning.
        wrong, _, width = _exposed(rounds, open_, sealed, 0.0, by_kind=not fault)
        yield at_most(f"{name}: untuned, exposed", 100 * wrong, "%", 5, f"interval {width:.3f} wide")
        for known in BY_HEART:
            share, gap, _ = _exposed(rounds, open_, sealed, known, by_kind=True)
            row = f"{name}: {known:.0%} by heart, exposed"
            note = f"mean gap {gap:.3f}"
            strong = (open_, sealed, known) == (200, 200, 0.6)
            if strong:
                yield at_least(row, 0.0 if fault else 100 * share, "%", 80, note)
            else:
                yield unbounded(row, 100 * share, "%", note)


def _exposed(
    rounds: int, open_: int, sealed: int, known: float, *, by_kind: bool
) -> tuple[float, float, float]:
    """Share of runs that end in an exposure, mean gap, and mean width of its interval."""
    import numpy as np

    from fieldmark.statistics import goodhart_gap

    rng = np.random.default_rng(round(1000 * known) + open_ + sealed)
    exposed, gaps, widths = [], [], []
    for _ in range(rounds):
        one = _draw(rng, open_, sealed, known)
        kinds = (one.open_kinds, one.sealed_kinds) if by_kind else (None, None)
        found = goodhart_gap(one.open, one.sealed, open_kinds=kinds[0], sealed_kinds=kinds[1])
        exposed.append(found.exposed)
        gaps.append(found.difference.value)
        widths.append(found.difference.upper - found.difference.lower)
    return float(np.mean(exposed)), float(np.mean(gaps)), float(np.mean(widths))


def _draw(rng: np.random.Generator, open_: int, sealed: int, known: float) -> Run:
    import numpy as np

    names, skills = list(KINDS), np.array(list(KINDS.values()))

    def tasks(count: int, mix: tuple[float, ...]) -> tuple[list[str], Array]:
        # As an author would: so many of each kind.
        kind = np.repeat(np.arange(3), [round(count * share) for share in mix])
        return [names[i] for i in kind], rng.beta(skills[kind, 0], skills[kind, 1])

    open_kinds, p = tasks(open_, OPEN_MIX)
    sealed_kinds, q = tasks(sealed, SEALED_MIX)
    p = np.where(rng.random(len(p)) < known, 1.0, p)
    return Run(rng.binomial(TRIALS, p) / TRIALS, rng.binomial(TRIALS, q) / TRIALS, open_kinds, sealed_kinds)
