"""Where the noise of a score comes from: tasks that differ, or trials of one task that come out differently."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._passk import cells_of, over_wordings


@dataclass(frozen=True)
class VarianceSplit:
    """Standard deviations, on the scale of 0 to 1; None where every task has one trial, which cannot tell."""

    between: float | None
    """Of the pass probability (or of its difference) between tasks."""
    within: float | None
    """Of one trial within a task and wording."""


def variance_split(passes: ArrayLike, trials: ArrayLike) -> VarianceSplit:
    """How much of the variance is between tasks and how much within them; both arguments of shape (T,) or, with V
    wordings of each task, (T, V), 0 trials where a wording is missing.

    Method of moments: c (n - c) / (n (n - 1)) is unbiased for the p (1 - p) of a wording, and `within` is from its mean
    over wordings, then over tasks. A task's rate is the mean over its wordings; what the variance of the rates exceeds
    the share of `within` that the trials leave in them is between tasks, at least 0. How wordings of a task differ
    is in neither.

    Raises:
        StatisticsError: another shape, the shapes differ, or not 0 <= passes <= trials everywhere.
    """
    rate, left, within = _moments(passes, trials)
    if within is None:
        return VarianceSplit(None, None)
    return VarianceSplit(_between(rate, left), math.sqrt(within))


def difference_split(
    passes_a: ArrayLike, trials_a: ArrayLike, passes_b: ArrayLike, trials_b: ArrayLike
) -> VarianceSplit:
    """The same for a less b on the same tasks: `between` of the true difference, `within` of one trial of either.

    These are what `detectable_difference` and `tasks_needed` ask for. Raises as `variance_split`.
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
    c, n = cells_of(passes, trials)
    tried, repeated = n > 0, n > 1
    rate = over_wordings(c / np.where(tried, n, 1), tried)
    if not repeated.any():
        return rate, math.nan, None
    pairs = np.where(repeated, n * (n - 1), 1)
    within = float(np.nanmean(over_wordings(c * (n - c) / pairs, repeated)))
    # A wording with one trial has the mean of the others.
    left = over_wordings(1 / np.where(tried, n, 1), tried) / np.maximum(tried.sum(axis=1), 1)
    return rate, within * float(np.nanmean(left)), within


def _between(rate: FloatArray, left: float) -> float | None:
    known = rate[np.isfinite(rate)]
    if known.size < 2:
        return None
    return math.sqrt(max(float(known.var(ddof=1)) - left, 0.0))
