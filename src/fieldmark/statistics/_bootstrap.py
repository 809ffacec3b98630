"""Bootstrap intervals on request: since counts are sufficient, one resample is one multinomial draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fieldmark.errors import StatisticsError
from fieldmark.statistics._counts import BothBad, FloatArray, IntArray, PairCounts
from fieldmark.statistics._intervals import normal_critical
from fieldmark.statistics._rate import point
from fieldmark.statistics._ratings import Model


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Resampled ratings [rounds, K], NaN where a resample gave none, and what they say of each contender, [K]
    each.

    `lower` and `upper` are percentiles over the rounds that rated the contender; `exists` is the share of
    them. Where it is much below 1 the votes hang on few threads and the interval is too narrow.
    """

    ratings: FloatArray
    lower: FloatArray
    upper: FloatArray
    exists: FloatArray


def bootstrap(
    counts: PairCounts,
    model: Model = "davidson",
    rounds: int = 1000,
    seed: int = 0,
    *,
    confidence: float = 0.95,
    both_bad: BothBad = "ignore",
) -> Bootstrap:
    """Resample the votes `rounds` times and rate each resample.

    A resample that breaks a component apart rates its largest piece only, set so that the mean of those it
    rates is the one they have in the original, so nobody moves because another one is missing.

    Raises:
        StatisticsError: no round, a count is not whole, or a confidence not between 0 and 1.
    """
    normal_critical(confidence)
    used = counts.with_both_bad(both_bad)
    cells = np.concatenate((used.wins_first, used.wins_second, used.ties))
    if rounds < 1 or (cells != np.rint(cells)).any():
        raise StatisticsError("only whole votes can be resampled, at least once")
    original, home = point(used, model)
    ratings = np.full((rounds, counts.size), np.nan)
    total = int(cells.sum())
    rng = np.random.default_rng(seed)
    for row in ratings if total else ():
        drawn = rng.multinomial(total, cells / total).astype(np.float64)
        first, second, ties = np.split(drawn, 3)
        rating, label = point(used.replaced(first, second, ties, np.zeros_like(ties)), model)
        _align(row, rating, label, original, home)
    lower, upper = (_percentile(ratings, tail) for tail in ((1 - confidence) / 2, (1 + confidence) / 2))
    return Bootstrap(ratings, lower, upper, np.isfinite(ratings).mean(axis=0))


def _align(
    row: FloatArray, rating: FloatArray, label: IntArray, original: FloatArray, home: IntArray
) -> None:
    for number in np.unique(home[np.isfinite(original)]):
        rated = np.flatnonzero((home == number) & np.isfinite(rating))
        if rated.size:
            piece = rated[label[rated] == label[rated].min()]  # components are numbered by falling size
            row[piece] = rating[piece] + (original[piece] - rating[piece]).mean()


def _percentile(ratings: FloatArray, share: float) -> FloatArray:
    columns = (column[np.isfinite(column)] for column in ratings.T)
    return np.array([np.quantile(column, share) if column.size else np.nan for column in columns])
