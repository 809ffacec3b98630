"""Variance between and within tasks, power before a run, correlation of trials, change of skill, stopping early."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics import (
    AnytimeDifference,
    AnytimeMean,
    FloatArray,
    anytime_interval,
    change_over_trials,
    detectable_difference,
    difference_split,
    intraclass_correlation,
    mean_interval,
    more_tasks_needed,
    paired_difference,
    tasks_needed,
    trials_needed,
    variance_split,
)

quick = settings(deadline=None, max_examples=25)


def test_the_variance_is_split_as_by_hand() -> None:
    found = variance_split([4, 0, 2, 2], [4, 4, 4, 4])
    within = (0 + 0 + 2 * 2 / 12 + 2 * 2 / 12) / 4
    assert found.within == pytest.approx(math.sqrt(within))
    assert found.between == pytest.approx(math.sqrt(np.var([1, 0, 0.5, 0.5], ddof=1) - within / 4))


def test_the_variance_is_split_without_bias() -> None:
    rng = np.random.default_rng(1)
    trials = rng.integers(1, 9, 100_000)
    a = rng.beta(2, 1, 100_000)
    b = np.clip(a + rng.normal(0, 0.1, a.size), 0, 1)
    found = variance_split(rng.binomial(trials, a), trials)
    assert found.between == pytest.approx(a.std(), abs=0.005)
    assert found.within == pytest.approx(math.sqrt((a * (1 - a)).mean()), abs=0.005)
    split = difference_split(rng.binomial(4, a), np.full(a.size, 4), rng.binomial(3, b), np.full(a.size, 3))
    assert split.between == pytest.approx((a - b).std(), abs=0.01)


def test_wordings_that_differ_are_no_noise_within_a_task() -> None:
    passes, trials = [[4, 0], [4, 0], [4, 4]], [[4, 4], [4, 4], [4, 4]]
    found = variance_split(passes, trials)
    assert found.within == 0
    assert found.between == pytest.approx(np.std([0.5, 0.5, 1], ddof=1))
    assert variance_split([[4, 0]] * 20, [[4, 4]] * 20).between == 0
    assert trials_needed([[4, 0]] * 20, [[4, 4]] * 20, 0.1) == 0
    assert more_tasks_needed(passes, trials, 0.1) == more_tasks_needed([2, 2, 4], [4, 4, 4], 0.1)
    split = difference_split(passes, trials, [[0, 4], [0, 4], [4, 4]], trials)
    assert (split.between, split.within) == (0, 0)


def test_of_wordings_the_variance_is_split_without_bias() -> None:
    rng = np.random.default_rng(12)
    task = rng.beta(2, 2, (60_000, 1))
    p = np.clip(task + np.array([-0.2, 0.1, 0.1]), 0, 1)
    trials = rng.integers(0, 5, p.shape)
    trials[:, 0] = 3
    trials[0] = 0
    found = variance_split(rng.binomial(3, p), np.full(p.shape, 3))
    assert found.between == pytest.approx(p.mean(axis=1).std(), abs=0.005)
    assert found.within == pytest.approx(math.sqrt((p * (1 - p)).mean()), abs=0.005)
    shifted = np.broadcast_to(task, p.shape)  # where wordings are alike, some may be missing
    found = variance_split(rng.binomial(trials, shifted), trials)
    assert found.between == pytest.approx(task.std(), abs=0.01)
    assert found.within == pytest.approx(math.sqrt((task * (1 - task)).mean()), abs=0.005)


def test_single_trials_cannot_tell_between_from_within() -> None:
    assert variance_split([1, 0, 1], [1, 1, 1]).between is None
    assert variance_split([1], [2]).between is None
    assert variance_split([1], [2]).within is not None
    assert difference_split([1], [1], [2], [2]).within is None


DESIGNS = (
    (10, 8, 0.0, 0.0),
    (14, 8, 0.0, 0.0),
    (20, 8, 0.0, 0.0),
    (20, 8, 0.25, 0.0),
    (40, 8, 0.25, 0.0),
    (100, 8, 0.0, 0.0),
    (20, 1, 0.0, 0.0),
    (20, 4, 0.0, 0.5),
    (30, 2, 0.0, 0.5),
    (60, 1, 0.0, 0.5),
)
"""Tasks, trials, standard deviation of the true difference between tasks, and how far rates of tasks lie apart."""


def rates(
    rng: np.random.Generator, tasks: int, difference: float, between: float, apart: float
) -> tuple[FloatArray, FloatArray]:
    """True rates of two contenders about a half."""
    half = (difference + between * rng.standard_normal(tasks)) / 2
    middle = 0.5 + apart * (1 - difference) * (rng.random(tasks) - 0.5)
    return np.clip(middle + half, 0, 1), np.clip(middle - half, 0, 1)


@pytest.mark.parametrize(("tasks", "trials", "between", "apart"), DESIGNS)
def test_what_is_planned_is_what_the_interval_finds(
    tasks: int, trials: int, between: float, apart: float
) -> None:
    within = 0.5
    found = detectable_difference(tasks, trials, trials, between, within)
    for _ in range(4 if apart else 0):  # how much trials vary follows from the difference, and it from that
        assert found is not None
        many = np.array(rates(np.random.default_rng(1), 20_000, found, between, apart))
        within = math.sqrt((many * (1 - many)).mean())
        found = detectable_difference(tasks, trials, trials, between, within)
    assert found is not None
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(250):
        a, b = rates(rng, tasks, found, between, apart)
        hits += (
            paired_difference(rng.binomial(trials, a) / trials, rng.binomial(trials, b) / trials).lower > 0
        )
    assert hits / 250 == pytest.approx(0.8, abs=0.06)
    assert tasks_needed(found, trials, trials, between, within) == tasks


def test_for_many_tasks_power_follows_the_formula() -> None:
    error = math.sqrt((0.1**2 + 0.4**2 / 4 + 0.4**2 / 8) / 50_000)
    found = detectable_difference(50_000, 4, 8, 0.1, 0.4)
    assert found == pytest.approx((1.959964 + 0.841621) * error, rel=0.02)
    assert found is not None
    assert tasks_needed(found / 2, 4, 8, 0.1, 0.4) == pytest.approx(200_000, rel=0.02)
    assert tasks_needed(-found / 2, 4, 8, 0.1, 0.4) == tasks_needed(found / 2, 4, 8, 0.1, 0.4)


@pytest.mark.parametrize(("tasks", "power", "least"), [(3, 0.8, None), (5, 0.8, None), (20, 0.5, 0.2)])
def test_nothing_is_found_that_equal_tasks_would_hide(tasks: int, power: float, least: float | None) -> None:
    """The interval of T equal differences d holds 0 until (1 + d)^T is 40."""
    found = detectable_difference(tasks, 100_000, 100_000, 0, 0, power=power)
    assert found == (None if least is None else pytest.approx(40 ** (1 / tasks) - 1, abs=0.001))
    assert tasks_needed(1, 1, 1, 0, 0.5) == 6, "2^6 is more than 40"


def test_differences_that_vary_take_more() -> None:
    alike, varied = (detectable_difference(20, 8, 8, between, 0.5) for between in (0.0, 0.25))
    assert alike is not None
    assert varied is not None
    assert varied > alike + 0.03


def test_what_no_plan_can_be_made_of_is_refused() -> None:
    for none in (0, 1.1, math.nan):
        with pytest.raises(StatisticsError, match=f"difference of {none}"):
            tasks_needed(none, 1, 1, 0.1, 0.1)
    with pytest.raises(StatisticsError, match="power"):
        detectable_difference(10, 1, 1, 0.1, 0.1, power=1)
    with pytest.raises(StatisticsError, match="tasks"):
        detectable_difference(0, 1, 1, 0.1, 0.1)
    with pytest.raises(StatisticsError, match="trials"):
        tasks_needed(0.1, 0, 1, 0.1, 0.1)
    for wanted in (trials_needed, more_tasks_needed):
        with pytest.raises(StatisticsError, match="wide"):
            wanted([1, 2], [2, 2], 0)


def test_so_many_trials_more_give_about_that_width() -> None:
    rng = np.random.default_rng(3)
    p = np.full(100, 0.6)
    passes = rng.binomial(3, p)
    more = trials_needed(passes, np.full(100, 3), 0.04)
    assert more is not None
    found = mean_interval(rng.binomial(3 + more, p) / (3 + more))
    assert (found.upper - found.lower) / 2 == pytest.approx(0.04, rel=0.2)
    assert trials_needed(passes, np.full(100, 3), 0.5) == 0
    two = trials_needed(rng.binomial(2, 0.6, (100, 2)), np.full((100, 2), 2), 0.04)
    assert two is not None
    assert 2 * (2 + two) == pytest.approx(3 + more, abs=2), "of two wordings half as many of each"


def test_where_tasks_differ_too_much_only_more_tasks_help() -> None:
    rng = np.random.default_rng(4)
    passes, trials = 8 * (rng.random(40) < 0.5), np.full(40, 8)
    passes[:5] = 4
    assert trials_needed(passes, trials, 0.05) is None
    more = more_tasks_needed(passes, trials, 0.05)
    assert more is not None
    found = mean_interval(np.resize(passes / 8, 40 + more))
    assert (found.upper - found.lower) / 2 == pytest.approx(0.05, rel=0.05)
    assert more_tasks_needed([1], [1], 0.1) is None
    assert trials_needed([1, 0], [1, 1], 0.3) is None


@pytest.mark.parametrize(("p", "correlation"), [(0.7, 0.0), (0.7, 0.3), (0.4, 0.6), (0.9, 0.1)])
def test_the_correlation_of_trials_is_found(p: float, correlation: float) -> None:
    rng = np.random.default_rng(5)
    both = 1 / correlation - 1 if correlation else 1e9
    held = []
    for _ in range(20):
        passes = rng.binomial(8, rng.beta(p * both, (1 - p) * both, 60))
        found = intraclass_correlation(passes, np.full(60, 8))
        assert found is not None
        assert 0 <= found.lower <= found.value <= found.upper <= 1
        held.append(found.lower <= correlation + 1e-6 and correlation <= found.upper)
    assert sum(held) >= 18


def test_the_correlation_is_that_of_pairs_of_trials() -> None:
    """The second way: correlate trials of one task directly."""
    rng = np.random.default_rng(6)
    chance = rng.beta(1.4, 0.6, (4000, 1))
    results = (rng.random((4000, 6)) < chance).astype(float)
    first, second = np.triu_indices(6, 1)
    direct = np.corrcoef(results[:, first].ravel(), results[:, second].ravel())[0, 1]
    found = intraclass_correlation(results.sum(axis=1), np.full(4000, 6))
    assert found is not None
    assert found.value == pytest.approx(direct, abs=0.005)


def test_the_correlations_bounds_are_where_the_mean_excess_may_just_be_0() -> None:
    """The second way: the interval of the excess itself, at both bounds."""
    rng = np.random.default_rng(11)
    passes, trials = rng.binomial(6, rng.beta(1.4, 0.6, 50)), np.full(50, 6)
    found = intraclass_correlation(passes, trials)
    assert found is not None
    rate = passes / 6
    mean = rate.mean()
    single, whole = passes * (6 - passes) / 30, rate * (1 - 2 * mean) + mean**2
    small, large = sorted((mean**2, (1 - mean) ** 2))

    def excess(correlation: float) -> tuple[float, float]:
        within = 1 - correlation
        ends = {"lowest": -within * large, "highest": 0.3 - within * small}
        one = mean_interval(single - within * whole, **ends)
        return one.lower, one.upper

    assert excess(found.upper)[0] == pytest.approx(0, abs=1e-4)
    assert excess(found.lower)[1] == pytest.approx(0, abs=1e-4)


def test_of_wordings_the_correlation_is_that_within_one() -> None:
    fixed = intraclass_correlation([[4, 0]] * 30, [[4, 4]] * 30)
    assert fixed is not None
    assert (fixed.value, fixed.upper) == (1, 1)
    rng = np.random.default_rng(13)
    chance = rng.beta(1.4, 0.6, 400)
    passes, trials = rng.binomial(3, chance, (2, 400)).T, np.full((400, 2), 3)
    passes[200:, 1] = trials[200:, 1] = 0
    found = intraclass_correlation(passes, trials)
    assert found is not None
    assert found.lower < 1 / 3 < found.upper
    assert found.upper - found.lower < 0.2


def test_a_correlation_needs_trials_that_differ() -> None:
    assert intraclass_correlation([8, 8, 8], [8, 8, 8]) is None
    assert intraclass_correlation([1, 0, 1, 1], [1, 1, 1, 1]) is None
    always_or_never = intraclass_correlation([8, 0] * 20, [8] * 40)
    assert always_or_never is not None
    assert always_or_never.upper == 1
    assert always_or_never.lower > 0.5


def sums(results: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Passes, numbers of the passed and trials, of results of shape (T, K)."""
    found = np.asarray(results, dtype=float)
    return found.sum(axis=1), found @ np.arange(1.0, found.shape[1] + 1), np.full(len(found), found.shape[1])


