"""How often one of k trials passes, and how often all of them do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import mean_interval
from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._intervals import Interval


@dataclass(frozen=True)
class CurvePoint:
    """pass@k and pass^k at one k, means over tasks."""

    k: int
    at: Interval
    """pass@k: at least one of k trials passes."""
    all: Interval
    """pass^k: all of k trials pass."""
    tasks: int
    """Tasks with at least k trials of every wording, over which the means are."""


def counts_of(passes: ArrayLike, trials: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both as arrays of one shape.

    Raises:
        StatisticsError: the shapes differ, or not 0 <= passes <= trials everywhere.
    """
    c, n = np.asarray(passes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if c.shape != n.shape:
        raise StatisticsError(
            f"passes of shape {c.shape} and trials of shape {n.shape}", hint="one count of each per task"
        )
    if not ((c >= 0) & (c <= n)).all():
        raise StatisticsError("a task has more passes than trials, or fewer than none")
    return c, n


def cells_of(passes: ArrayLike, trials: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both of shape (T, V), V wordings of T tasks, from that shape or from (T,), one wording.

    Raises:
        StatisticsError: as `counts_of`; or another shape.
    """
    c, n = (by_task(each) for each in counts_of(passes, trials))
    if c.ndim != 2:
        raise StatisticsError(f"counts of shape {c.shape}", hint="one row per task, one column per wording")
    return c, n


def by_task(values: ArrayLike) -> FloatArray:
    """(T,) as (T, 1); anything else as it is."""
    given = np.asarray(values, dtype=np.float64)
    return given[:, None] if given.ndim == 1 else given


def over_wordings(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Mean over the wordings of each task where `known`: (T, V) to (T,); NaN where none is."""
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    mean: FloatArray = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean


def pass_all_k(passes: ArrayLike, trials: ArrayLike, k: int) -> FloatArray:
    """pass^k per task, shape (T,): C(c, k) / C(n, k), the share of k-subsets of its n trials that passed wholly.

    Unbiased for p^k where trials of a task are independent (Yao and others, tau-bench, arXiv 2406.12045); the plug-in
    (c / n)^k is too high by Jensen's inequality. NaN where a task has fewer than k trials.

    Raises:
        StatisticsError: the shapes differ, passes beyond trials, or k below 1.
    """
    c, n = counts_of(passes, trials)
    if k < 1:
        raise StatisticsError(f"no pass^{k}", hint="k is 1 or more")
    found = np.ones_like(c)
    for used in range(k):
        found *= np.maximum(c - used, 0) / np.where(n > used, n - used, 1)
    return np.where(n >= k, found, np.nan)


def pass_at_k(passes: ArrayLike, trials: ArrayLike, k: int) -> FloatArray:
    """pass@k per task, shape (T,): 1 - C(n - c, k) / C(n, k) (Chen and others, arXiv 2107.03374, equation 1).

    NaN where a task has fewer than k trials. Raises as `pass_all_k`.
    """
    c, n = counts_of(passes, trials)
    found: FloatArray = 1 - pass_all_k(n - c, n, k)
    return found


def pass_curve(
    passes: ArrayLike, trials: ArrayLike, ks: Iterable[int], *, confidence: float = 0.95
) -> list[CurvePoint]:
    """pass@k and pass^k with intervals over tasks, in the order of `ks`; a k that no task has trials for is left out.

    Counts have the shape (T,) or, with V wordings of each task, (T, V), 0 trials where a wording is missing. k trials
    are of one wording, a task has the mean over its wordings, and it takes part where each of them has k trials.

    Raises:
        StatisticsError: another shape, passes beyond trials, k below 1, or a confidence not between 0 and 1.
    """
    c, n = cells_of(passes, trials)
    tried = n > 0

    def mean(share: Callable[[FloatArray, FloatArray, int], FloatArray], k: int) -> Interval:
        values = over_wordings(share(c[enough], n[enough], k), tried[enough])
        return mean_interval(values, confidence=confidence)

    curve = []
    for k in ks:
        enough = tried.any(axis=1) & ((n >= k) | ~tried).all(axis=1)
        if enough.any():
            every = mean(pass_all_k, k)
            at = mean(pass_at_k, k) if k > 1 else every  # one of one trial is all of it
            curve.append(CurvePoint(k, at, every, int(enough.sum())))
    return curve
