"""What the votes say of two contenders, in one structured sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fieldmark.arena.views import Interval, Verdict
from fieldmark.statistics import PairCounts, Ratings, votes_to_decide


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


class Rating(NamedTuple):
    """A contender's rating, Elo scale, rounded to 0.01 so that it prints the same everywhere."""

    value: float
    se: float
    lower: float
    upper: float
    rank_best: int
    rank_worst: int


@dataclass(frozen=True)
class Standing:
    """Counts and the ratings computed from them."""

    counts: PairCounts
    ratings: Ratings
    labels: Mapping[str, str]
    _unknown: PairLine = field(default_factory=PairLine)

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each digest in the arrays."""
        return {digest: i for i, digest in enumerate(self.counts.names)}

    def rating(self, digest: str) -> Rating | None:
        """None where none exists."""
        i = self.index.get(digest)
        r = self.ratings
        if i is None or math.isnan(r.rating[i]):
            return None
        value, se, lower, upper = (round(float(x[i]), 2) for x in (r.rating, r.se, r.lower, r.upper))
        return Rating(value, se, lower, upper, int(r.rank_best[i]), int(r.rank_worst[i]))

    def component(self, digest: str) -> int:
        """Number of its component; -1 without a vote."""
        i = self.index.get(digest)
        return -1 if i is None else int(self.ratings.component[i])

    def total(self, digest: str) -> PairLine:
        """All its counted votes."""
        i = self.index.get(digest)
        return self._unknown if i is None else PairLine(*(int(n) for n in self._totals[i]))

    def between(self, a: str, b: str) -> PairLine:
        """Votes between two, seen from a."""
        i, j = self.index.get(a), self.index.get(b)
        if i is None or j is None:
            return self._unknown
        pair = self._pairs.get((i, j) if i < j else (j, i))
        if pair is None:
            return self._unknown
        c = self.counts
        wins, losses = int(c.wins_first[pair]), int(c.wins_second[pair])
        if int(c.first[pair]) != i:
            wins, losses = losses, wins
        return PairLine(wins, losses, int(c.ties[pair]), int(c.both_bad[pair]))

    @cached_property
    def _pairs(self) -> dict[tuple[int, int], int]:
        ends = np.sort(np.stack([self.counts.first, self.counts.second], axis=1), axis=1)
        return {(i, j): row for row, (i, j) in enumerate(ends.tolist())}

    @cached_property
    def _totals(self) -> list[list[float]]:
        columns: list[list[float]] = np.stack(self.counts.tally(), axis=1).tolist()
        return columns


def verdict(standing: Standing, a: str, b: str, *, costs: Mapping[str, float]) -> Verdict:
    """Compare two contenders by digest. Decided only where the simultaneous interval of the difference excludes 0."""
    line = standing.between(a, b)
    i, j = standing.index.get(a), standing.index.get(b)
    rated = standing.rating(a) is not None and standing.rating(b) is not None
    difference, needed, kind = None, None, "no_rating" if line.votes else "no_votes"
    if rated and i is not None and j is not None and standing.component(a) == standing.component(b):
        found = standing.ratings.difference(i, j, simultaneous=True)
        difference = Interval(
            value=round(found.value, 2), lower=round(found.lower, 2), upper=round(found.upper, 2)
        )
        kind = "better" if found.lower > 0 else "worse" if found.upper < 0 else "undecided"
        if kind == "undecided" and line.votes:
            needed = votes_to_decide(found.value, found.se, standing.counts.votes, found.critical)
    cheaper = 1 - costs[a] / costs[b] if a in costs and costs.get(b) else None
    return Verdict(
        a=a,
        b=b,
        a_name=standing.labels[a],
        b_name=standing.labels[b],
        kind=kind,
        votes=line.votes,
        wins_a=line.wins,
        wins_b=line.losses,
        ties=line.ties,
        both_bad=line.both_bad,
        difference=difference,
        votes_to_decide=needed,
        cheaper=None if cheaper is None else round(cheaper, 4),
    )
