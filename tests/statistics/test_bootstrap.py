"""Bootstrap intervals agree with the sandwich where both hold, and say where they do not."""

from __future__ import annotations

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
