"""Intervals of means between known ends, pass@k and pass^k, paired comparisons, consistency and the Goodhart gap."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.errors import StatisticsError
from fieldmark.statistics import (
    clopper_pearson,
    consistency,
    goodhart_gap,
    mcnemar,
    mean_interval,
    paired_difference,
    pass_all_k,
    pass_at_k,
    pass_curve,
)

shares = st.lists(st.integers(0, 8).map(lambda c: c / 8), min_size=1, max_size=40)
quick = settings(deadline=None, max_examples=60)


@quick
@given(st.integers(1, 60), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_of_two_valued_numbers_it_is_the_exact_interval_of_a_share(
    n: int, data: st.DataObject, confidence: float
) -> None:
    passed = data.draw(st.integers(0, n))
    found = mean_interval([1.0] * passed + [0.0] * (n - passed), confidence=confidence)
    exact = clopper_pearson(passed, n, confidence)
    assert (found.lower, found.upper) == pytest.approx((exact.lower, exact.upper), abs=1e-9)


@pytest.mark.parametrize(("passed", "n"), [(199, 200), (3, 5000), (99_999, 100_000)])
def test_it_stays_exact_for_many_tasks_nearly_all_alike(passed: int, n: int) -> None:
    found = mean_interval([1.0] * passed + [0.0] * (n - passed))
    exact = clopper_pearson(passed, n)
    assert (found.lower, found.upper) == pytest.approx((exact.lower, exact.upper), abs=1e-9)


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_the_bounds_are_quantiles_of_randomly_weighted_means(size: int) -> None:
    """The second way: draw the weights instead of integrating."""
    rng = np.random.default_rng(size)
    values = rng.beta(0.6, 0.9, size)
    weights = rng.dirichlet(np.ones(size + 1), 100_000)
    found = mean_interval(values, confidence=0.9)
    assert found.value == pytest.approx(values.mean())
    assert found.upper == pytest.approx(np.quantile(weights @ np.append(values, 1), 0.95), abs=0.006)
    assert found.lower == pytest.approx(np.quantile(weights @ np.append(values, 0), 0.05), abs=0.006)


def test_all_passed_is_no_proof_of_perfection() -> None:
    found = mean_interval(np.ones(20))
    assert (found.value, found.upper) == (1, 1)
    assert found.lower == pytest.approx(0.025 ** (1 / 20))
    one_sided = 1 - mean_interval(np.ones(200), confidence=0.9).lower
    assert one_sided == pytest.approx(3 / 200, rel=0.01)


@quick
@given(shares, st.sampled_from([0.5, 0.9, 0.95]))
def test_it_holds_its_mean_mirrors_itself_and_grows_with_confidence(
    values: list[float], confidence: float
) -> None:
    found = mean_interval(values, confidence=confidence)
    mirrored = mean_interval([1 - v for v in values], confidence=confidence)
    wider = mean_interval(values, confidence=(1 + confidence) / 2)
    assert 0 <= found.lower <= found.value <= found.upper <= 1
    assert found.value == pytest.approx(np.mean(values))
    assert (1 - mirrored.upper, 1 - mirrored.lower) == pytest.approx((found.lower, found.upper), abs=1e-9)
    assert wider.lower <= found.lower + 1e-9
    assert wider.upper >= found.upper - 1e-9


@quick
@given(shares, st.integers(0, 39), st.floats(0, 1))
def test_a_better_task_moves_no_bound_down(values: list[float], place: int, raised: float) -> None:
    better = list(values)
    better[place % len(values)] = max(better[place % len(values)], raised)
    before, after = mean_interval(values), mean_interval(better)
    assert after.lower >= before.lower - 1e-9
    assert after.upper >= before.upper - 1e-9


def test_other_ends_only_scale_it() -> None:
    values = [0.25, 0.5, 1.0]
    plain, scaled = mean_interval(values), mean_interval([8 * v - 3 for v in values], lowest=-3, highest=5)
    expected = [8 * v - 3 for v in (plain.value, plain.lower, plain.upper)]
    assert [scaled.value, scaled.lower, scaled.upper] == pytest.approx(expected)


@pytest.mark.parametrize("values", [[], [float("nan")], [1.2], [-0.1, 0.5]])
def test_what_is_no_mean_of_such_values_is_refused(values: list[float]) -> None:
    with pytest.raises(StatisticsError):
        mean_interval(values)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_between_0_and_1(confidence: float) -> None:
    with pytest.raises(StatisticsError, match="confidence"):
        mean_interval([0.5], confidence=confidence)


@given(st.integers(1, 7), st.data())
def test_pass_at_k_and_pass_all_k_count_subsets_of_trials(n: int, data: st.DataObject) -> None:
    """The second way: look at every subset."""
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    subsets = list(combinations([True] * c + [False] * (n - c), k))
    every = Fraction(sum(all(s) for s in subsets), len(subsets))
    at_least_one = Fraction(sum(any(s) for s in subsets), len(subsets))
    assert pass_all_k([c], [n], k)[0] == pytest.approx(float(every))
    assert pass_at_k([c], [n], k)[0] == pytest.approx(float(at_least_one))
    assert pass_all_k([c], [n], k)[0] == pytest.approx(math.comb(c, k) / math.comb(n, k))


def test_pass_all_k_is_unbiased_where_the_plug_in_is_not() -> None:
    rng = np.random.default_rng(5)
    passes = rng.binomial(5, rng.beta(0.6, 0.6, 200_000))
    truth = 0.6 * 1.6 * 2.6 / (1.2 * 2.2 * 3.2)
    assert pass_all_k(passes, np.full_like(passes, 5), 3).mean() == pytest.approx(truth, abs=0.003)
    assert ((passes / 5) ** 3).mean() > truth + 0.03


def test_a_task_without_enough_trials_is_no_number() -> None:
    assert np.isnan(pass_all_k([2, 2], [2, 3], 3)).tolist() == [True, False]
    with pytest.raises(StatisticsError, match="pass\\^0"):
        pass_all_k([1], [1], 0)
    with pytest.raises(StatisticsError, match="more passes"):
        pass_all_k([3], [2], 1)
    with pytest.raises(StatisticsError, match="shape"):
        pass_all_k([3, 1], [4], 1)


def test_the_curves_part_at_one_and_leave_out_what_nobody_tried() -> None:
    points = pass_curve([4, 2, 0, 3], [4, 4, 4, 3], [1, 2, 3, 4, 5])
    assert [(p.k, p.tasks) for p in points] == [(1, 4), (2, 4), (3, 4), (4, 3)]
    assert points[0].at == points[0].all
    assert points[1].all.value == pytest.approx((1 + 1 / 6 + 0 + 1) / 4)
    assert points[1].at.value == pytest.approx((1 + 5 / 6 + 0 + 1) / 4)
    falling, rising = [p.all.value for p in points[:3]], [p.at.value for p in points[:3]]
    assert falling == sorted(falling, reverse=True)
    assert rising == sorted(rising)


def test_of_wordings_a_task_takes_the_mean_and_all_of_them_need_the_trials() -> None:
    points = pass_curve([[4, 0], [2, 4], [3, 0]], [[4, 4], [2, 4], [3, 0]], [1, 2, 3, 4])
    assert [(p.k, p.tasks) for p in points] == [(1, 3), (2, 3), (3, 2), (4, 1)]
    assert [p.all.value for p in points] == pytest.approx([(0.5 + 1 + 1) / 3, (0.5 + 1 + 1) / 3, 0.75, 0.5])
    assert points[1].at.value == pytest.approx((0.5 + 1 + 1) / 3)
    with pytest.raises(StatisticsError, match="counts of shape"):
        pass_curve([[[1]]], [[[1]]], [1])


@quick
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_a_less_b_is_minus_b_less_a(pairs: list[tuple[float, float]]) -> None:
    a, b = zip(*pairs, strict=True)
    found, swapped = paired_difference(a, b), paired_difference(b, a)
    assert -1 <= found.lower <= found.value <= found.upper <= 1
    assert (-swapped.upper, -swapped.lower) == pytest.approx((found.lower, found.upper), abs=1e-9)


def test_twenty_tasks_without_a_difference_leave_room_for_one() -> None:
    found = paired_difference(np.ones(20), np.ones(20))
    assert found.value == 0
    assert found.upper == pytest.approx(1 - 0.025 ** (1 / 20))
    with pytest.raises(StatisticsError, match="against"):
        paired_difference([1], [1, 0])


@pytest.mark.parametrize(
    ("a_only", "b_only", "p"), [(0, 0, 1.0), (1, 0, 1.0), (0, 6, 0.03125), (2, 8, 0.109375), (5, 5, 1.0)]
)
def test_mcnemar_is_the_exact_sign_test_of_unlike_pairs(a_only: int, b_only: int, p: float) -> None:
    assert mcnemar(a_only, b_only) == pytest.approx(p)
    assert mcnemar(b_only, a_only) == pytest.approx(p)


@quick
@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_scipys_binomial_test(a_only: int, b_only: int) -> None:
    from scipy.stats import binomtest

    if a_only + b_only:
        assert mcnemar(a_only, b_only) == pytest.approx(binomtest(a_only, a_only + b_only).pvalue)


def test_no_count_of_pairs_is_below_0() -> None:
    with pytest.raises(StatisticsError):
        mcnemar(-1, 2)


def test_consistency_is_how_often_two_wordings_end_alike() -> None:
    passes = [[4, 4, 4], [4, 0, 0], [2, 2, 0], [3, 0, 0]]
    trials = [[4, 4, 4], [4, 4, 0], [4, 4, 0], [4, 0, 0]]
    found = consistency(passes, trials)
    assert found.agreement[:3] == pytest.approx([1, 0, 0.5])
    assert np.isnan(found.agreement[3])
    assert found.tasks == 3
    assert found.interval == mean_interval([1, 0, 0.5])
    with pytest.raises(StatisticsError, match="two wordings"):
        consistency([[1], [0]], [[2], [2]])
    with pytest.raises(StatisticsError, match="counts of shape"):
        consistency([1, 0], [2, 2])


def test_consistency_is_unbiased_for_independent_trials() -> None:
    rng = np.random.default_rng(6)
    p = np.broadcast_to([[0.9, 0.4, 0.7]], (20_000, 3))
    found = consistency(rng.binomial(3, p), np.full((20_000, 3), 3))
    pairs = [(0.9, 0.4), (0.9, 0.7), (0.4, 0.7)]
    truth = np.mean([a * b + (1 - a) * (1 - b) for a, b in pairs])
    assert found.interval.value == pytest.approx(truth, abs=0.005)


def test_the_gap_compares_tasks_of_one_kind() -> None:
    found = goodhart_gap(
        [1, 1, 0.5, 0, 0],
        [0.5, 0.5, 0.5, 0.9],
        open_kinds=["sum", "sum", "sum", "sort", "only-open"],
        sealed_kinds=["sum", "sum", "sort", "only-sealed"],
    )
    assert found.open.value == pytest.approx(2 / 3 * 2.5 / 3 + 0)
    assert found.sealed.value == pytest.approx(0.5)
    assert (found.open_tasks, found.sealed_tasks) == (4, 3)
    assert not found.exposed
    with pytest.raises(StatisticsError, match="both open and sealed"):
        goodhart_gap([1], [0], open_kinds=["a"], sealed_kinds=["b"])
    with pytest.raises(StatisticsError, match="kinds"):
        goodhart_gap([1], [0], open_kinds=["a", "b"], sealed_kinds=["b"])


def test_a_wide_gap_is_an_exposure_and_none_is_not() -> None:
    assert goodhart_gap(np.ones(30), np.zeros(30)).exposed
    assert not goodhart_gap(np.ones(30), np.ones(30)).exposed
    found = goodhart_gap(np.ones(30), np.ones(30))
    assert found.difference.lower == pytest.approx(-found.difference.upper)


def test_few_tasks_passed_or_failed_throughout_are_covered() -> None:
    """What benchmarks/coverage.py shows at length: the designs in which a t interval fails."""
    rng = np.random.default_rng(7)
    passes = rng.binomial(5, rng.beta(1, 9, (300, 20)))
    truth = 1 * 2 * 3 / (10 * 11 * 12)
    held = [mean_interval(row) for row in pass_all_k(passes, np.full_like(passes, 5), 3)]
    assert np.mean([one.lower <= truth <= one.upper for one in held]) >= 0.95
    differences = rng.random((300, 20)) < 0.05
    pairs = [paired_difference(row, np.zeros(20)) for row in differences]
    assert np.mean([one.lower <= 0.05 <= one.upper for one in pairs]) >= 0.95
