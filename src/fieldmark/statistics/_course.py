"""Trials of one task among themselves: how alike they are, and whether later ones are worse."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import chance_above, checked_confidence, mean_interval
from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._intervals import Interval
from fieldmark.statistics._passk import counts_of


def intraclass_correlation(
    passes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95
) -> Interval | None:
    """Correlation of two trials of the same task, from counts of shape (T,), with its interval.

    0: trials of a task are as independent as those of different tasks. 1: a task passes always or never. It is
    1 - E[p (1 - p)] / (P (1 - P)), p the pass probability of a task and P its mean. The interval is every share whose
    task-wise excess over E[p (1 - p)] has a mean that may be 0 (Fieller's way to the interval of a ratio), by
    `mean_interval`. None where it cannot be known: fewer than three tasks with two trials, or all trials alike.

    Raises:
        StatisticsError: the shapes differ, passes beyond trials, or a confidence not between 0 and 1.
    """
    checked_confidence(confidence)
    c, n = counts_of(passes, trials)
    c, n = c[n > 1], n[n > 1]
    if c.size < 3 or c.sum() in (0, n.sum()):
        return None
    rate, single = c / n, c * (n - c) / (n * (n - 1))
    mean = float(rate.mean())
    # What a task adds to P (1 - P), to first order in P.
    whole = rate * (1 - 2 * mean) + mean**2
    product = (float(rate.sum()) ** 2 - float(rate @ rate)) / (rate.size * (rate.size - 1))
    ends = sorted((mean**2, (1 - mean) ** 2))
    highest = float(((n // 2) * (n - n // 2) / (n * (n - 1))).max())
    value = _share(1 - float(single.mean()) / (mean - product))

    tail = (1 - confidence) / 2
    _, first, times = np.unique(c * (n.max() + 1) + n, return_index=True, return_counts=True)
    single, whole, many = (
        single[first],
        whole[first],
        times.astype(np.float64),
    )  # equal tasks together: quicker

    def below(within: float) -> float:
        """Whether the task-wise excess, 0 in the mean where `within` is 1 - correlation, may be so low: above 0."""
        found = chance_above(within * whole - single, many, 0.0, within * ends[1])
        return math.log(max(found, 1e-300) / tail)

    def above(within: float) -> float:
        found = chance_above(single - within * whole, many, 0.0, highest - within * ends[0])
        return math.log(max(found, 1e-300) / tail)

    upper = 1.0 if not single.any() or below(0) >= 0 else 1 - _root(below)
    lower = 0.0 if above(1) >= 0 else 1 - _root(above)
    return Interval(value, min(lower, value), max(upper, value))


def _root(function: Callable[[float], float]) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, 0, 1, xtol=1e-4)) if function(0) * function(1) < 0 else 1.0


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def change_over_trials(results: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """How much the pass probability changes from the first to the last trial of a task, mean over tasks.

    `results` has shape (T, K): pass 1, fail 0, in the order of the trials; NaN where one is missing. A task's change
    is the least-squares slope of its results over the order, times the way from first to last: unbiased where the
    change is even. It lies between known ends, so the interval over tasks is that of `mean_interval`.

    Raises:
        StatisticsError: another shape, fewer than two trials, no task with all of them, or results beyond 0 to 1.
    """
    given = np.asarray(results, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] < 2:
        raise StatisticsError(
            f"results of shape {given.shape}", hint="one row per task, one column per trial, at least two"
        )
    whole = given[np.isfinite(given).all(axis=1)]
    if not whole.size:
        raise StatisticsError("no task has all its trials", hint="cut to the trials that every task has")
    place = np.linspace(-0.5, 0.5, given.shape[1])
    weights: FloatArray = place / float(place @ place)
    end = float(weights[weights > 0].sum())
    return mean_interval(whole @ weights, confidence=confidence, lowest=-end, highest=end)
