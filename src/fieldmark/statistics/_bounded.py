"""The mean of numbers that lie between two known ends, from few of them.

A t interval supposes that the mean is near normal. Twenty tasks, most of them passed every time, are far from that,
and when all values are equal it has no width at all. The interval here needs only the ends: it holds for two-valued
numbers (where it is the interval of Clopper and Pearson) and adapts to the spread of the others.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fieldmark.errors import StatisticsError
from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._intervals import Interval

# Trapezoidal rule on a hyperbola through the saddle; nothing singular within about pi/2 of the real parameter.
_STEP = 0.2
_SINH, _COSH = np.sinh(np.arange(0.0, 18.0, _STEP)), np.cosh(np.arange(0.0, 18.0, _STEP))


def mean_interval(
    values: ArrayLike, *, confidence: float = 0.95, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """The mean of independent values, shape (T,), each between `lowest` and `highest`, with its interval.

    Each bound is the quantile of the mean of the values and one value more, the end itself, under weights drawn
    uniformly from those that sum to 1 (Gaffke, "Three test statistics for a nonparametric one-sided hypothesis on the
    mean of a nonnegative variable", Mathematical Methods of Statistics 14 (2005), 451-467; Learned-Miller and Thomas,
    arXiv 1905.06208). That it covers is proved for two-valued numbers and conjectured for all; no counterexample is
    known. For equal values it is as wide as it must be: T passes in T tasks leave about 3.7 / T at 95%.

    Raises:
        StatisticsError: no values, one that is no number or beyond the ends, or a confidence not between 0 and 1.
    """
    given = np.asarray(values, dtype=np.float64).ravel()
    tail = (1 - checked_confidence(confidence)) / 2
    if not given.size:
        raise StatisticsError("no values, no mean", hint="give at least one task")
    if not (np.isfinite(given).all() and given.min() >= lowest - 1e-9 and given.max() <= highest + 1e-9):
        raise StatisticsError(
            f"a value is no number from {lowest:g} to {highest:g}", hint="leave out tasks without a verdict"
        )
    scale = highest - lowest
    # Rounded, so that equal shares of different counts meet: fewer distinct values, the same mean.
    found, repeated = np.unique(np.round(np.clip((given - lowest) / scale, 0, 1), 12), return_counts=True)
    shares, counts = found.astype(np.float64), repeated.astype(np.float64)
    mean = float(shares @ counts) / given.size
    upper = _upper(shares, counts, mean, tail)
    lower = 1 - _upper(1 - shares[::-1], counts[::-1], 1 - mean, tail)
    return Interval(
        lowest + scale * mean, lowest + scale * min(lower, mean), lowest + scale * max(upper, mean)
    )


def chance_above(values: FloatArray, counts: FloatArray, point: float, end: float) -> float:
    """Probability that the mean of values, each taken so often, and of `end`, which none exceeds, lies above a point
    under random weights.

    The upper bound of `mean_interval` is the point where this is half of what the confidence leaves.
    """
    slopes = np.append(values, end) - point
    if slopes[-1] <= 0:
        return 0.0
    return 1.0 if slopes.min() >= 0 else _positive(slopes, np.append(counts, 1.0))[0]


def checked_confidence(confidence: float) -> float:
    """The confidence itself.

    Raises:
        StatisticsError: it is not strictly between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise StatisticsError(
            f"{confidence} is no confidence", hint="a confidence lies between 0 and 1, as 0.95"
        )
    return confidence


def _upper(values: FloatArray, counts: FloatArray, mean: float, tail: float) -> float:
    """The m with P(weighted mean > m) = `tail`; values distinct, ascending, within 0 to 1."""
    if values[0] >= 1:
        return 1.0
    if values[-1] <= 0:  # closed form
        return float(1 - tail ** (1 / float(counts.sum())))
    points, weights = np.append(values, 1.0), np.append(counts, 1.0)
    n = float(counts.sum())
    spread = math.sqrt(float(counts @ (values - mean) ** 2)) / n
    low, high = float(values[0]), 1.0
    m = mean + (1 - mean) * min(0.5, (2 * spread + 2 / n) / (1 - mean))
    for _ in range(100):  # Newton on the logarithm, kept within what is known to hold the root
        chance, slope = _positive(points - m, weights)
        excess = math.log(max(chance, 1e-300) / tail)
        low, high = (m, high) if excess > 0 else (low, m)
        guess = m - excess * chance / slope if slope < 0 else math.inf
        if not low < guess < high:
            guess = (low + high) / 2
        if abs(guess - m) <= 1e-11:
            return guess
        m = guess
    return high


def _positive(slopes: FloatArray, counts: FloatArray) -> tuple[float, float]:
    """P(sum of slopes times independent gamma(counts) variables > 0), and how it grows when all slopes fall by one.

    At least one slope is below 0 and one above; the last is the largest.

    Uniform weights on a simplex are exponentials divided by their sum, which does not change the sign. The
    probability is the integral of exp(K(s)) / s over a path right of 0, K the cumulant generating function (as Imhof,
    Biometrika 48 (1961), 419-426, but through the saddle and bent as the steepest descent is there, so that nothing
    oscillates).
    """
    at, width, bend = _saddle(slopes, counts)
    s = at + width * (bend * (_COSH - 1) + 1j * _SINH)
    way = width * (bend * _SINH + 1j * _COSH) * _STEP
    way[0] /= 2
    factors = 1 - np.outer(s, slopes)
    # Products and sums, no matrix product: BLAS would wake threads for it, which costs more than it saves.
    integrand = np.exp(-_log_product(factors, counts)) * way
    chance = float((integrand / s).sum().imag) / math.pi
    return chance, -float((integrand * (counts / factors).sum(axis=1)).sum().imag) / math.pi


def _log_product(factors: NDArray[np.complex128], counts: FloatArray) -> NDArray[np.complex128]:
    """Logarithm of the product of the powers of each row's factors, but for whole turns.

    Factors that stand alone are multiplied eight at a time before: most of the time here goes into logarithms.
    """
    alone = counts == 1
    several = (np.log(factors[:, ~alone]) * counts[~alone]).sum(axis=1)
    singles = np.pad(factors[:, alone], ((0, 0), (0, -int(alone.sum()) % 8)), constant_values=1)
    eights = singles.reshape(len(factors), 8, -1).prod(axis=1)
    found: NDArray[np.complex128] = several + np.log(eights).sum(axis=1)
    return found


def _saddle(slopes: FloatArray, counts: FloatArray) -> tuple[float, float, float]:
    """Where K(s) - log(s) is least between 0 and the first branch point, how wide the valley is, how it bends.

    The function is self-concordant: damped Newton steps converge from anywhere within, the bend is at most 2/3.
    """
    at = min(0.5 / float(slopes[-1]), 1 / math.sqrt(float(counts @ slopes**2)))
    for _ in range(200):
        parts = slopes / (1 - at * slopes)
        slope = float(counts @ parts) - 1 / at
        width = 1 / math.sqrt(float(counts @ parts**2) + 1 / at**2)
        step = slope * width
        if abs(step) < 0.05:  # near enough: any place is right, this one is quick
            break
        at -= step * width / (1 + abs(step))
    third = 2 * float(counts @ parts**3) - 2 / at**3
    return at, width, third * width**3 / 3
