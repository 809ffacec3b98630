"""Ratings: what the votes say of each contender, and of any two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fieldmark.errors import StatisticsError
from fieldmark.statistics._counts import FloatArray, IntArray
from fieldmark.statistics._existence import Unrated
from fieldmark.statistics._intervals import normal_critical
from fieldmark.statistics._ranks import tukey_critical

Model = Literal["davidson", "bradley-terry"]
"""Davidson: a tie is an outcome of its own. Bradley-Terry: a tie is half a win each way."""

IntervalKind = Literal["sandwich", "clustered"]

ELO = 400 / math.log(10)
"""Elo points per unit of log strength."""
MEAN = 1000.0
"""The mean rating of every component."""


@dataclass(frozen=True)
class Difference:
    """The rating of one contender less that of another, with its interval of `critical` standard errors each
    way."""

    value: float
    se: float
    lower: float
    upper: float
    critical: float

    @property
    def decided(self) -> bool:
        """Whether the interval excludes 0."""
        return self.lower > 0 or self.upper < 0


@dataclass(frozen=True)
class Component:
    """Contenders that can be compared with one another, and with nobody else."""

    members: tuple[int, ...]
    unrated: Unrated | None
    """Why they have no rating; None if they have one."""
    tie_parameter: float | None
    """Davidson's ν: two equal contenders tie with probability ν / (2 + ν). None where ties are no outcome."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings of K contenders on the Elo scale; the mean of every rated component is 1000.

    Arrays are of shape [K]; where no rating exists they hold NaN, and 0 in `rank_best` and `rank_worst`.
    Ranks count inside a component. `battles` counts all votes, `both_bad` included. `covariance` [K, K] in
    squared Elo points sums to zero in each component and is NaN between components. An error can be NaN where
    a rating exists: with clusters, when fewer than two of them voted in a component.
    """

    model: Model
    confidence: float
    interval: IntervalKind
    names: tuple[str, ...]
    rating: FloatArray
    se: FloatArray
    lower: FloatArray
    upper: FloatArray
    rank_best: IntArray
    rank_worst: IntArray
    battles: IntArray
    component: IntArray
    components: tuple[Component, ...]
    covariance: FloatArray

    @property
    def tie_parameter(self) -> float | None:
        """Davidson's ν of the largest rated component."""
        return next((part.tie_parameter for part in self.components if part.unrated is None), None)

    def why_unrated(self, i: int) -> Unrated | None:
        """Why contender `i` has no rating; None if it has one."""
        return self.components[int(self.component[i])].unrated

    def difference(self, i: int, j: int, *, simultaneous: bool = False) -> Difference:
        """Rating of `i` less that of `j`, with an interval for this one pair or one that holds for all pairs
        at once.

        Raises:
            StatisticsError: `i` and `j` are one, or no difference exists because they share no rated
                component.
        """
        if i == j:
            raise StatisticsError("a contender has no difference from itself")
        part = self.components[int(self.component[i])]
        if part.unrated or self.component[i] != self.component[j]:
            raise StatisticsError(
                f"no rating difference exists between {self.names[i]} and {self.names[j]}",
                hint="both must be rated in one component: votes for either side on some path between them",
            )
        critical = (
            tukey_critical(len(part.members), self.confidence)
            if simultaneous
            else normal_critical(self.confidence)
        )
        value = float(self.rating[i] - self.rating[j])
        variance = self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j]
        se = float(np.sqrt(np.maximum(variance, 0)))
        return Difference(value, se, value - critical * se, value + critical * se, critical)
