"""Two contenders on the same tasks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import mean_interval
from fieldmark.statistics._intervals import Interval


def paired_difference(a: ArrayLike, b: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Mean of a less b over tasks, both of shape (T,) with values from 0 to 1, with its interval.

    The differences of tasks are independent numbers from -1 to 1, whatever the trials behind them, so the interval of
    `mean_interval` holds: also for one trial per task and few of them different.

    Raises:
        StatisticsError: the shapes differ, no tasks, or a value that is no number from 0 to 1.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise StatisticsError(
            f"{first.size} tasks against {second.size}",
            hint="compare on the tasks that both have verdicts on",
        )
    return mean_interval(first - second, confidence=confidence, lowest=-1.0, highest=1.0)


def mcnemar(a_only: int, b_only: int) -> float:
    """Two-sided exact p value of McNemar's test: of the pairs where only one passed, is each side as likely?

    The binomial probability of a split at least as uneven, both tails (McNemar, Psychometrika 12 (1947), 153-157,
    in its exact form). 1 where no pair differs.

    Raises:
        StatisticsError: a count below 0.
    """
    if min(a_only, b_only) < 0:
        raise StatisticsError("a count of pairs is below 0")
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(a_only, b_only), a_only + b_only, 0.5)))
