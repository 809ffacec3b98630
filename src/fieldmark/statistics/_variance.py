"""Where the noise of a score comes from: tasks that differ, or trials of one task that come out differently."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._passk import counts_of


@dataclass(frozen=True)
class VarianceSplit:
    """Standard deviations, on the scale of 0 to 1; None where every task has one trial, which cannot tell."""

    between: float | None
    """Of the pass probability (or of its difference) between tasks."""
    within: float | None
    """Of one trial within a task."""


def variance_split(passes: ArrayLike, trials: ArrayLike) -> VarianceSplit:
    """How much of the variance is between tasks and how much within them; both arguments of shape (T,).

    Method of moments: c (n - c) / (n (n - 1)) is unbiased for a task's p (1 - p); what the variance of the rates
    exceeds the share of it that n trials leave is between tasks, at least 0.

    Raises:
        StatisticsError: the shapes differ, or not 0 <= passes <= trials everywhere.
    """
    rate, left, within = _moments(passes, trials)
    if within is None:
        return VarianceSplit(None, None)
    return VarianceSplit(_between(rate, left), math.sqrt(within))


def difference_split(
    passes_a: ArrayLike, trials_a: ArrayLike, passes_b: ArrayLike, trials_b: ArrayLike
) -> VarianceSplit:
    """The same for a less b on the same tasks: `between` of the true difference, `within` of one trial of either.

    These are what `power_of_pairs` and its like ask for. Raises as `variance_split`.
    """
    rate_a, left_a, within_a = _moments(passes_a, trials_a)
    rate_b, left_b, within_b = _moments(passes_b, trials_b)
    if within_a is None or within_b is None:
        return VarianceSplit(None, None)
    between = _between(rate_a - rate_b, left_a + left_b)
    return VarianceSplit(between, math.sqrt((within_a + within_b) / 2))


def _moments(passes: ArrayLike, trials: ArrayLike) -> tuple[FloatArray, float, float | None]:
    """Rates of tasks with trials, the mean variance that a finite number of trials leaves in them, and within.

    The last is None (and the one before of no use) when no task has two trials.
    """
    c, n = counts_of(passes, trials)
    rate = np.divide(c, n, out=np.full_like(c, np.nan), where=n > 0)
    repeated = n > 1
    if not repeated.any():
        return rate, math.nan, None
    single = c[repeated] * (n[repeated] - c[repeated]) / (n[repeated] * (n[repeated] - 1))
    within = float(single.mean())
    # A task with one trial has the mean of the others.
    return rate, within * float(np.mean(1 / n[n > 0])), within


def _between(rate: FloatArray, left: float) -> float | None:
    known = rate[np.isfinite(rate)]
    if known.size < 2:
        return None
    return math.sqrt(max(float(known.var(ddof=1)) - left, 0.0))
