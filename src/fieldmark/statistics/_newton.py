"""Maximum likelihood of strengths inside one component, by Newton's method on the K x K (or K + 1) system.

Both models are one exponential family. With d = θ_first - θ_second, a vote is

    first wins: e^(d/2) / Z,   second wins: e^(-d/2) / Z,   tie: ν / Z,   Z = e^(d/2) + e^(-d/2) + ν

so its sufficient statistics are s = 1/2, -1/2 or 0 (for d) and t = 1 for a tie (for log ν). This is Davidson
(1970). Bradley-Terry with a tie as half a win each way is the same likelihood with ν = 0 and s = 0 for a tie.
The log-likelihood is concave, so step-halving Newton from a cold start reaches the only maximum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fieldmark.errors import StatisticsError
from fieldmark.statistics._counts import FloatArray, PairCounts, sums_by

_ROUNDS = 200
_DECREMENT = 1e-12  # squared distance to the maximum in standard errors; the last step squares it once more
_STRIDE = 5.0  # no difference, nor log ν, moves farther at once: a longer step may land where all is flat


@dataclass(frozen=True, eq=False)
class Expected:
    """What the model expects of one vote on each pair: arrays of shape [P]."""

    s: FloatArray
    t: FloatArray
    log_z: FloatArray
    var_s: FloatArray


@dataclass(frozen=True, eq=False)
class Fit:
    """The maximum: `theta` [K] sums to zero, in natural log units; `nu` is 0 where ties are half wins."""

    theta: FloatArray
    nu: float
    ties_free: bool
    expected: Expected


def expect(theta: FloatArray, nu: float, counts: PairCounts) -> Expected:
    """Moments of (s, t) on each pair; safe for any difference, since every power is at most 1."""
    d = theta[counts.first] - theta[counts.second]
    weak = np.exp(-np.abs(d))
    tie = nu * np.sqrt(weak)
    z = 1 + weak + tie
    s = np.sign(d) * (1 - weak) / (2 * z)
    t = tie / z
    var_s = weak / z**2 + t * (1 + weak) / (
        4 * z
    )  # p_first p_second + p_tie (1 - p_tie) / 4: no cancellation
    return Expected(s, t, np.abs(d) / 2 + np.log(z), var_s)


def fit(counts: PairCounts, *, ties_as_outcome: bool) -> Fit:
    """Fit one component in which the maximum exists.

    Raises:
        StatisticsError: no maximum was found, which means that none exists.
    """
    ties_free = ties_as_outcome and bool(counts.ties.any())
    votes, ties = float(_votes(counts).sum()), float(counts.ties.sum())
    point = np.zeros(counts.size + ties_free)
    if ties_free:
        point[-1] = math.log(2 * ties / (votes - ties))
    value, expected = _evaluate(point, counts, ties_free)
    for _ in range(_ROUNDS):
        gradient = _gradient(expected, counts, ties_free)
        step = _solve(information(expected, counts, ties_free=ties_free), gradient, counts.size)
        decrement = float(gradient @ step)
        step = step * min(1.0, _STRIDE / max(_longest(step, counts), _STRIDE))
        for _ in range(60):
            ahead, at = _evaluate(point + step, counts, ties_free)
            if ahead >= value - 1e-13 * (abs(value) + votes):  # the sum over votes is not rounded finer
                break
            step = step / 2
        point, value, expected = point + step, ahead, at
        if abs(decrement) < _DECREMENT:
            theta = point[: counts.size]
            return Fit(theta - theta.mean(), math.exp(point[-1]) if ties_free else 0.0, ties_free, expected)
    raise StatisticsError("the fit found no maximum", hint="rate strongly connected contenders only")


def information(expected: Expected, counts: PairCounts, *, ties_free: bool) -> FloatArray:
    """Minus the second derivative of the log-likelihood, shape [K, K], or [K + 1, K + 1] with log ν last."""
    votes = _votes(counts)
    cross = -votes * expected.s * expected.t
    return assemble(
        counts, votes * expected.var_s, cross, votes * expected.t * (1 - expected.t), ties_free=ties_free
    )


def assemble(
    counts: PairCounts, ss: FloatArray, st: FloatArray, tt: FloatArray, *, ties_free: bool
) -> FloatArray:
    """Sum over pairs of [ss st; st tt] in (d, log ν), carried to (θ, log ν) by d = θ_first - θ_second."""
    k = counts.size
    matrix = np.zeros((k + ties_free, k + ties_free))
    matrix[counts.first, counts.second] = matrix[counts.second, counts.first] = -ss
    matrix[np.arange(k), np.arange(k)] = _by_contender(counts, ss, ss)
    if ties_free:
        matrix[:k, k] = matrix[k, :k] = _by_contender(counts, st, -st)
        matrix[k, k] = tt.sum()
    return matrix


def inverse(matrix: FloatArray, k: int) -> FloatArray:
    """Inverse of an information on the space where θ sums to zero (its pseudo-inverse in θ)."""
    anchor = _anchor(matrix, k)
    matrix = matrix.copy()
    matrix[:k, :k] += anchor
    result = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    result[:k, :k] -= 1 / (anchor * k * k)
    return result


def _anchor(matrix: FloatArray, k: int) -> float:
    return float(np.trace(matrix[:k, :k])) / (k * k)


def _solve(matrix: FloatArray, gradient: FloatArray, k: int) -> FloatArray:
    matrix[:k, :k] += _anchor(matrix, k)
    try:
        return np.asarray(np.linalg.solve(matrix, gradient), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise StatisticsError("strengths are too far apart to be computed") from None


def _longest(step: FloatArray, counts: PairCounts) -> float:
    moves = np.append(step[counts.first] - step[counts.second], step[counts.size :])
    return float(np.abs(moves).max(initial=0.0))


def _evaluate(point: FloatArray, counts: PairCounts, ties_free: bool) -> tuple[float, Expected]:
    theta = point[: counts.size]
    expected = expect(theta, math.exp(point[-1]) if ties_free else 0.0, counts)
    d = theta[counts.first] - theta[counts.second]
    value = float(((counts.wins_first - counts.wins_second) * d / 2 - _votes(counts) * expected.log_z).sum())
    return value + (float(counts.ties.sum() * point[-1]) if ties_free else 0.0), expected


def _gradient(expected: Expected, counts: PairCounts, ties_free: bool) -> FloatArray:
    votes = _votes(counts)
    by_d = (counts.wins_first - counts.wins_second) / 2 - votes * expected.s
    gradient = _by_contender(counts, by_d, -by_d)
    return np.append(gradient, (counts.ties - votes * expected.t).sum()) if ties_free else gradient


def _votes(counts: PairCounts) -> FloatArray:
    return counts.wins_first + counts.wins_second + counts.ties


def _by_contender(counts: PairCounts, as_first: FloatArray, as_second: FloatArray) -> FloatArray:
    return sums_by(counts.first, as_first, counts.size) + sums_by(counts.second, as_second, counts.size)