def test_a_change_of_skill_is_the_slope_from_first_to_last() -> None:
    rows = ([1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1])
    found = change_over_trials(*sums(rows))
    assert found is not None
    slopes = [np.polyfit([0, 1 / 3, 2 / 3, 1], row, 1)[0] for row in rows]
    assert found.interval.value == pytest.approx(np.mean(slopes))
    assert found.interval.lower < found.interval.value < found.interval.upper
    assert (found.trials, found.tasks) == (4, 3)


def test_a_change_is_over_the_trials_that_half_of_the_tasks_have() -> None:
    found = change_over_trials([1, 1, 1, 0], [1, 1, 1, 0], [2, 2, 4, 0])
    assert found is not None
    assert (found.trials, found.tasks) == (2, 3)
    assert found.interval.value == pytest.approx((-1 - 1 + np.polyfit(range(4), [1, 0, 0, 0], 1)[0]) / 3)
    courses = change_over_trials([[1, 2], [0, 1]], [[1, 3], [0, 2]], [[2, 2], [0, 2]])
    assert courses is not None
    assert courses.interval.value == pytest.approx((-1 / 2 + 1) / 2), "a task has the mean over its courses"
    falls = change_over_trials(*sums([[1, 1, 1, 1, 0, 0, 0, 0]] * 30))
    assert falls is not None
    assert (falls.interval.value, falls.interval.lower) == (-1, -1), "no rate changes by more"


