"""Trials of one task among themselves: how alike they are, and whether later ones are worse."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import checked_confidence, mean_interval
from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._intervals import Interval
from fieldmark.statistics._passk import counts_of


def intraclass_correlation(
    passes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95
) -> Interval | None:
    """Correlation of two trials of the same task, from counts of shape (T,), with its interval.

    0: trials of a task are as independent as those of different tasks. 1: a task passes always or never. It is
    1 - E[p (1 - p)] / (P (1 - P)), p the pass probability of a task and P its mean. None where it cannot be known:
    fewer than three tasks with two trials, or all trials of all tasks alike.

    Raises:
        StatisticsError: the shapes differ, passes beyond trials, or a confidence not between 0 and 1.
    """
    checked_confidence(confidence)
    c, n = counts_of(passes, trials)
    c, n = c[n > 1], n[n > 1]
    tasks = c.size
    if tasks < 3 or c.sum() in (0, n.sum()):
        return None
    rate, single = c / n, c * (n - c) / (n * (n - 1))
    total, squares, inside = float(rate.sum()), float(rate @ rate), float(single.sum())
    ratio = _share_within(total, squares, inside, tasks)
    without = _share_within(total - rate, squares - rate**2, inside - single, tasks - 1)
    error = math.sqrt((tasks - 1) / tasks * float(((without - without.mean()) ** 2).sum()))
    from scipy.stats import t

    half = float(t.ppf(0.5 + confidence / 2, tasks - 1)) * error
    value = 1 - float(ratio)
    return Interval(_share(value), _share(value - half), _share(value + half))


def _share_within(total: ArrayLike, squares: ArrayLike, inside: ArrayLike, tasks: int) -> FloatArray:
    """Mean of p (1 - p) over tasks as a share of P (1 - P), from sums over tasks; both without bias."""
    mean = np.asarray(total) / tasks
    product = (np.asarray(total) ** 2 - np.asarray(squares)) / (tasks * (tasks - 1))
    found: FloatArray = np.asarray(inside) / tasks / np.maximum(mean - product, 1e-12)
    return found


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
