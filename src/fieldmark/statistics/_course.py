"""Trials of one task among themselves: how alike they are, and whether later ones are worse."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import chance_above, checked_confidence, mean_interval
from fieldmark.statistics._intervals import Interval
from fieldmark.statistics._passk import by_task, cells_of, over_wordings


def intraclass_correlation(
    passes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95
) -> Interval | None:
    """Correlation of two trials of the same task and wording, with its interval; counts of shape (T,) or, with V
    wordings of each task, (T, V), 0 trials where a wording is missing.

    0: trials of a task are as independent as those of different tasks. 1: a task passes always or never. It is
    1 - E[p (1 - p)] / (P (1 - P)), p the pass probability of a wording of a task and P its mean. The interval is every
    share whose task-wise excess over E[p (1 - p)] has a mean that may be 0 (Fieller's way to the interval of a ratio),
    by `mean_interval`. None where it cannot be known: fewer than three tasks with two trials, or all trials alike.

    Raises:
        StatisticsError: the shapes differ, passes beyond trials, or a confidence not between 0 and 1.
    """
    checked_confidence(confidence)
    c, n = cells_of(passes, trials)
    repeated = (n > 1).any(axis=1)
    c, n = c[repeated], n[repeated]
    known = n > 1
    if len(c) < 3 or c[known].sum() in (0, n[known].sum()):
        return None
    size = np.where(known, n, 2)
    rate, single = over_wordings(c / size, known), over_wordings(c * (size - c) / (size * (size - 1)), known)
    mean = float(rate.mean())
    # What a task adds to P (1 - P), to first order in P.
    whole = rate * (1 - 2 * mean) + mean**2
    product = (float(rate.sum()) ** 2 - float(rate @ rate)) / (rate.size * (rate.size - 1))
    ends = sorted((mean**2, (1 - mean) ** 2))
    highest = float(((n // 2) * (n - n // 2) / (size * (size - 1)))[known].max())
    value = _share(1 - float(single.mean()) / (mean - product))

    tail = (1 - confidence) / 2
    alike, times = np.unique(np.round([single, whole], 12), axis=1, return_counts=True)
    single, whole, many = *alike, times.astype(np.float64)  # equal tasks together: quicker

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


@dataclass(frozen=True)
class Change:
    """What becomes of the pass rate from the first trial of a task to the last."""

    interval: Interval
    """Last less first, mean over tasks, with its interval; from -1 to 1."""
    trials: int
    """Number of the last trial: as many as at least half of the tasks have."""
    tasks: int
    """Tasks that have so many, over which the mean is."""


def change_over_trials(
    passes: ArrayLike, numbers: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95
) -> Change | None:
    """How much the pass probability changes from the first to the last trial of a task, mean over tasks.

    Of each course of trials, numbered from 1 without a gap: how many passed, the sum of the numbers of these, and how
    many trials there were. Shape (T,) or, with several courses of each task (wordings, runs), (T, V), 0 trials where
    there is none. A course's change is the least-squares slope of its results over their numbers, times the way from
    first to last: unbiased where the change is even. A task has the mean over its courses. It lies between known ends,
    so the interval over tasks is that of `mean_interval`. None where fewer than half of the tasks have two trials.

    Raises:
        StatisticsError: the shapes differ, passes beyond trials, sums of numbers that no trials have, or a confidence
            not between 0 and 1.
    """
    c, n = cells_of(passes, trials)
    found = by_task(numbers)
    least = c * (c + 1) / 2
    if found.shape != c.shape or not ((found >= least) & (found <= c * (n + 1) - least)).all():
        raise StatisticsError("no trials have such numbers", hint="the sum of those passed, 1 for the first")
    longest = np.sort(n.max(axis=1))
    last = int(longest[longest.size // 2]) if longest.size else 0
    if last < 2:
        return None
    known = n >= last
    size = np.where(known, n, last)
    slopes = 12 * (found - c * (size + 1) / 2) / (size * (size**2 - 1))
    changes = over_wordings((last - 1) * slopes, known)[known.any(axis=1)]
    end = 6 * (last**2 // 4) / (last * (last + 1))
    one = mean_interval(changes, confidence=confidence, lowest=-end, highest=end)
    value, lower, upper = (min(max(each, -1.0), 1.0) for each in (one.value, one.lower, one.upper))
    return Change(Interval(value, lower, upper), last, changes.size)
