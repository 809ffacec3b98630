"""Intervals of one number, and how many votes a difference still needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from fieldmark.errors import StatisticsError


@dataclass(frozen=True)
class Interval:
    """A value between two bounds."""

    value: float
    lower: float
    upper: float


def normal_critical(confidence: float) -> float:
    """The z with P(|Z| <= z) = `confidence` for a standard normal Z.

    Raises:
        StatisticsError: `confidence` is not strictly between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise StatisticsError(
            f"{confidence} is no confidence", hint="a confidence lies between 0 and 1, as 0.95"
        )
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def clopper_pearson(successes: float, n: float, confidence: float = 0.95) -> Interval:
    """The share `successes / n` with its exact interval (Clopper and Pearson, 1934), which covers for every
    n.

    Raises:
        StatisticsError: not 0 <= successes <= n, or n is 0, or the confidence is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise StatisticsError(
            f"{confidence} is no confidence", hint="a confidence lies between 0 and 1, as 0.95"
        )
    if not (n > 0 and 0 <= successes <= n):
        raise StatisticsError(
            f"no share of {successes} in {n}", hint="n is 1 or more and holds the successes"
        )
    tail = (1 - confidence) / 2
    if successes == 0:
        return Interval(0.0, 0.0, 1 - tail ** (1 / n))
    if successes == n:
        return Interval(1.0, tail ** (1 / n), 1.0)
    from scipy.special import betaincinv

    lower = float(betaincinv(successes, n - successes + 1, tail))
    upper = float(betaincinv(successes + 1, n - successes, 1 - tail))
    return Interval(successes / n, lower, upper)


def wilson(successes: float, n: float, confidence: float = 0.95) -> Interval:
    """The share `successes / n` with Wilson's score interval (Wilson, 1927), without continuity correction.

    Raises:
        StatisticsError: not 0 <= successes <= n, or n is 0, or the confidence is not between 0 and 1.
    """
    z = normal_critical(confidence)
    if not (n > 0 and 0 <= successes <= n):
        raise StatisticsError(
            f"no share of {successes} in {n}", hint="n is 1 or more and holds the successes"
        )
    share, square = successes / n, z * z
    middle = (successes + square / 2) / (n + square)
    half = z / (n + square) * math.sqrt(n * share * (1 - share) + square / 4)
    # At the ends the bound is the share itself, which rounding must not pass.
    lower = 0.0 if successes == 0 else middle - half
    upper = 1.0 if successes == n else middle + half
    return Interval(share, lower, upper)


def newcombe(
    successes_a: float, n_a: float, successes_b: float, n_b: float, confidence: float = 0.95
) -> Interval:
    """The difference of two independent shares, a less b, with the hybrid score interval: method 10 of Newcombe,
    "Interval estimation for the difference between independent proportions", Statistics in Medicine 17 (1998),
    873-890.

    It takes the distance of each share to the bound of its Wilson interval for the share's error on that side, so
    that it stays within -1 to 1 and is sound for small counts, where the normal interval is not.

    Raises:
        StatisticsError: a group is empty or does not hold its successes, or the confidence is not between 0 and 1.
    """
    a, b = wilson(successes_a, n_a, confidence), wilson(successes_b, n_b, confidence)
    difference = a.value - b.value
    below = math.hypot(a.value - a.lower, b.upper - b.value)
    above = math.hypot(a.upper - a.value, b.value - b.lower)
    return Interval(difference, difference - below, difference + above)


def votes_to_decide(difference: float, se: float, votes: float, critical: float) -> int | None:
    """About how many more votes until `critical` standard errors are less than `difference`.

    It supposes that the difference is what it seems and that further votes fall as the `votes` (on the whole
    board) behind `se` did, so that the error shrinks with the square root of their number. 0: decided
    already. None: no number of votes is known to be enough (no difference, or no error to go by).
    """
    if not (math.isfinite(difference) and math.isfinite(se)) or difference == 0:
        return None
    needed = votes * (critical * se / difference) ** 2
    return max(0, math.floor(needed - votes) + 1) if math.isfinite(needed) else None
