"""From counts to ratings: components, fit, errors, rank sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np

from fieldmark.errors import StatisticsError
from fieldmark.statistics._counts import BothBad, FloatArray, IntArray, PairCounts
from fieldmark.statistics._errors import ClusterScores, covariance
from fieldmark.statistics._existence import components, unrated
from fieldmark.statistics._intervals import normal_critical
from fieldmark.statistics._newton import Fit, fit
from fieldmark.statistics._ranks import rank_sets
from fieldmark.statistics._ratings import ELO, MEAN, Component, Model, Ratings


def rate(
    counts: PairCounts,
    *,
    model: Model = "davidson",
    confidence: float = 0.95,
    clusters: ClusterScores | None = None,
    both_bad: BothBad = "ignore",
) -> Ratings:
    """Rate K contenders by maximum likelihood, each strongly connected component by itself.

    Intervals are sandwich intervals from the counts, or with `clusters` cluster-robust ones. The same counts
    give the same ratings, whatever was rated before.

    Raises:
        StatisticsError: unknown model, or a confidence not between 0 and 1.
    """
    if model not in get_args(Model):
        raise StatisticsError(f"unknown model '{model}'", hint="models: " + ", ".join(get_args(Model)))
    z = normal_critical(confidence)
    k = counts.size
    rating, se = np.full(k, np.nan), np.full(k, np.nan)
    rank_best, rank_worst = np.zeros(k, dtype=np.int64), np.zeros(k, dtype=np.int64)
    everyone = np.full((k, k), np.nan)
    battles = counts.tally().battles
    used = counts.with_both_bad(both_bad)
    voted = used.tally().battles > 0
    label = components(used)
    parts: list[Component] = []
    for members, inside, pair_of in _parts(used, label):
        why = unrated(inside, members.size, bool(voted[members].any()), ties_free=model == "davidson")
        if why:
            parts.append(Component(tuple(members.tolist()), why, None))
            continue
        found = fit(inside, ties_as_outcome=model == "davidson")
        parts.append(Component(tuple(members.tolist()), None, found.nu if model == "davidson" else None))
        own = clusters.within(pair_of, ties_of_both_bad=both_bad == "tie") if clusters else None
        errors = ELO * ELO * covariance(found, inside, own)
        rating[members] = _elo(found)
        se[members] = np.sqrt(np.maximum(np.diag(errors), 0))
        everyone[np.ix_(members, members)] = errors
        rank_best[members], rank_worst[members] = rank_sets(rating[members], errors, confidence)
    return Ratings(
        model=model,
        confidence=confidence,
        interval="clustered" if clusters else "sandwich",
        names=counts.names,
        rating=rating,
        se=se,
        lower=rating - z * se,
        upper=rating + z * se,
        rank_best=rank_best,
        rank_worst=rank_worst,
        battles=np.rint(battles).astype(np.int64),
        component=label,
        components=tuple(parts),
        covariance=everyone,
    )


def point(counts: PairCounts, model: Model) -> tuple[FloatArray, IntArray]:
    """Only the ratings (NaN where none exists) and the components, both of shape [K]; `both_bad` must be
    gone."""
    rating = np.full(counts.size, np.nan)
    label = components(counts)
    for members, inside, _ in _parts(counts, label):
        if not unrated(inside, members.size, voted=True, ties_free=model == "davidson"):
            rating[members] = _elo(fit(inside, ties_as_outcome=model == "davidson"))
    return rating, label


def _elo(found: Fit) -> FloatArray:
    return MEAN + ELO * found.theta


def _parts(counts: PairCounts, label: IntArray) -> Iterator[tuple[IntArray, PairCounts, IntArray]]:
    """Each component's members, its own counts, and where each pair of `counts` went in them (-1:
    nowhere)."""
    met = counts.wins_first + counts.wins_second + counts.ties > 0
    for number in range(int(label.max(initial=-1)) + 1):
        members = np.flatnonzero(label == number)
        place = np.full(counts.size, -1)
        place[members] = np.arange(members.size)
        kept = met & (place[counts.first] >= 0) & (place[counts.second] >= 0)
        pair_of = np.where(kept, np.cumsum(kept) - 1, -1)
        yield members, counts.cut(tuple(counts.names[i] for i in members), place, kept), pair_of
