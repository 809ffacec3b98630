"""Pairing: every pair can meet, its probability is the recorded one, and only exposure and undecidedness weigh."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from fieldmark.arena._pairing import NEWCOMER, UNDECIDED, draw, weights

DIGESTS = [f"{i:064x}" for i in range(5)]
BATTLES = dict(zip(DIGESTS, (0, 10, 40, 40, 40), strict=True))


def decided(a: str, b: str) -> bool:
    return {a, b} == {DIGESTS[3], DIGESTS[4]}


def undecided(a: str, b: str) -> bool:
    return not decided(a, b)


@given(
    st.lists(st.text("0123456789abcdef", min_size=4, max_size=4), min_size=2, max_size=9, unique=True),
    st.data(),
)
def test_probabilities_are_positive_and_sum_to_one(digests: list[str], data: st.DataObject) -> None:
    battles = data.draw(st.dictionaries(st.sampled_from(digests), st.integers(0, 100)))
    open_ = data.draw(st.sets(st.sampled_from(list(combinations(sorted(digests), 2)))))
    found = weights(digests, battles, lambda a, b: (a, b) in open_, minimum_exposure=30)
    assert set(found) == set(combinations(sorted(digests), 2))
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0


def test_newcomers_and_undecided_pairs_are_favoured() -> None:
    found = weights(DIGESTS, BATTLES, undecided, minimum_exposure=30)
    new, known, over = (
        found[DIGESTS[0], DIGESTS[2]],
        found[DIGESTS[2], DIGESTS[3]],
        found[DIGESTS[3], DIGESTS[4]],
    )
    assert new / over == pytest.approx(1 + NEWCOMER + UNDECIDED)
    assert known / over == pytest.approx(1 + UNDECIDED)
    assert found == weights(DIGESTS[::-1], BATTLES, undecided, minimum_exposure=30)


def test_draws_follow_the_recorded_probability_and_sides_are_balanced() -> None:
    found = weights(DIGESTS, BATTLES, undecided, minimum_exposure=30)
    chance, pairs, sides, times = random.Random(7), Counter[tuple[str, str]](), Counter[bool](), 20_000
    for _ in range(times):
        drawn = draw(found, chance)
        pair = (min(drawn.a, drawn.b), max(drawn.a, drawn.b))
        assert drawn.propensity == found[pair]
        pairs[pair] += 1
        sides[drawn.a < drawn.b] += 1
    assert chisquare([pairs[p] for p in found], [times * found[p] for p in found]).pvalue > 0.001
    assert chisquare([sides[True], sides[False]]).pvalue > 0.001
