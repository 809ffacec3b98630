"""Does the wording of a task change what comes of it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import mean_interval
from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._intervals import Interval
from fieldmark.statistics._passk import counts_of


@dataclass(frozen=True)
class Consistency:
    """Agreement of verdicts across the wordings of a task."""

    agreement: FloatArray
    """Per task, shape (T,): probability that a trial of one wording and one of another end alike. NaN where fewer
    than two wordings have trials."""
    interval: Interval
    """Mean over the tasks that have one, with its interval."""
    tasks: int
    """How many these are."""


def consistency(passes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95) -> Consistency:
    """Agreement across V wordings of T tasks; both arguments of shape (T, V), 0 trials where a wording is missing.

    For wordings u and v of a task trials are independent, so p_u p_v + (1 - p_u) (1 - p_v), with the shares passed,
    is unbiased for the probability that the two end alike; a task's agreement is the mean over its pairs of wordings.
    A contender that is never sure of a task scores low here even if no wording matters to it: it is not predictable.

    Raises:
        StatisticsError: other shapes, passes beyond trials, or no task with two wordings tried.
    """
    c, n = counts_of(passes, trials)
    if c.ndim != 2:
        raise StatisticsError(f"counts of shape {c.shape}", hint="one row per task, one column per wording")
    tried = n > 0
    rate = np.divide(c, n, out=np.zeros_like(c), where=tried)
    wordings = tried.sum(axis=1)

    def pairs(p: FloatArray) -> FloatArray:
        found: FloatArray = (p.sum(axis=1) ** 2 - (p**2).sum(axis=1)) / 2
        return found

    alike = pairs(rate) + pairs(np.where(tried, 1 - rate, 0))
    count = wordings * (wordings - 1) / 2
    agreement = np.divide(alike, count, out=np.full(len(c), np.nan), where=count > 0)
    known = agreement[np.isfinite(agreement)]
    if not known.size:
        raise StatisticsError("no task was tried in two wordings", hint="run with variants")
    found = mean_interval(np.clip(known, 0, 1), confidence=confidence)
    return Consistency(agreement, found, int(known.size))