def test_a_change_of_skill_is_covered() -> None:
    rng = np.random.default_rng(7)
    chance = 0.9 - 0.05 * np.arange(8)
    held = [
        found.interval
        for _ in range(100)
        if (found := change_over_trials(*sums(rng.random((40, 8)) < chance)))
    ]
    assert np.mean([one.lower <= -0.35 <= one.upper for one in held]) >= 0.94
    assert np.mean([one.value for one in held]) == pytest.approx(-0.35, abs=0.02)


def test_without_a_second_trial_there_is_no_change() -> None:
    assert change_over_trials([], [], []) is None
    assert change_over_trials([1, 0, 1], [1, 0, 2], [1, 1, 2]) is None


@pytest.mark.parametrize(
    ("passes", "numbers", "trials"),
    [([3], [6], [2]), ([1], [3], [2]), ([2], [2], [2]), ([0], [1], [2]), ([1], [[1, 1]], [2])],
)
def test_sums_that_no_trials_have_are_refused(
    passes: ArrayLike, numbers: ArrayLike, trials: ArrayLike
) -> None:
    with pytest.raises(StatisticsError):
        change_over_trials(passes, numbers, trials)


def test_of_two_valued_numbers_it_is_the_beta_binomial_mixture() -> None:
    """The second way: the mixture in closed form, over the same grid of means."""
    from scipy.special import betaln

    rng = np.random.default_rng(8)
    means = np.arange(1, 1000) / 1000
    sequence, low, high, passed = AnytimeMean(), 0.001, 0.999, 0
    for n in range(1, 121):
        x = int(rng.random() < 0.8)
        passed += x
        sequence.add(x)
        mixture = betaln(passed + 0.5, n - passed + 0.5) - betaln(0.5, 0.5)
        plain = passed * np.log(means) + (n - passed) * np.log1p(-means)
        standing = means[mixture - plain < math.log(20)]
        low, high = max(low, standing[0]), min(high, standing[-1])
        found = sequence.interval()
        assert (found.lower, found.upper) == pytest.approx((low - 0.001, high + 0.001), abs=0.0011)


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_it_only_ever_narrows_and_holds_its_value(values: list[float]) -> None:
    sequence = AnytimeMean(0.9)
    before = sequence.interval()
    assert (before.lower, before.upper) == (0, 1)
    for value in values:
        sequence.add(value)
        found = sequence.interval()
        assert before.lower <= found.lower <= found.value <= found.upper <= before.upper
        assert sequence.half_width == pytest.approx((found.upper - found.lower) / 2)
        before = found
    assert sequence.n == len(values)
    assert anytime_interval(values, confidence=0.9) == before


