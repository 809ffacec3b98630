"""Bootstrap intervals agree with the sandwich where both hold, and say where they do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fieldmark.errors import StatisticsError
from fieldmark.statistics import Model, bootstrap, rate
from tests.statistics.samples import counts_of, draw

STRENGTH = np.array([0.8, 0.3, 0.0, -0.4])


@pytest.mark.parametrize("model", ["davidson", "bradley-terry"])
def test_with_many_votes_it_agrees_with_the_sandwich(model: Model) -> None:
    counts = draw(np.random.default_rng(3), STRENGTH, 0.6, np.full(6, 200))
    ratings, found = rate(counts, model=model), bootstrap(counts, model, rounds=600, seed=1)
    np.testing.assert_allclose(found.ratings.std(axis=0), ratings.se, rtol=0.1)
    np.testing.assert_allclose(found.upper - found.lower, ratings.upper - ratings.lower, rtol=0.15)
    np.testing.assert_allclose(found.ratings.mean(axis=1), 1000)
    assert found.exists.tolist() == [1, 1, 1, 1]


def test_the_seed_decides() -> None:
    counts = draw(np.random.default_rng(3), STRENGTH, 0.6, np.full(6, 20))
    first, again, other = (bootstrap(counts, rounds=5, seed=seed).ratings for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_resample_that_loses_a_contender_moves_nobody_else() -> None:
    ring = [(0, 1, 300, 200, 0), (1, 2, 300, 200, 0), (0, 2, 300, 200, 0)]
    found = bootstrap(counts_of(4, [*ring, (2, 3, 4, 1, 0)]), rounds=300, seed=2)
    original = rate(counts_of(4, [*ring, (2, 3, 4, 1, 0)])).rating
    assert found.exists[:3].tolist() == [1, 1, 1]
    assert 0.4 < found.exists[3] < 0.85
    lost = np.isnan(found.ratings[:, 3])
    np.testing.assert_allclose(found.ratings[lost, :3].mean(axis=1), original[:3].mean())
    assert abs(np.median(found.ratings[lost, 0]) - original[0]) < 10


def test_where_no_rating_exists_there_is_no_interval() -> None:
    for counts in (counts_of(2, [(0, 1, 9, 0, 0)]), counts_of(2, [])):
        found = bootstrap(counts, rounds=3)
        assert np.isnan([*found.lower, *found.upper]).all()
        assert found.exists.tolist() == [0, 0]


def test_only_whole_votes_are_resampled() -> None:
    with pytest.raises(StatisticsError, match="whole votes"):
        bootstrap(counts_of(2, [(0, 1, 1.5, 1, 0)]))
    with pytest.raises(StatisticsError, match="at least once"):
        bootstrap(counts_of(2, [(0, 1, 1, 1, 0)]), rounds=0)


def test_left_to_itself_it_resamples_davidson_a_thousand_times_from_seed_0_without_both_bad() -> None:
    counts = replace(counts_of(2, [(0, 1, 9, 6, 5)]), both_bad=np.array([40.0]))
    found = bootstrap(counts)
    assert found.ratings.shape == (1000, 2)
    same = bootstrap(counts_of(2, [(0, 1, 9, 6, 5)]), "davidson", 1000, 0)
    np.testing.assert_array_equal(found.ratings, same.ratings)


def test_both_bad_can_be_resampled_as_a_tie() -> None:
    counts = replace(counts_of(2, [(0, 1, 9, 6, 5)]), both_bad=np.array([40.0]))
    asked = bootstrap(counts, "bradley-terry", rounds=20, both_bad="tie")
    same = bootstrap(counts_of(2, [(0, 1, 9, 6, 45)]), "bradley-terry", rounds=20)
    np.testing.assert_array_equal(asked.ratings, same.ratings)


def test_one_round_is_enough_to_ask_for() -> None:
    assert bootstrap(counts_of(2, [(0, 1, 9, 6, 5)]), rounds=1).ratings.shape == (1, 2)


def test_its_bounds_are_percentiles_of_its_own_rounds() -> None:
    found = bootstrap(counts_of(2, [(0, 1, 90, 60, 5)]), rounds=200, confidence=0.8)
    np.testing.assert_allclose(found.lower, np.quantile(found.ratings, 0.1, axis=0))
    np.testing.assert_allclose(found.upper, np.quantile(found.ratings, 0.9, axis=0))


def test_with_ties_too_those_left_keep_the_mean_they_have_under_the_same_model() -> None:
    rows = [(0, 1, 500, 200, 300), (1, 2, 300, 200, 10), (0, 2, 600, 100, 300), (2, 3, 3, 1, 0)]
    found, original = bootstrap(counts_of(4, rows), rounds=60, seed=2), rate(counts_of(4, rows)).rating
    lost = np.isnan(found.ratings[:, 3])
    assert 0 < lost.sum() < 60
    np.testing.assert_allclose(found.ratings[lost, :3].mean(axis=1), original[:3].mean())


def test_every_component_is_resampled_around_its_own_mean() -> None:
    apart = counts_of(5, [(0, 1, 50, 40, 9), (2, 3, 40, 30, 9), (3, 4, 40, 30, 9)])
    found = bootstrap(apart, rounds=20)
    assert found.exists.tolist() == [1, 1, 1, 1, 1]
    np.testing.assert_allclose(found.ratings[:, :2].mean(axis=1), 1000)
    np.testing.assert_allclose(found.ratings[:, 2:].mean(axis=1), 1000)


def test_a_resample_without_an_upset_has_a_rating_under_bradley_terry_only() -> None:
    ordered = counts_of(2, [(0, 1, 5, 0, 3)])
    assert bootstrap(ordered, "davidson", rounds=30).exists.tolist() == [0, 0]
    assert bootstrap(ordered, "bradley-terry", rounds=30).exists.min() > 0.8
