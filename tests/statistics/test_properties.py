"""What must hold for any votes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.statistics import ClusterScores, Model, PairCounts, rate
from tests.statistics.samples import rateable

models = st.sampled_from(("bradley-terry", "davidson"))
each = settings(max_examples=50, deadline=None)


def scaled(counts: PairCounts, factor: float) -> PairCounts:
    return counts.replaced(
        counts.wins_first * factor,
        counts.wins_second * factor,
        counts.ties * factor,
        counts.both_bad * factor,
    )


@each
@given(rateable(), models, st.randoms(use_true_random=False))
def test_new_labels_move_nothing_but_the_labels(counts: PairCounts, model: Model, random: object) -> None:
    order = np.arange(counts.size)
    random.shuffle(order)  # type: ignore[attr-defined]
    place = np.argsort(order)
    names = tuple(counts.names[i] for i in order)
    moved = rate(
        replace(counts, names=names, first=place[counts.first], second=place[counts.second]), model=model
    )
    plain = rate(counts, model=model)
    np.testing.assert_allclose(moved.rating, plain.rating[order], atol=1e-6)
    np.testing.assert_allclose(moved.se, plain.se[order], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(moved.covariance, plain.covariance[np.ix_(order, order)], rtol=1e-6, atol=1e-3)


@each
@given(rateable(), models)
def test_the_side_on_which_a_pair_is_listed_does_not_matter(counts: PairCounts, model: Model) -> None:
    other = replace(
        counts,
        first=counts.second,
        second=counts.first,
        wins_first=counts.wins_second,
        wins_second=counts.wins_first,
    )
    np.testing.assert_allclose(rate(other, model=model).rating, rate(counts, model=model).rating, atol=1e-6)


@each
@given(rateable(), models, st.integers(2, 50))
def test_more_of_the_same_keeps_ratings_and_shrinks_errors_by_the_root(
    counts: PairCounts, model: Model, times: int
) -> None:
    once, often = rate(counts, model=model), rate(scaled(counts, times), model=model)
    np.testing.assert_allclose(often.rating, once.rating, atol=1e-6)
    np.testing.assert_allclose(often.se * np.sqrt(times), once.se, rtol=1e-6, atol=1e-6)


@each
@given(rateable(), models)
def test_turning_every_vote_around_turns_the_ratings_around(counts: PairCounts, model: Model) -> None:
    turned = counts.replaced(counts.wins_second, counts.wins_first, counts.ties, counts.both_bad)
    np.testing.assert_allclose(
        rate(turned, model=model).rating - 1000, 1000 - rate(counts, model=model).rating, atol=1e-6
    )


@each
@given(rateable(), st.data())
def test_one_more_win_raises_the_winner(counts: PairCounts, data: st.DataObject) -> None:
    pair = data.draw(st.integers(0, len(counts.first) - 1))
    more = counts.wins_first.copy()
    more[pair] += 1
    before = rate(counts, model="bradley-terry")
    after = rate(
        counts.replaced(more, counts.wins_second, counts.ties, counts.both_bad), model="bradley-terry"
    )
    moved = after.rating - before.rating
    assert moved[counts.first[pair]] == pytest.approx(moved.max())
    assert moved[counts.second[pair]] == pytest.approx(moved.min())
    assert moved.max() > 0 > moved.min()


@each
@given(rateable(), models)
def test_numbers_hang_together(counts: PairCounts, model: Model) -> None:
    ratings = rate(counts, model=model)
    k = counts.size
    assert ratings.rating.mean() == pytest.approx(1000)
    np.testing.assert_allclose(ratings.covariance.sum(axis=0), 0, atol=1e-6 * ratings.covariance.max() + 1e-9)
    np.testing.assert_allclose(np.sqrt(np.diag(ratings.covariance)), ratings.se)
    np.testing.assert_allclose((ratings.lower + ratings.upper) / 2, ratings.rating)
    assert (ratings.rank_best >= 1).all()
    assert (ratings.rank_best <= ratings.rank_worst).all()
    assert (ratings.rank_worst <= k).all()
    for i in range(1, k):
        one, other = ratings.difference(0, i), ratings.difference(i, 0)
        assert one.value == pytest.approx(-other.value, abs=1e-9)
        assert one.se == pytest.approx(other.se)
        wide = ratings.difference(0, i, simultaneous=True)
        assert wide.critical >= one.critical
        assert wide.decided <= one.decided


@each
@given(rateable(), models, st.integers(0, 2**32 - 1))
def test_clusters_of_one_vote_each_give_the_sandwich(counts: PairCounts, model: Model, seed: int) -> None:
    columns = np.stack((counts.wins_first, counts.wins_second, counts.ties)).astype(int)
    outcome = np.concatenate([np.repeat(code, n.sum()) for code, n in enumerate(columns)])
    pair = np.concatenate([np.repeat(np.arange(len(n)), n) for n in columns])
    a, b = counts.first[pair], counts.second[pair]
    swap = np.random.default_rng(seed).random(len(a)) < 0.5
    seen = np.where(swap & (outcome < 2), 1 - outcome, outcome)
    n = len(a)
    alone = ClusterScores.from_indices(
        counts, np.where(swap, b, a), np.where(swap, a, b), seen, np.arange(n)[::-1].copy()
    )
    by_vote, by_cluster = rate(counts, model=model), rate(counts, model=model, clusters=alone)
    np.testing.assert_allclose(by_cluster.se, by_vote.se * np.sqrt(n / (n - 1)), rtol=1e-6, atol=1e-6)
    assert by_cluster.rating.tolist() == by_vote.rating.tolist()
