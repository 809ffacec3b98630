"""Intervals that hold at every look: stop whenever you have seen enough.

A fixed-size interval is right at one size named before. Who looks after every task and stops when it is narrow, or
when it leaves out 0, is wrong far more often than it says. A confidence sequence is right at all sizes at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import checked_confidence
from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._intervals import Interval

GRID = 1000
"""Steps of the scale on which means are tried; bounds are rounded outward to it."""
BETS = 128
"""Ways to bet against each mean."""


class AnytimeMean:
    """The mean of numbers from `lowest` to `highest` that arrive one by one, with an interval valid at every moment.

    Against each mean m a gambler bets on the values; were m the mean, none could expect to win, and capital reaches
    1 / (1 - confidence) with probability 1 - confidence at most, ever (Ville). The interval is every m whose gambler
    never got there. Capital is spread evenly over the ways to bet of Cover's universal portfolio, with the arcsine
    prior: for two-valued numbers that is the beta-binomial mixture (Waudby-Smith and Ramdas, "Estimating means of
    bounded random variables by betting", JRSS B 86 (2024), 1-27; Orabona and Jun, arXiv 2110.14099).

    What may be added: one value per task with tasks in random order (then it is the mean over such tasks), results of
    trials drawn at random from all tasks, or one mean per round in which each of a fixed set of tasks is tried once
    (then it is the mean over exactly these tasks). The choice of what comes next must not look at results.
    """

    def __init__(self, confidence: float = 0.95, *, lowest: float = 0.0, highest: float = 1.0) -> None:
        self.confidence = checked_confidence(confidence)
        self._lowest, self._scale = lowest, highest - lowest
        if not self._scale > 0:
            raise StatisticsError(f"nothing lies between {lowest} and {highest}")
        self._n = 0
        self._sum = 0.0
        angles = (np.arange(BETS) + 0.5) / BETS * np.pi
        q = (1 - np.cos(angles)) / 2
        means = np.arange(1, GRID) / GRID
        # x in 0..1 multiplies the capital by x q / m + (1 - x) (1 - q) / (1 - m).
        self._high = q[None] / means[:, None]
        self._low = (1 - q)[None] / (1 - means)[:, None]
        self._capital = np.full((GRID - 1, BETS), 1 / BETS)
        self._logs = np.zeros(GRID - 1)
        """What was taken out of each row of the capital, so that it neither overflows nor vanishes."""
        self._first, self._last = 1, GRID - 1
        """Grid steps that still stand."""

    @property
    def n(self) -> int:
        """Values so far."""
        return self._n

    def add(self, value: float) -> None:
        """One more value.

        Raises:
            StatisticsError: it is no number between the ends.
        """
        x = (value - self._lowest) / self._scale
        if not -1e-9 <= x <= 1 + 1e-9:
            raise StatisticsError(
                f"{value} is no number from {self._lowest:g} to {self._lowest + self._scale:g}"
            )
        x = min(max(x, 0.0), 1.0)
        self._n += 1
        self._sum += x
        self._capital *= x * self._high + (1 - x) * self._low
        if self._n % 16 == 0:
            peak = self._capital.max(axis=1)
            self._capital /= peak[:, None]
            self._logs += np.log(peak)
        self._drop()

    def _drop(self) -> None:
        """Forget the means whose gambler got there; from the ends only, so that an interval stays."""
        capital = self._logs + np.log(self._capital.sum(axis=1))
        standing = np.flatnonzero(capital < -np.log1p(-self.confidence))
        if not standing.size or (standing[0] == 0 and standing[-1] == len(capital) - 1):
            return  # with none left (a chance of 1 - confidence at most) the last interval stays
        kept = slice(int(standing[0]), int(standing[-1]) + 1)
        self._last = self._first + kept.stop - 1
        self._first += kept.start
        for name in ("_high", "_low", "_capital", "_logs"):
            held: FloatArray = getattr(self, name)
            setattr(self, name, held[kept])

    def interval(self) -> Interval:
        """Mean so far (the middle of the scale before the first value) and bounds; they only ever come closer."""
        low, high = (self._first - 1) / GRID, (self._last + 1) / GRID
        mean = self._sum / self._n if self._n else 0.5
        mean = min(max(mean, low), high)
        return Interval(
            self._lowest + self._scale * mean,
            self._lowest + self._scale * low,
            self._lowest + self._scale * high,
        )

    @property
    def half_width(self) -> float:
        """Half the width of the interval, on the scale of the values."""
        return self._scale * (self._last - self._first + 2) / GRID / 2


class AnytimeDifference:
    """Mean of a less b over tasks that arrive in random order, with an interval valid at every moment."""

    def __init__(self, confidence: float = 0.95) -> None:
        self._mean = AnytimeMean(confidence, lowest=-1.0, highest=1.0)

    @property
    def n(self) -> int:
        """Tasks so far."""
        return self._mean.n

    def add(self, a: float, b: float) -> None:
        """One more task: the values of both, each from 0 to 1. Raises StatisticsError."""
        self._mean.add(a - b)

    def interval(self) -> Interval:
        """The difference so far and its bounds."""
        return self._mean.interval()

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return self._mean.half_width

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out 0: who is better is settled, and stays so."""
        found = self._mean.interval()
        return found.lower > 0 or found.upper < 0


def anytime_interval(
    values: Iterable[float], *, confidence: float = 0.95, lowest: float = 0.0, highest: float = 1.0
) -> Interval:
    """The interval of an `AnytimeMean` after these values, in their order. Raises StatisticsError."""
    sequence = AnytimeMean(confidence, lowest=lowest, highest=highest)
    for value in values:
        sequence.add(value)
    return sequence.interval()
