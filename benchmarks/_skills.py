"""Simulated contenders of known skill, for the benchmarks of scorecards' numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fieldmark.statistics import Interval

    Array = NDArray[np.float64]


def replicates(fault: bool) -> int:
    """How often each design is drawn; FIELDMARK_REPLICATES for another number."""
    return int(os.environ.get("FIELDMARK_REPLICATES", "1000" if fault else "10000"))


@dataclass(frozen=True)
class Skill:
    """How pass probabilities of tasks are distributed."""

    name: str
    a: float
    b: float
    """Beta(a, b); b = 0: every task is passed, a = 0: none is."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        import numpy as np

        if not (self.a and self.b):
            return np.full(shape, float(self.a > 0))
        return rng.beta(self.a, self.b, shape)

    def moment(self, k: int) -> float:
        """E[p^k]."""
        found = 1.0
        for i in range(k):
            found *= (self.a + i) / (self.a + self.b + i)
        return found if self.b else 1.0


SKILLS = (
    Skill("Beta(.6,.6)", 0.6, 0.6),
    Skill("Beta(4,2)", 4, 2),
    Skill("Beta(1,9)", 1, 9),
    Skill("all-pass", 1, 0),
    Skill("all-fail", 0, 1),
)


@dataclass(frozen=True)
class Covered:
    """How often the truth was inside, in percent, and the mean width."""

    share: float
    width: float

    def __str__(self) -> str:
        return f"{self.share:.1f}% of width {self.width:.3f}"


def covered(lower: Array, upper: Array, truth: float) -> Covered:
    inside = (lower <= truth + 1e-9) & (truth <= upper + 1e-9)
    return Covered(100 * float(inside.mean()), float((upper - lower).mean()))


def own(values: Array, interval: Callable[[Array], Interval], truth: float) -> Covered:
    """Of an interval of the product, from values of shape (replicates, tasks); equal tasks are computed once."""
    import numpy as np

    known: dict[bytes, tuple[float, float]] = {}
    bounds = np.empty((len(values), 2))
    for i, row in enumerate(np.sort(values, axis=1)):
        key = row.tobytes()
        if key not in known:
            found = interval(row)
            known[key] = (found.lower, found.upper)
        bounds[i] = known[key]
    return covered(bounds[:, 0], bounds[:, 1], truth)


def student(values: Array, truth: float) -> Covered:
    """Of the t interval over tasks."""
    import numpy as np
    from scipy.stats import t

    tasks = values.shape[1]
    half = float(t.ppf(0.975, tasks - 1)) * values.std(axis=1, ddof=1) / np.sqrt(tasks)
    mean = values.mean(axis=1)
    return covered(mean - half, mean + half, truth)


def hoeffding(tasks: int, scale: float = 1.0) -> float:
    """Width of Hoeffding's interval for the mean of values from 0 to `scale`."""
    import math

    return min(1.0, 2 * math.sqrt(math.log(40) / 2 / tasks)) * scale
