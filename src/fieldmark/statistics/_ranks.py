"""Which ranks each contender may hold, from simultaneous intervals of all pairwise differences."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from fieldmark.errors import StatisticsError
from fieldmark.statistics._counts import FloatArray, IntArray
from fieldmark.statistics._intervals import normal_critical

_STEP = 0.05
_NODES = np.arange(-9, 9 + _STEP / 2, _STEP)
_DENSITY = np.exp(-(_NODES**2) / 2) * (_STEP / math.sqrt(2 * math.pi))


def _cdf(z: FloatArray) -> FloatArray:
    root = math.sqrt(2)
    return np.array([math.erfc(-value / root) / 2 for value in z.tolist()])


_CDF = _cdf(_NODES)


def range_probability(q: float, k: int) -> float:
    """P(largest - smallest of `k` independent standard normals <= `q`).

    k ∫ φ(z) [Φ(z) - Φ(z - q)]^(k-1) dz (Tukey, 1953), by the trapezoid rule, which converges geometrically
    here.
    """
    return float(k * (_DENSITY * (_CDF - _cdf(_NODES - q)) ** (k - 1)).sum())


@lru_cache(maxsize=512)
def tukey_critical(k: int, confidence: float) -> float:
    """How many standard errors wide the Tukey-Kramer interval of each difference among `k` means is to each
    side.

    The studentized range quantile with infinite degrees of freedom, divided by √2; for k = 2 the normal one.

    Raises:
        StatisticsError: `k` is less than 2, or the confidence is not between 0 and 1.
    """
    if k < 2:
        raise StatisticsError("one contender has no differences", hint="give two or more")
    low = normal_critical(confidence)
    high = NormalDist().inv_cdf(1 - (1 - confidence) / (k * (k - 1)))  # Bonferroni is never narrower
    while high - low > 1e-10:
        middle = (low + high) / 2
        if range_probability(middle * math.sqrt(2), k) < confidence:
            low = middle
        else:
            high = middle
    return high


def rank_sets(rating: FloatArray, covariance: FloatArray, confidence: float) -> tuple[IntArray, IntArray]:
    """The best and the worst rank that each of K contenders may hold, two arrays of shape [K].

    With probability `confidence` all true ranks lie in these sets at once: a rank is only excluded by a
    difference that is decided by Tukey-Kramer intervals, which hold for all pairs together. Hayter (1984) proves
    them conservative for independent estimates; for correlated ones, as here, the tests show it by simulation.
    """
    variance = np.diag(covariance)
    se = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0))
    margin = tukey_critical(len(rating), confidence) * se
    ahead = rating[None, :] - rating[:, None]
    best = 1 + (ahead - margin > 0).sum(axis=1)
    worst = len(rating) - (ahead + margin < 0).sum(axis=1)
    return best.astype(np.int64), worst.astype(np.int64)
