"""Exact shares, votes to decide, and the histogram of durations."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.errors import StatisticsError
from fieldmark.statistics import (
    RELATIVE_ERROR,
    bucket,
    clopper_pearson,
    newcombe,
    normal_critical,
    quantile,
    votes_to_decide,
    wilson,
)

durations = st.floats(0.001, 1e9)


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [(7, 20, 0.153909, 0.592189), (0, 10, 0.0, 0.308497), (10, 10, 0.691503, 1.0), (1, 1, 0.025, 1.0)],
)
def test_clopper_pearson_gives_the_published_bounds(
    successes: int, n: int, lower: float, upper: float
) -> None:
    found = clopper_pearson(successes, n)
    assert (found.value, found.lower, found.upper) == pytest.approx((successes / n, lower, upper), abs=1e-6)


@settings(deadline=None)  # the first example imports scipy
@given(st.integers(1, 500), st.data())
def test_clopper_pearson_bounds_solve_the_binomial_tails(n: int, data: st.DataObject) -> None:
    from scipy.stats import binom

    x = data.draw(st.integers(0, n))
    found, mirrored = clopper_pearson(x, n, 0.9), clopper_pearson(n - x, n, 0.9)
    assert found.lower == pytest.approx(1 - mirrored.upper)
    if x > 0:
        assert float(binom.sf(x - 1, n, found.lower)) == pytest.approx(0.05)
    if x < n:
        assert float(binom.cdf(x, n, found.upper)) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("counts", "lower", "upper"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_gives_the_published_bounds(
    counts: tuple[int, int, int, int], lower: float, upper: float
) -> None:
    """Table II of the paper, cases a to h, method 10."""
    found = newcombe(*counts)
    assert found.value == pytest.approx(counts[0] / counts[1] - counts[2] / counts[3])
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=5e-5)


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_newcombe_is_antisymmetric_and_stays_between_minus_1_and_1(
    n_a: int, n_b: int, data: st.DataObject
) -> None:
    a, b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))
    found, swapped = newcombe(a, n_a, b, n_b, 0.9), newcombe(b, n_b, a, n_a, 0.9)
    assert -1 <= found.lower <= found.value <= found.upper <= 1
    assert (found.lower, found.upper) == pytest.approx((-swapped.upper, -swapped.lower), abs=1e-12)
    wider = newcombe(a, n_a, b, n_b, 0.99)
    assert wider.lower <= found.lower <= found.upper <= wider.upper


@given(st.integers(1, 500), st.data())
def test_wilson_bounds_solve_the_score_test(n: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, n))
    found, z = wilson(x, n), normal_critical(0.95)
    for bound in {found.lower, found.upper} - {0.0, 1.0}:
        assert abs(x / n - bound) == pytest.approx(z * math.sqrt(bound * (1 - bound) / n), abs=1e-9)


def test_newcombe_covers_nearly_what_it_says() -> None:
    """Computed over every outcome of two binomials; the paper's mean coverage of method 10 is 0.952."""
    from scipy.stats import binom

    n_a, n_b, covered = 24, 31, []
    for p, q in ((0.5, 0.5), (0.7, 0.58), (0.9, 0.6), (0.2, 0.35), (0.95, 0.8)):
        weights = [binom.pmf(range(n + 1), n, share) for n, share in ((n_a, p), (n_b, q))]
        covered.append(
            sum(
                weights[0][a] * weights[1][b]
                for a in range(n_a + 1)
                for b in range(n_b + 1)
                if newcombe(a, n_a, b, n_b).lower <= p - q <= newcombe(a, n_a, b, n_b).upper
            )
        )
    assert min(covered) > 0.93
    assert sum(covered) / len(covered) == pytest.approx(0.952, abs=0.012)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 5), (math.nan, 5)])
def test_no_share_without_votes(successes: float, n: float) -> None:
    for share in (clopper_pearson, wilson):
        with pytest.raises(StatisticsError):
            share(successes, n)
    with pytest.raises(StatisticsError):
        newcombe(1, 2, successes, n)


