"""Tukey's critical value and what rank sets make of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import StatisticsError
from fieldmark.statistics import normal_critical, rank_sets, tukey_critical


@pytest.mark.parametrize(
    ("k", "confidence", "q"),
    [  # tables of the studentized range with infinite degrees of freedom (Harter, 1960)
        (2, 0.95, 2.772),
        (3, 0.95, 3.314),
        (10, 0.95, 4.474),
        (20, 0.95, 5.012),
        (100, 0.95, 6.085),
        (3, 0.99, 4.120),
        (10, 0.99, 5.157),
        (10, 0.90, 4.129),
    ],
)
def test_the_critical_value_is_the_tabled_studentized_range(k: int, confidence: float, q: float) -> None:
    assert tukey_critical(k, confidence) * np.sqrt(2) == pytest.approx(q, abs=6e-4)


@given(st.integers(2, 200), st.floats(0.5, 0.9999))
def test_the_critical_value_lies_between_one_pair_and_bonferroni(k: int, confidence: float) -> None:
    critical = tukey_critical(k, confidence)
    pairs = k * (k - 1) / 2
    assert (
        normal_critical(confidence) - 1e-9 <= critical <= normal_critical(1 - (1 - confidence) / pairs) + 1e-9
    )
    assert critical < tukey_critical(k + 1, confidence)


def test_clear_differences_give_single_ranks_and_none_gives_all() -> None:
    rating, small, large = np.array([1100.0, 900.0, 1000.0]), np.eye(3), np.eye(3) * 1e6
    best, worst = rank_sets(rating, small, 0.95)
    assert best.tolist() == worst.tolist() == [1, 3, 2]
    best, worst = rank_sets(rating, large, 0.95)
    assert (best.tolist(), worst.tolist()) == ([1, 1, 1], [3, 3, 3])


def test_a_rank_is_open_between_neighbours_only() -> None:
    best, worst = rank_sets(np.array([1030.0, 1000.0, 970.0]), np.eye(3) * 150.0, 0.95)
    assert (best.tolist(), worst.tolist()) == ([1, 1, 2], [2, 3, 3])


def test_correlated_ratings_are_told_apart_where_intervals_overlap() -> None:
    together = np.full((2, 2), 400.0) + np.eye(2)
    best, worst = rank_sets(np.array([1004.0, 1000.0]), together, 0.95)
    assert best.tolist() == worst.tolist() == [1, 2]


def test_an_unknown_error_excludes_no_rank() -> None:
    best, worst = rank_sets(np.array([1100.0, 900.0]), np.full((2, 2), np.nan), 0.95)
    assert (best.tolist(), worst.tolist()) == ([1, 1], [2, 2])


def test_one_contender_has_no_differences() -> None:
    with pytest.raises(StatisticsError, match="no differences"):
        tukey_critical(1, 0.95)


@pytest.mark.parametrize(("apart", "decided"), [(28.0, True), (27.5, False)])
def test_a_difference_is_decided_at_its_own_error_times_the_critical_value(
    apart: float, decided: bool
) -> None:
    together = np.full((2, 2), 300.0) + np.eye(2) * 100  # the difference has variance 400 + 400 - 2 * 300
    best, worst = rank_sets(np.array([1000.0 + apart, 1000.0]), together, 0.95)  # 1.96 * 14.142 = 27.7
    assert (best.tolist(), worst.tolist()) == (([1, 2], [1, 2]) if decided else ([1, 1], [2, 2]))
    assert best.dtype == worst.dtype == np.int64


def test_small_differences_with_smaller_errors_are_decided() -> None:
    best, worst = rank_sets(np.array([1000.0, 1000.75]), np.eye(2) * 0.03, 0.95)
    assert best.tolist() == worst.tolist() == [2, 1]
