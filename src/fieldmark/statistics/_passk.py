"""How often one of k trials passes, and how often all of them do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

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
    """Tasks with at least k trials, over which the means are."""


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


def pass_rate(passes: ArrayLike, trials: ArrayLike) -> FloatArray:
    """Share of trials passed per task, shape (T,); NaN where a task has none. Raises as `pass_all_k`."""
    return pass_all_k(passes, trials, 1)


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

    Raises:
        StatisticsError: as `pass_all_k` and `mean_interval`.
    """
    c, n = counts_of(passes, trials)
    curve = []
    for k in ks:
        enough = n >= k
        if not enough.any():
            continue
        at, every = pass_at_k(c[enough], n[enough], k), pass_all_k(c[enough], n[enough], k)
        curve.append(
            CurvePoint(
                k,
                mean_interval(at, confidence=confidence),
                mean_interval(every, confidence=confidence),
                int(enough.sum()),
            )
        )
    return curve