def test_looking_after_every_task_is_wrong_one_time_in_twenty_at_most() -> None:
    rng = np.random.default_rng(9)
    wrong, peeked = 0, 0
    for _ in range(60):
        values = rng.choice([0.0, 0.5, 1.0], 150, p=[0.2, 0.1, 0.7])
        found = anytime_interval(values)  # what was left out once never comes back
        wrong += not found.lower <= 0.75 <= found.upper
        n = np.arange(1, 151)
        mean = values.cumsum() / n
        error = np.sqrt(np.maximum((values**2).cumsum() / n - mean**2, 0) / n)
        peeked += bool((abs(mean - 0.75) > 1.96 * error)[9:].any())
    assert wrong / 60 <= 0.05
    assert peeked / 60 > 0.2


def test_low_variance_is_rewarded() -> None:
    steady, wild = anytime_interval([0.5] * 100), anytime_interval([0.0, 1.0] * 50)
    assert steady.upper - steady.lower < 0.5 * (wild.upper - wild.lower)


def test_a_long_run_neither_overflows_nor_loses_its_way() -> None:
    rng = np.random.default_rng(10)
    found = anytime_interval(rng.random(5000) < 0.999)
    assert found.lower <= 0.999 <= found.upper
    assert found.upper - found.lower < 0.02


def test_a_difference_is_decided_once_0_is_out() -> None:
    race = AnytimeDifference()
    assert (race.n, race.decided, race.half_width) == (0, False, 1)
    while not race.decided:
        race.add(0.75, 0.25)
    assert race.n < 25
    assert race.interval().lower > 0
    assert race.interval().value == pytest.approx(0.5)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_value_beyond_the_ends_is_refused(value: float) -> None:
    sequence = AnytimeMean()
    with pytest.raises(StatisticsError):
        sequence.add(value)
    assert sequence.n == 0
    with pytest.raises(StatisticsError):
        AnytimeMean(lowest=1, highest=1)
