"""Goodhart's law, measured: is a contender better on the tasks that everybody can see?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics._bounded import mean_interval
from fieldmark.statistics._counts import FloatArray
from fieldmark.statistics._intervals import Interval


@dataclass(frozen=True)
class GoodhartGap:
    """Open and sealed tasks of the same kinds."""

    open: Interval
    """Mean over open tasks, kinds weighing as they do among the sealed."""
    sealed: Interval
    """Mean over sealed tasks."""
    difference: Interval
    """Open less sealed."""
    open_tasks: int
    """Open tasks used."""
    sealed_tasks: int
    """Sealed tasks used."""

    @property
    def exposed(self) -> bool:
        """Better on the open tasks than chance explains."""
        return self.difference.lower > 0


def goodhart_gap(
    open_values: ArrayLike,
    sealed_values: ArrayLike,
    *,
    open_kinds: Sequence[str] | None = None,
    sealed_kinds: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> GoodhartGap:
    """Open less sealed, from values per task (0 to 1), with its interval.

    With kinds (one per task), tasks are compared within their kind and kinds weigh by their sealed tasks; a kind that
    stands on one side only is left out. The interval of each mean is that of `mean_interval`, and they are combined
    as Newcombe's hybrid method does: each side's distance to its bound, root of the sum of squares (Zou and Donner,
    "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008), 1693-1702).

    Raises:
        StatisticsError: a side is empty, no kind stands on both sides, or kinds and values differ in number.
    """
    first, second = _by_kind(open_values, open_kinds), _by_kind(sealed_values, sealed_kinds)
    kinds = sorted(first.keys() & second.keys())
    if not kinds:
        raise StatisticsError(
            "no kind of task is both open and sealed", hint="give sealed tasks a kind that open ones have"
        )
    sealed_tasks = sum(second[kind].size for kind in kinds)
    weights = [second[kind].size / sealed_tasks for kind in kinds]
    one = _weighted([mean_interval(first[kind], confidence=confidence) for kind in kinds], weights)
    other = _weighted([mean_interval(second[kind], confidence=confidence) for kind in kinds], weights)
    value = one.value - other.value
    below = math.hypot(one.value - one.lower, other.upper - other.value)
    above = math.hypot(one.upper - one.value, other.value - other.lower)
    difference = Interval(value, max(-1.0, value - below), min(1.0, value + above))
    return GoodhartGap(one, other, difference, sum(first[kind].size for kind in kinds), sealed_tasks)


def _by_kind(values: ArrayLike, kinds: Sequence[str] | None) -> dict[str, FloatArray]:
    given = np.asarray(values, dtype=np.float64).ravel()
    named = np.asarray(kinds if kinds is not None else [""] * given.size)
    if len(named) != given.size:
        raise StatisticsError(
            f"{given.size} values and {len(named)} kinds", hint="one kind per task, on both sides or on none"
        )
    return {str(kind): given[named == kind] for kind in np.unique(named)}


def _weighted(parts: list[Interval], weights: list[float]) -> Interval:
    """Weighted mean of independent means."""
    value = sum(w * part.value for w, part in zip(weights, parts, strict=True))
    below = math.hypot(*(w * (part.value - part.lower) for w, part in zip(weights, parts, strict=True)))
    above = math.hypot(*(w * (part.upper - part.value) for w, part in zip(weights, parts, strict=True)))
    return Interval(value, max(0.0, value - below), min(1.0, value + above))
