"""Where a rating exists, against an independent decision by linear programming."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import linprog

from fieldmark.errors import StatisticsError
from fieldmark.statistics import Model, PairCounts, rate
from tests.statistics.samples import counts_of, sparse

MODELS: tuple[Model, ...] = ("bradley-terry", "davidson")


def maximum_exists(counts: PairCounts, model: Model) -> bool:
    """No direction of the parameters makes an observed outcome likelier without making another less likely.

    Exponent of an outcome per unit of (θ_1, ..., θ_K, log ν): half the difference, minus that, or log ν. The
    program looks for a direction along which no observed outcome falls behind another, and some run ahead.
    """
    k, gains = counts.size, []
    columns = (counts.first, counts.second, counts.wins_first, counts.wins_second, counts.ties)
    for first, second, won, lost, tied in zip(*columns, strict=True):
        half = np.zeros(k + 1)
        half[first], half[second] = 0.5, -0.5
        tie = np.eye(k + 1)[k]
        davidson = model == "davidson"
        for seen, best in ((won, half), (lost, -half), (tied, tie if davidson else 0 * half)):
            others = (half, -half, tie) if davidson else (half, -half)
            gains += [best - other for other in others] if seen else []
    if not gains:
        return False
    table = np.array(gains)
    if model == "bradley-terry":
        table = table[:, :k]
    found = linprog(-table.sum(axis=0), A_ub=-table, b_ub=np.zeros(len(table)), bounds=(-1, 1))
    connected = np.linalg.matrix_rank(table) == table.shape[1] - 1
    return bool(connected and found.fun > -1e-9)


@settings(max_examples=300, deadline=None)
@given(sparse())
def test_all_are_rated_together_exactly_when_the_maximum_exists(counts: PairCounts) -> None:
    decisive = counts.wins_first.any() or counts.wins_second.any()
    for model in MODELS:
        ratings = rate(counts, model=model)
        together = len(ratings.components) == 1 and bool(np.isfinite(ratings.rating).all())
        tieless = model == "davidson" and not counts.ties.any()  # ν = 0: what is left is Bradley-Terry
        exists = maximum_exists(counts, "bradley-terry" if tieless else model)
        assert together == (exists and bool(decisive))


@settings(max_examples=100, deadline=None)
@given(sparse())
def test_whatever_is_not_rated_says_why_and_carries_no_number(counts: PairCounts) -> None:
    ratings = rate(counts)
    for i in range(counts.size):
        missing = ratings.why_unrated(i) is not None
        assert missing == bool(np.isnan(ratings.rating[i])) == bool(np.isnan(ratings.se[i]))
        assert missing == (ratings.rank_best[i] == 0) == (ratings.rank_worst[i] == 0)


def test_one_sided_votes_give_no_rating() -> None:
    ratings = rate(counts_of(3, [(0, 1, 9, 0, 0)]))
    assert [ratings.why_unrated(i) for i in range(3)] == ["one_sided", "one_sided", "no_votes"]
    assert ratings.battles.tolist() == [9, 9, 0]
    with pytest.raises(StatisticsError, match="no rating difference exists between c000 and c001"):
        ratings.difference(0, 1)


def test_ties_only_say_nothing_of_the_order() -> None:
    for model in MODELS:
        assert rate(counts_of(2, [(0, 1, 0, 0, 9)]), model=model).why_unrated(0) == "only_ties"


def test_wins_one_way_and_ties_suit_any_large_strength_under_davidson_only() -> None:
    counts = counts_of(2, [(0, 1, 5, 0, 3)])
    assert rate(counts).why_unrated(0) == "no_upset"
    assert rate(counts, model="bradley-terry").difference(0, 1).value == pytest.approx(
        400 * np.log10(6.5 / 1.5)
    )


def test_an_order_that_ties_can_stretch_over_has_no_maximum_under_davidson() -> None:
    stretched = [(0, 1, 1, 0, 0), (1, 2, 0, 0, 1), (0, 2, 0, 0, 1)]
    assert rate(counts_of(3, stretched)).why_unrated(0) == "no_upset"
    assert rate(counts_of(3, stretched), model="bradley-terry").why_unrated(0) is None


def test_a_circle_of_wins_pins_down_the_ties() -> None:
    ratings = rate(counts_of(3, [(0, 1, 1, 0, 1), (1, 2, 1, 0, 1), (0, 2, 0, 1, 1)]))
    np.testing.assert_allclose(ratings.rating, 1000)
    assert ratings.tie_parameter == pytest.approx(2)


def test_components_are_rated_alone_and_numbered_by_size() -> None:
    small, large = [(0, 1, 3, 2, 1)], [(2, 3, 4, 2, 0), (3, 4, 2, 1, 1), (2, 4, 1, 1, 1)]
    ratings = rate(counts_of(6, [*small, *large, (0, 2, 7, 0, 0)]))
    assert ratings.component.tolist() == [1, 1, 0, 0, 0, 2]
    alone = rate(counts_of(2, small))
    np.testing.assert_allclose(ratings.rating[:2], alone.rating)
    np.testing.assert_allclose(ratings.se[:2], alone.se)
    assert ratings.components[1].tie_parameter == alone.tie_parameter
    assert ratings.tie_parameter == ratings.components[0].tie_parameter
    assert ratings.rank_worst.max() == 3
    assert np.isnan(ratings.covariance[0, 2])
    with pytest.raises(StatisticsError):
        ratings.difference(0, 2)


def test_a_long_chain_of_lone_contenders_is_taken_apart_quickly() -> None:
    chain = counts_of(400, [(i, j, 1, 0, 0) for i, j in pairwise(range(400))])
    assert len(rate(chain).components) == 400


def test_nothing_at_all_is_no_error() -> None:
    assert rate(counts_of(0, [])).components == ()
    assert rate(counts_of(1, [])).why_unrated(0) == "no_votes"


@pytest.mark.parametrize("model", MODELS)
def test_strengths_nearly_infinite_are_still_found(model: Model) -> None:
    steps = counts_of(40, [(i, j, 1e6, 1, 0) for i, j in pairwise(range(40))])
    ratings = rate(steps, model=model)
    np.testing.assert_allclose(-np.diff(ratings.rating), 2400, rtol=1e-9)
    np.testing.assert_allclose(
        [ratings.difference(i, j).se for i, j in pairwise(range(40))], 173.7, rtol=1e-3
    )


@pytest.mark.parametrize("ties", [1, 1e6])
def test_ties_almost_never_or_almost_always_are_still_found(ties: float) -> None:
    ratings = rate(counts_of(3, [(0, 1, 900, 800, ties), (1, 2, 900, 800, ties), (0, 2, 900, 800, ties)]))
    assert np.isfinite(ratings.rating).all()
    assert ratings.tie_parameter == pytest.approx(ties / np.sqrt(900 * 800), rel=0.02)


def test_wrong_questions_are_refused() -> None:
    counts = counts_of(2, [(0, 1, 2, 2, 0)])
    with pytest.raises(StatisticsError, match="unknown model 'elo'"):
        rate(counts, model="elo")  # type: ignore[arg-type]
    with pytest.raises(StatisticsError, match=r"1\.0 is no confidence"):
        rate(counts, confidence=1.0)
    with pytest.raises(StatisticsError, match="no difference from itself"):
        rate(counts).difference(0, 0)


def test_who_is_in_an_unrated_component_and_why_is_said_from_the_first_vote_on() -> None:
    ratings = rate(counts_of(3, [(0, 2, 1, 0, 0)]))
    assert [(part.members, part.unrated) for part in ratings.components] == [
        ((0,), "one_sided"),
        ((1,), "no_votes"),
        ((2,), "one_sided"),
    ]
    for ranks in (ratings.rank_best, ratings.rank_worst):
        assert ranks.dtype == np.int64
        assert ranks.tolist() == [0, 0, 0]
