"""Votes as counts per pair: all that a rating, its sandwich interval and its bootstrap need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fieldmark.errors import StatisticsError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Winner = Literal["a", "b", "tie", "both_bad"]
OUTCOMES: tuple[Winner, ...] = ("a", "b", "tie", "both_bad")
"""The outcomes of a vote; the place in this tuple is the outcome's code."""

BothBad = Literal["ignore", "tie"]
"""What a rating does with `both_bad`: leaves it out (its own statistic), or counts it as a tie."""


class Tally(NamedTuple):
    """Votes per contender: four arrays of shape [K]."""

    wins: FloatArray
    losses: FloatArray
    ties: FloatArray
    both_bad: FloatArray

    @property
    def battles(self) -> FloatArray:
        """All votes of each contender, shape [K]."""
        return self.wins + self.losses + self.ties + self.both_bad


@dataclass(frozen=True, eq=False)
class PairCounts:
    """How often each pair of K contenders met and how it ended; every unordered pair at most once.

    `first` and `second` hold indices into `names`; the four counts are of shape [P] and not negative.

    Raises:
        StatisticsError: shapes differ, an index is unknown, a pair is listed twice or is one contender with
            itself, a name is used twice, or a count is negative or not finite.
    """

    names: tuple[str, ...]
    first: IntArray
    second: IntArray
    wins_first: FloatArray
    wins_second: FloatArray
    ties: FloatArray
    both_bad: FloatArray

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise StatisticsError(
                "two contenders have one name", hint="give every contender a name of its own"
            )
        if len({array.shape for array in (self.first, self.second, *self._columns())}) != 1:
            raise StatisticsError("the arrays of pair counts differ in length")
        if not self.first.size:
            return
        if (
            min(self.first.min(), self.second.min()) < 0
            or max(self.first.max(), self.second.max()) >= self.size
        ):
            raise StatisticsError(f"a pair names a contender outside 0 to {self.size - 1}")
        if (self.first == self.second).any():
            raise StatisticsError("a contender met itself", hint="a pair is two different contenders")
        keys = self._keys()
        if not (keys[1:] > keys[:-1]).all() and np.unique(keys).size != keys.size:
            raise StatisticsError(
                "a pair is listed twice", hint="add its counts into one entry, whichever side was first"
            )
        columns = np.stack(self._columns())
        if not (np.isfinite(columns).all() and columns.min() >= 0):
            raise StatisticsError("a count is negative or not a number", hint="a count is 0 or more")

    @classmethod
    def from_indices(
        cls,
        names: Sequence[str],
        a: IntArray,
        b: IntArray,
        outcome: IntArray,
        weight: FloatArray | None = None,
    ) -> PairCounts:
        """Count votes given as codes.

        `a`, `b` index `names`; `outcome` indexes `OUTCOMES`; all of shape [N]. `weight` [N] says how many
        votes each entry stands for, one if left out.
        """
        low, high = np.minimum(a, b), np.maximum(a, b)
        keys, pair = np.unique(low * len(names) + high, return_inverse=True)
        seen = oriented(outcome, a > b)
        cells = np.bincount(pair * 4 + seen, weights=weight, minlength=keys.size * 4).astype(np.float64)
        wins_first, wins_second, ties, both_bad = cells.reshape(-1, 4).T.copy()
        first, second = np.divmod(keys, max(len(names), 1))
        return cls(tuple(names), first, second, wins_first, wins_second, ties, both_bad)

    @classmethod
    def from_votes(
        cls,
        a: Sequence[str],
        b: Sequence[str],
        winner: Sequence[Winner],
        *,
        names: Sequence[str] | None = None,
    ) -> PairCounts:
        """Count votes given as names; contenders come sorted, or as in `names` (which may hold some without a
        vote).

        Raises:
            StatisticsError: lengths differ, a contender met itself or is not in `names`, a winner is no
                outcome.
        """
        if not len(a) == len(b) == len(winner):
            raise StatisticsError("a, b and winner differ in length")
        order = tuple(names) if names is not None else tuple(sorted({*a, *b}))
        try:
            return cls.from_indices(order, _codes(order, a), _codes(order, b), _codes(OUTCOMES, winner))
        except KeyError as unknown:
            raise StatisticsError(
                f"unknown contender or winner {unknown}", hint=f"winners: {', '.join(OUTCOMES)}"
            ) from None

    @property
    def size(self) -> int:
        """K, the number of contenders."""
        return len(self.names)

    @property
    def votes(self) -> float:
        """All votes, `both_bad` included."""
        return float(sum(column.sum() for column in self._columns()))

    def with_both_bad(self, both_bad: BothBad) -> PairCounts:
        """These counts with `both_bad` left out or added to the ties."""
        ties = self.ties + self.both_bad if both_bad == "tie" else self.ties
        return self.replaced(self.wins_first, self.wins_second, ties, np.zeros_like(ties))

    def replaced(
        self, wins_first: FloatArray, wins_second: FloatArray, ties: FloatArray, both_bad: FloatArray
    ) -> PairCounts:
        """The same pairs with other counts."""
        return PairCounts(self.names, self.first, self.second, wins_first, wins_second, ties, both_bad)

    def cut(self, names: tuple[str, ...], place: IntArray, kept: NDArray[np.bool_]) -> PairCounts:
        """Only the pairs `kept` [P], among the contenders `names`, whose new index is `place` [K]."""
        columns = (column[kept] for column in self._columns())
        return PairCounts(names, place[self.first[kept]], place[self.second[kept]], *columns)

    def tally(self) -> Tally:
        """Wins, losses, ties and `both_bad` of every contender."""

        def of(as_first: FloatArray, as_second: FloatArray) -> FloatArray:
            return sums_by(self.first, as_first, self.size) + sums_by(self.second, as_second, self.size)

        return Tally(
            of(self.wins_first, self.wins_second),
            of(self.wins_second, self.wins_first),
            of(self.ties, self.ties),
            of(self.both_bad, self.both_bad),
        )

    def pairs_of(self, a: IntArray, b: IntArray) -> IntArray:
        """Where each pair (a, b), in either order, stands in these arrays; shape [N].

        Raises:
            StatisticsError: a pair is not here.
        """
        wanted = np.minimum(a, b) * self.size + np.maximum(a, b)
        keys = self._keys()
        order = np.argsort(keys)
        place = np.searchsorted(keys, wanted, sorter=order)
        if not keys.size or (place == keys.size).any() or (keys[order[place]] != wanted).any():
            raise StatisticsError(
                "votes name a pair that the counts do not hold", hint="count and cluster the same votes"
            )
        return order[place]

    def _columns(self) -> tuple[FloatArray, ...]:
        return self.wins_first, self.wins_second, self.ties, self.both_bad

    def _keys(self) -> IntArray:
        return np.minimum(self.first, self.second) * self.size + np.maximum(self.first, self.second)


def sums_by(place: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Sums of `values` [N] by their `place`, shape [size]."""
    return np.bincount(place, weights=values, minlength=size).astype(np.float64, copy=False)


def oriented(outcome: IntArray, swapped: NDArray[np.bool_]) -> IntArray:
    """Outcome codes as seen from the other side where `swapped`: `a` and `b` change places."""
    return np.where(swapped & (outcome < 2), 1 - outcome, outcome)


def _codes(order: Sequence[str], values: Sequence[str]) -> IntArray:
    place = {name: index for index, name in enumerate(order)}
    return np.fromiter(map(place.__getitem__, values), np.int64, len(values))
