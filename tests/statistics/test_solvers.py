"""The same maximum by two more roads: Hunter's fixed points, and scipy on the raw likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import minimize

from fieldmark.statistics import ELO, FloatArray, PairCounts, rate
from tests.statistics.samples import counts_of, outcome_probabilities, rateable


def as_rating(pi: FloatArray) -> FloatArray:
    theta = np.log(pi)
    return np.asarray(1000 + ELO * (theta - theta.mean()))


def zermelo(counts: PairCounts) -> FloatArray:
    """Zermelo (1929): π_i = wins_i / Σ_j n_ij / (π_i + π_j), a tie being half a win."""
    pi = np.ones(counts.size)
    wins = np.bincount(counts.first, counts.wins_first + counts.ties / 2, counts.size)
    wins += np.bincount(counts.second, counts.wins_second + counts.ties / 2, counts.size)
    votes = counts.wins_first + counts.wins_second + counts.ties
    for _ in range(20_000):
        share = votes / (pi[counts.first] + pi[counts.second])
        new = wins / (
            np.bincount(counts.first, share, counts.size) + np.bincount(counts.second, share, counts.size)
        )
        new /= np.exp(np.log(new).mean())
        if abs(new / pi - 1).max() < 1e-13:
            break
        pi = new
    return pi


def hunter(counts: PairCounts) -> tuple[FloatArray, float]:
    """Hunter (2004), section 2.2: the fixed point of Davidson's model, ν in turn with π (his θ is our ν)."""
    pi, nu = np.ones(counts.size), 1.0
    first, second, ties = counts.first, counts.second, counts.ties
    wins = np.bincount(first, counts.wins_first + ties / 2, counts.size)
    wins += np.bincount(second, counts.wins_second + ties / 2, counts.size)
    votes = counts.wins_first + counts.wins_second + ties
    for _ in range(50_000):
        root = np.sqrt(pi[first] * pi[second])
        share = votes / (pi[first] + pi[second] + nu * root)
        by_first = share * (1 + nu * np.sqrt(pi[second] / pi[first]) / 2)
        by_second = share * (1 + nu * np.sqrt(pi[first] / pi[second]) / 2)
        new = wins / (np.bincount(first, by_first, counts.size) + np.bincount(second, by_second, counts.size))
        new /= np.exp(np.log(new).mean())
        nu_new = float(ties.sum() / (share * root).sum())
        done = abs(new / pi - 1).max() < 1e-13 and abs(nu_new - nu) < 1e-13 * (1 + nu)
        pi, nu = new, nu_new
        if done:
            break
    return pi, nu


@settings(max_examples=60, deadline=None)
@given(rateable())
def test_newton_and_zermelo_meet(counts: PairCounts) -> None:
    np.testing.assert_allclose(
        rate(counts, model="bradley-terry").rating, as_rating(zermelo(counts)), atol=1e-4
    )


@settings(max_examples=60, deadline=None)
@given(rateable())
def test_newton_and_hunter_meet(counts: PairCounts) -> None:
    ratings, (pi, nu) = rate(counts), hunter(counts)
    np.testing.assert_allclose(ratings.rating, as_rating(pi), atol=1e-4)
    assert ratings.tie_parameter == pytest.approx(nu, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(rateable())
def test_no_other_point_is_likelier_to_scipy(counts: PairCounts) -> None:
    ratings = rate(counts)
    observed = np.stack((counts.wins_first, counts.wins_second, counts.ties), axis=1)
    free_ties = bool(counts.ties.any())

    def surprise(point: FloatArray) -> float:
        nu = float(np.exp(point[-1])) if free_ties else 0.0
        p = outcome_probabilities(point[: counts.size], nu, counts.first, counts.second)
        return -float((observed[observed > 0] * np.log(p[observed > 0])).sum())

    found = minimize(surprise, np.zeros(counts.size + free_ties), method="BFGS", options={"gtol": 1e-7})
    own = (ratings.rating - 1000) / ELO
    here = np.append(own, np.log(ratings.tie_parameter or 1)) if free_ties else own
    assert surprise(here) <= found.fun + 1e-8
    np.testing.assert_allclose(as_rating(np.exp(found.x[: counts.size])), ratings.rating, atol=0.05)


@pytest.mark.parametrize(
    "rows",
    [  # where a whole first step of Newton's runs off: too far in the strengths, or in log ν
        [(0, 1, 1, 30, 449), (1, 2, 6, 2, 5), (2, 3, 1, 4, 0)],
        [(0, 1, 3, 1, 671), (1, 2, 44, 1, 6)],
        [(0, 1, 1050658, 206579, 31)],
        [(0, 1, 1, 57, 0), (1, 2, 20, 1, 271), (2, 3, 15, 4, 5669)],
        [(0, 1, 1, 14, 0), (0, 2, 473, 2215, 260778), (1, 2, 1, 1, 0)],
        [(0, 1, 65, 1, 11222689), (1, 2, 5, 4, 384958), (2, 3, 1, 1704, 22)],
        # where rounding hides whether the last step is one upwards
        [(0, 1, 3695, 1, 0), (0, 2, 2, 12, 34261), (1, 2, 1, 32, 0)],
        [(0, 1, 1, 2, 0), (0, 3, 0, 9, 0), (1, 2, 21, 17, 0), (1, 3, 2, 5, 3), (2, 3, 1, 5352, 48863)],
    ],
)
def test_at_the_maximum_as_many_wins_and_ties_are_expected_as_were_seen(
    rows: list[tuple[int, int, float, float, float]],
) -> None:
    counts = counts_of(1 + max(row[1] for row in rows), rows)
    ratings = rate(counts)
    assert ratings.tie_parameter
    p = outcome_probabilities(
        (ratings.rating - 1000) / ELO, ratings.tie_parameter, counts.first, counts.second
    )
    expected = p * (counts.wins_first + counts.wins_second + counts.ties)[:, None]
    ahead = expected[:, 0] - expected[:, 1] - counts.wins_first + counts.wins_second
    for place in range(counts.size):
        surplus = ahead[counts.first == place].sum() - ahead[counts.second == place].sum()
        assert surplus == pytest.approx(0, abs=1e-3)
    assert expected[:, 2].sum() == pytest.approx(counts.ties.sum(), rel=1e-9)


def test_a_lopsided_pair_among_few_votes_has_a_maximum_under_bradley_terry() -> None:
    counts = counts_of(4, [(0, 1, 8, 45, 0), (0, 3, 0, 146205, 4), (1, 2, 4, 51, 3), (2, 3, 7, 1, 56)])
    np.testing.assert_allclose(
        rate(counts, model="bradley-terry").rating, as_rating(zermelo(counts)), atol=1e-2
    )
