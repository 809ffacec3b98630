"""Where everybody stands: counts per pair and the ratings computed from them, asked by digest."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fieldmark.arena.views import Interval
from fieldmark.statistics import Difference, PairCounts, Ratings, clopper_pearson


class PairLine(NamedTuple):
    """Counts seen from one side."""

    wins: int = 0
    losses: int = 0
    ties: int = 0
    both_bad: int = 0

    @property
    def votes(self) -> int:
        """All of them."""
        return sum(self)

    def win_share(self, confidence: float) -> Interval | None:
        """Wins among decided votes, exact (Clopper-Pearson); None without one."""
        decided = self.wins + self.losses
        if not decided:
            return None
        share = clopper_pearson(self.wins, decided, confidence)
        return Interval(value=share.value, lower=share.lower, upper=share.upper)


NOTHING = PairLine()


class Rating(NamedTuple):
    """A contender's rating, Elo scale, rounded to 0.01 so that it prints the same everywhere."""

    value: float
    se: float
    lower: float
    upper: float
    rank_best: int
    rank_worst: int


@dataclass(frozen=True, eq=False)
class Standing:
    """Counts and the ratings computed from them."""

    counts: PairCounts
    ratings: Ratings
    _met: dict[int, dict[int, PairLine]] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each digest in the arrays."""
        return {digest: i for i, digest in enumerate(self.counts.names)}

    def rating(self, digest: str) -> Rating | None:
        """None where none exists."""
        i = self.index.get(digest)
        return None if i is None else self._ratings[i]

    def peers(self, digest: str) -> int:
        """How many are rated in its component, itself included: those its rank is among."""
        i = self.index.get(digest)
        if i is None or self._ratings[i] is None:
            return 0
        return len(self.ratings.components[int(self.ratings.component[i])].members)

    def component(self, digest: str) -> int:
        """Number of its component; -1 without a vote."""
        i = self.index.get(digest)
        return -1 if i is None else int(self.ratings.component[i])

    def total(self, digest: str) -> PairLine:
        """All its counted votes."""
        i = self.index.get(digest)
        return NOTHING if i is None else self._totals[i]

    def between(self, a: str, b: str) -> PairLine:
        """Votes between two, seen from a."""
        i, j = self.index.get(a), self.index.get(b)
        return NOTHING if i is None or j is None else self._lines(i).get(j, NOTHING)

    def difference(self, a: str, b: str) -> Difference | None:
        """Rating of a less that of b with its simultaneous interval; None where they cannot be compared."""
        if self.rating(a) is None or self.rating(b) is None or self.component(a) != self.component(b):
            return None
        return self.ratings.difference(self.index[a], self.index[b], simultaneous=True)

    def undecided(self, a: str, b: str) -> bool:
        """Whether the votes have not decided the order of two."""
        difference = self.difference(a, b)
        return difference is None or not difference.decided

    @cached_property
    def _ratings(self) -> list[Rating | None]:
        r = self.ratings
        numbers = (
            np.asarray(x).tolist() for x in (r.rating, r.se, r.lower, r.upper, r.rank_best, r.rank_worst)
        )
        return [
            None
            if math.isnan(value)
            else Rating(round(value, 2), round(se, 2), round(lower, 2), round(upper, 2), best, worst)
            for value, se, lower, upper, best, worst in zip(*numbers, strict=True)
        ]

    @cached_property
    def _totals(self) -> list[PairLine]:
        columns = (np.rint(column).astype(int).tolist() for column in self.counts.tally())
        return [PairLine(*line) for line in zip(*columns, strict=True)]

    def _lines(self, i: int) -> dict[int, PairLine]:
        """Votes of contender i with each it met, seen from i."""
        if i not in self._met:
            c = self.counts
            met = np.flatnonzero((c.first == i) | (c.second == i))
            first = c.first[met] == i
            wins, losses = c.wins_first[met], c.wins_second[met]
            columns = (
                np.where(first, c.second[met], c.first[met]),
                np.where(first, wins, losses),
                np.where(first, losses, wins),
                c.ties[met],
                c.both_bad[met],
            )
            rows = zip(*(column.astype(int).tolist() for column in columns), strict=True)
            self._met[i] = {j: PairLine(*line) for j, *line in rows}
        return self._met[i]
