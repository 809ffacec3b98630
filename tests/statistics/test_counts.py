"""Counting votes, and who cast them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import StatisticsError
from fieldmark.statistics import (
    OUTCOMES,
    BothBad,
    ClusterScores,
    FloatArray,
    IntArray,
    PairCounts,
    Winner,
    rate,
)
from tests.statistics.samples import counts_of

votes = st.lists(st.tuples(st.permutations("wxyz"), st.sampled_from(OUTCOMES)), max_size=40)


def test_votes_are_counted_whichever_side_a_contender_was_on() -> None:
    winners: list[Winner] = ["a", "b", "tie", "both_bad", "a"]
    counts = PairCounts.from_votes(list("yxxyz"), list("xyyxx"), winners)
    assert counts.names == ("x", "y", "z")
    assert counts.first.tolist() == [0, 0]
    assert counts.second.tolist() == [1, 2]
    assert counts.wins_first.tolist() == [0, 0]
    assert counts.wins_second.tolist() == [2, 1]
    assert (counts.ties.tolist(), counts.both_bad.tolist()) == ([1, 0], [1, 0])


@given(votes)
def test_no_vote_is_lost(cast: list[tuple[list[str], Winner]]) -> None:
    a, b = [pair[0] for pair, _ in cast], [pair[1] for pair, _ in cast]
    counts = PairCounts.from_votes(a, b, [winner for _, winner in cast], names="wxyz")
    tally = counts.tally()
    assert counts.votes == len(cast)
    assert tally.battles.tolist() == [(a + b).count(name) for name in "wxyz"]
    assert tally.wins.sum() == tally.losses.sum() == sum(winner in ("a", "b") for _, winner in cast)
    assert counts.with_both_bad("tie").ties.sum() == counts.ties.sum() + counts.both_bad.sum()
    assert counts.with_both_bad("ignore").both_bad.sum() == 0


def test_wrong_votes_are_refused() -> None:
    with pytest.raises(StatisticsError, match="unknown contender or winner 'left'"):
        PairCounts.from_votes(["x"], ["y"], ["left"])  # type: ignore[list-item]
    with pytest.raises(StatisticsError, match="unknown contender or winner 'y'"):
        PairCounts.from_votes(["x"], ["y"], ["a"], names=["x"])
    with pytest.raises(StatisticsError, match="differ in length"):
        PairCounts.from_votes(["x"], ["y", "z"], ["a"])
    with pytest.raises(StatisticsError, match="met itself"):
        PairCounts.from_votes(["x"], ["x"], ["a"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ("x", "x", "z")}, "one name"),
        ({"first": np.array([0, 3])}, "outside 0 to 2"),
        ({"second": np.array([-1, 2])}, "outside 0 to 2"),
        ({"first": np.array([0, 2])}, "met itself"),
        ({"first": np.array([0, 1]), "second": np.array([1, 0])}, "listed twice"),
        ({"ties": np.array([0.0, -1.0])}, "negative"),
        ({"ties": np.array([0.0, np.nan])}, "not a number"),
        ({"both_bad": np.array([0.0])}, "differ in length"),
    ],
)
def test_wrong_counts_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(StatisticsError, match=message):
        replace(counts_of(3, [(0, 1, 1, 1, 1), (0, 2, 1, 1, 1)]), **change)  # type: ignore[arg-type]


def test_clusters_must_be_on_counted_pairs() -> None:
    counts = counts_of(3, [(0, 1, 1, 1, 0)])
    one, two = np.array([1]), np.array([2])
    with pytest.raises(StatisticsError, match="a pair that the counts do not hold"):
        ClusterScores.from_indices(counts, one, two, np.array([0]), np.array([7]))
    with pytest.raises(StatisticsError, match="differ in length"):
        ClusterScores.from_indices(counts, one, two, np.array([0]), np.array([7, 8]))


def test_one_cluster_has_a_rating_but_no_error() -> None:
    a, b, outcome = np.array([0, 1, 0]), np.array([1, 0, 1]), np.array([0, 0, 2])
    counts = PairCounts.from_indices(("x", "y"), a, b, outcome)
    ratings = rate(counts, clusters=ClusterScores.from_indices(counts, a, b, outcome, np.zeros(3, dtype=int)))
    assert np.isfinite(ratings.rating).all()
    assert np.isnan([*ratings.se, *ratings.lower, *ratings.upper, ratings.difference(0, 1).se]).all()
    assert (ratings.rank_best.tolist(), ratings.rank_worst.tolist()) == ([1, 1], [2, 2])


def test_weights_of_clustered_votes_count_as_that_many_votes() -> None:
    a, b, outcome = np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0]), np.array([0, 0, 3, 2])
    voter, times = np.array([5, 9, 5, 9]), np.array([3.0, 2.0, 1.0, 2.0])
    rows = np.repeat(np.arange(4), times.astype(int))
    packed = PairCounts.from_indices(("x", "y"), a, b, outcome, times)
    spread = PairCounts.from_indices(("x", "y"), a[rows], b[rows], outcome[rows])
    one = ClusterScores.from_indices(packed, a, b, outcome, voter, times)
    other = ClusterScores.from_indices(spread, a[rows], b[rows], outcome[rows], voter[rows])
    for both_bad in ("ignore", "tie"):
        left, right = (
            rate(counts, clusters=clusters, both_bad=both_bad)
            for counts, clusters in ((packed, one), (spread, other))
        )
        np.testing.assert_allclose(left.se, right.se)
        assert left.se[0] > 0


def test_clusters_find_their_pairs_in_any_order_of_the_counts() -> None:
    a, b, outcome = np.array([0, 1, 2, 0, 1, 2]), np.array([1, 2, 0, 2, 0, 1]), np.array([0, 0, 0, 1, 2, 0])
    voter = np.array([1, 1, 2, 2, 3, 3])
    sorted_ = PairCounts.from_indices("xyz", a, b, outcome)
    place = np.array([2, 0, 1])
    turned = replace(
        sorted_,
        **{name: getattr(sorted_, name)[place] for name in ("first", "second", "wins_first", "wins_second")},
        ties=sorted_.ties[place],
        both_bad=sorted_.both_bad[place],
    )
    one, other = (
        rate(counts, clusters=ClusterScores.from_indices(counts, a, b, outcome, voter))
        for counts in (sorted_, turned)
    )
    np.testing.assert_allclose(one.se, other.se)
    assert np.isfinite(one.se).all()


def test_clustered_both_bad_is_dropped_or_is_a_tie() -> None:
    a, b = np.array([0, 1, 0, 1, 0, 1]), np.array([1, 0, 1, 0, 1, 0])
    outcome, voter = np.array([0, 0, 3, 2, 0, 3]), np.array([5, 9, 5, 9, 7, 8])

    def se(kept: IntArray, both_bad: BothBad, code: int) -> FloatArray:
        seen = np.where(outcome == 3, code, outcome)[kept]
        counts = PairCounts.from_indices("xy", a[kept], b[kept], seen)
        clusters = ClusterScores.from_indices(counts, a[kept], b[kept], seen, voter[kept])
        return rate(counts, clusters=clusters, both_bad=both_bad).se

    everything = np.arange(6)
    assert se(everything, "tie", 3) == pytest.approx(se(everything, "tie", 2))
    assert se(everything, "ignore", 3) == pytest.approx(se(np.flatnonzero(outcome < 3), "ignore", 3))
    assert se(everything, "tie", 3) != pytest.approx(se(everything, "ignore", 3))


def test_a_voter_whose_votes_weigh_nothing_is_no_cluster() -> None:
    a, b, outcome, voter = np.array([0, 1, 0]), np.array([1, 0, 1]), np.array([0, 0, 1]), np.arange(3)
    counts = PairCounts.from_indices("xy", a, b, outcome, np.array([3.0, 2.0, 0.0]))
    three = ClusterScores.from_indices(counts, a, b, outcome, voter, np.array([3.0, 2.0, 0.0]))
    two = ClusterScores.from_indices(counts, a[:2], b[:2], outcome[:2], voter[:2], np.array([3.0, 2.0]))
    np.testing.assert_allclose(rate(counts, clusters=three).se, rate(counts, clusters=two).se)


def test_no_cluster_at_all_gives_no_error() -> None:
    counts, none = counts_of(2, [(0, 1, 2, 1, 1)]), np.zeros(0, dtype=np.int64)
    ratings = rate(counts, clusters=ClusterScores.from_indices(counts, none, none, none, none))
    assert np.isfinite(ratings.rating).all()
    assert np.isnan(ratings.se).all()


def test_clusters_summed_in_blocks_give_the_same_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(0, 4, 60)
    b, outcome, voter = (a + rng.integers(1, 4, 60)) % 4, rng.integers(0, 3, 60), rng.integers(0, 11, 60)
    counts = PairCounts.from_indices("wxyz", a, b, outcome)
    clusters = ClusterScores.from_indices(counts, a, b, outcome, voter)
    at_once = rate(counts, clusters=clusters).se
    monkeypatch.setattr("fieldmark.statistics._errors._BLOCK", 5 * 3)  # three clusters of K + 1 numbers
    np.testing.assert_allclose(rate(counts, clusters=clusters).se, at_once)


def test_votes_across_or_outside_a_component_do_not_count_in_its_clustered_errors() -> None:
    rng = np.random.default_rng(6)
    a = np.concatenate((rng.integers(0, 3, 40), rng.integers(3, 5, 20), np.zeros(9, dtype=np.int64)))
    b = np.concatenate(((a[:40] + rng.integers(1, 3, 40)) % 3, 7 - a[40:60], np.full(9, 4)))
    outcome = np.concatenate((rng.integers(0, 3, 60), np.zeros(9, dtype=np.int64)))  # 0 always beat 4
    voter = rng.integers(0, 8, 69)

    def se(names: str, kept: IntArray, less: int) -> FloatArray:
        votes = (a[kept] - less, b[kept] - less, outcome[kept])
        counts = PairCounts.from_indices(names, *votes)
        return rate(counts, clusters=ClusterScores.from_indices(counts, *votes, voter[kept])).se

    together = se("vwxyz", np.arange(69), 0)
    np.testing.assert_allclose(together[:3], se("vwx", np.arange(40), 0))
    np.testing.assert_allclose(together[3:], se("yz", np.arange(40, 60), 3))
    assert np.isfinite(together).all()