def test_a_confidence_lies_between_0_and_1() -> None:
    assert normal_critical(0.95) == pytest.approx(1.959964)
    for wrong in (0.0, 1.0, 95.0, math.nan):
        with pytest.raises(StatisticsError):
            normal_critical(wrong)
        with pytest.raises(StatisticsError):
            clopper_pearson(1, 2, wrong)


def test_votes_to_decide_is_the_least_number_that_would() -> None:
    assert votes_to_decide(20, 20, 100, 1.96) == 285  # 1.96² = 3.8416, so 384.16 votes in all
    assert votes_to_decide(-20, 20, 100, 1.96) == 285
    assert votes_to_decide(50, 20, 100, 1.96) == 0
    assert votes_to_decide(40, 20, 100, 2.0) == 1
    for difference, se in ((0.0, 20.0), (math.nan, 20.0), (10.0, math.nan), (1e-320, 20.0)):
        assert votes_to_decide(difference, se, 100, 1.96) is None


@given(st.floats(0.1, 500), st.floats(0.1, 500), st.integers(1, 10**6), st.floats(1, 5))
def test_with_that_many_more_votes_it_is_decided(d: float, se: float, votes: int, critical: float) -> None:
    more = votes_to_decide(d, se, votes, critical)
    assert more is not None
    assert critical * se * math.sqrt(votes / (votes + more)) < d * (1 + 1e-9)
    if more:
        assert critical * se * math.sqrt(votes / (votes + more - 1)) >= d * (1 - 1e-9)


def test_buckets_are_the_same_everywhere() -> None:
    known = {0: 0, 0.0005: 0, 0.001: 1, 1: 321, 1.01: 321, 1.04: 322, 2: 353, 1000: 639, 60_000: 827}
    assert {ms: bucket(ms) for ms in known} == known


@given(durations, durations)
def test_longer_durations_are_in_later_buckets(one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert bucket(short) <= bucket(long)
    if long > short * (1 + 2.1 * RELATIVE_ERROR):
        assert bucket(short) < bucket(long)


@given(st.lists(durations, min_size=1, max_size=60), st.floats(0, 1))
def test_a_quantile_is_within_its_relative_error_of_the_exact_one(many: list[float], q: float) -> None:
    exact = sorted(many)[max(1, math.ceil(q * len(many) - 1e-9)) - 1]
    assert quantile(Counter(map(bucket, many)), q) == pytest.approx(exact, rel=RELATIVE_ERROR)


def test_quantiles_of_known_durations() -> None:
    histogram = Counter(bucket(ms) for ms in range(1, 101))
    assert quantile(histogram, 0.5) == pytest.approx(50, rel=RELATIVE_ERROR)
    assert quantile(histogram, 0.95) == pytest.approx(95, rel=RELATIVE_ERROR)
    assert quantile({0: 3}, 0.5) == 0


def test_wrong_durations_and_quantiles_are_refused() -> None:
    for ms in (-1.0, math.nan, math.inf):
        with pytest.raises(StatisticsError, match="no duration"):
            bucket(ms)
    with pytest.raises(StatisticsError, match="no duration was measured"):
        quantile({}, 0.5)
    with pytest.raises(StatisticsError, match="no quantile"):
        quantile({5: 1}, 50)
    with pytest.raises(StatisticsError, match="negative"):
        quantile({5: -1}, 1)


def test_the_first_and_the_last_moment_have_their_place() -> None:
    assert bucket(2**-10) == 1
    assert quantile({5: 1, 900: 1}, 1) == quantile({900: 1}, 0)
    with pytest.raises(StatisticsError, match=r"1\.5 is no quantile"):
        quantile({5: 1}, 1.5)


def test_an_endless_difference_says_nothing_of_votes() -> None:
    assert votes_to_decide(math.inf, 20, 100, 1.96) is None
    assert votes_to_decide(20, math.inf, 100, 1.96) is None
