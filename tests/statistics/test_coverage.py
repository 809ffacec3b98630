"""Do the intervals and rank sets cover the truth as often as they say? Bounded simulations, fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest

from fieldmark.statistics import ELO, ClusterScores, PairCounts, clopper_pearson, rate
from tests.statistics.samples import draw, named, outcome_probabilities

ROUNDS = 500
MARGIN = 3 * np.sqrt(0.05 * 0.95 / ROUNDS)
EQUAL = np.zeros(8)
SPREAD = np.array([1.2, 0.9, 0.9, 0.3, 0.0, 0.0, -0.5, -1.1])


@pytest.mark.parametrize("strength", [EQUAL, SPREAD], ids=["equal", "spread"])
def test_rank_sets_hold_all_true_ranks_at_once(strength: np.ndarray) -> None:
    rng = np.random.default_rng(11)
    k = len(strength)
    best = 1 + (strength[None] > strength[:, None]).sum(axis=1)
    worst = k - (strength[None] < strength[:, None]).sum(axis=1)
    uneven = rng.integers(20, 200, k * (k - 1) // 2)
    held = 0
    for _ in range(ROUNDS):
        ratings = rate(draw(rng, strength, 0.7, uneven))
        held += bool(((ratings.rank_best <= best) & (ratings.rank_worst >= worst)).all())
    assert held / ROUNDS >= 0.95 - MARGIN


def test_rank_sets_are_no_wider_than_they_must_be() -> None:
    rng = np.random.default_rng(12)
    per_pair = np.full(28, 60)
    wrong = sum(rate(draw(rng, EQUAL, 0.7, per_pair)).rank_best.max() > 1 for _ in range(ROUNDS))
    assert wrong / ROUNDS == pytest.approx(0.05, abs=MARGIN)


def test_intervals_of_ratings_and_differences_cover() -> None:
    rng = np.random.default_rng(13)
    truth = 1000 + ELO * (SPREAD - SPREAD.mean())
    ratings, differences = [], []
    for _ in range(ROUNDS):
        found = rate(draw(rng, SPREAD, 0.7, np.full(28, 60)))
        ratings.append((found.lower <= truth) & (truth <= found.upper))
        one = found.difference(0, 3)
        differences.append(one.lower <= truth[0] - truth[3] <= one.upper)
    assert np.mean(ratings) == pytest.approx(0.95, abs=0.015)
    assert np.mean(differences) == pytest.approx(0.95, abs=MARGIN)


def test_the_sandwich_covers_the_half_tie_maximum_where_bradley_terry_is_wrong() -> None:
    rng = np.random.default_rng(14)
    first, second = np.triu_indices(8, 1)
    a, b, tie = 1e6 * outcome_probabilities(SPREAD, 0.7, first, second).T
    limit = rate(PairCounts(named(8), first, second, a, b, tie, np.zeros(28)), model="bradley-terry").rating
    covered = []
    for _ in range(ROUNDS):
        found = rate(draw(rng, SPREAD, 0.7, np.full(28, 60)), model="bradley-terry")
        covered.append((found.lower <= limit) & (limit <= found.upper))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_only_clustered_intervals_cover_when_voters_have_tastes_of_their_own() -> None:
    rng = np.random.default_rng(15)
    k, voters, each, names = 5, 60, 40, named(5)
    plain: list[object] = []
    clustered: list[object] = []
    for _ in range(200):
        taste = rng.normal(size=(voters, k))
        voter = np.repeat(np.arange(voters), each)
        a = rng.integers(0, k, voters * each)
        b = (a + rng.integers(1, k, voters * each)) % k
        wins = rng.random(len(a)) < 1 / (1 + np.exp(taste[voter, b] - taste[voter, a]))
        outcome = np.where(wins, 0, 1)
        counts = PairCounts.from_indices(names, a, b, outcome)
        clusters = ClusterScores.from_indices(counts, a, b, outcome, voter)
        for kept, found in ((plain, rate(counts)), (clustered, rate(counts, clusters=clusters))):
            kept.append((found.lower <= 1000) & (found.upper >= 1000))
    assert np.mean(np.array(plain)) < 0.75
    assert np.mean(np.array(clustered)) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("p", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("n", [1, 5, 40])
def test_clopper_pearson_covers_for_every_n_exactly(n: int, p: float) -> None:
    from scipy.stats import binom

    def covers(x: int) -> bool:
        exact = clopper_pearson(x, n)
        return exact.lower <= p <= exact.upper

    assert sum(float(binom.pmf(x, n, p)) for x in range(n + 1) if covers(x)) >= 0.95
