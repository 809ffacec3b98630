"""Votes for the tests: drawn from Davidson's model, or by Hypothesis such that every rating exists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from fieldmark.statistics import FloatArray, IntArray, PairCounts


def named(k: int) -> tuple[str, ...]:
    return tuple(f"c{i:03}" for i in range(k))


def counts_of(k: int, rows: Sequence[tuple[int, int, float, float, float]]) -> PairCounts:
    """From rows (first, second, wins of first, wins of second, ties)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    first, second = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return PairCounts(named(k), first, second, table[:, 2], table[:, 3], table[:, 4], np.zeros(len(table)))


def outcome_probabilities(strength: FloatArray, nu: float, a: IntArray, b: IntArray) -> FloatArray:
    """P(a), P(b), P(tie) of each pair by Davidson's formula as written in his paper, shape [N, 3]."""
    pi = np.exp(strength)
    weights = np.stack((pi[a], pi[b], nu * np.sqrt(pi[a] * pi[b])), axis=1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def draw(rng: np.random.Generator, strength: FloatArray, nu: float, per_pair: IntArray) -> PairCounts:
    """One sample of counts: `per_pair` [P] votes on every pair of contenders."""
    first, second = np.triu_indices(len(strength), 1)
    drawn = rng.multinomial(per_pair, outcome_probabilities(strength, nu, first, second)).astype(np.float64)
    a, b, tie = drawn.T
    return PairCounts(named(len(strength)), first, second, a, b, tie, np.zeros(len(first)))


@st.composite
def rateable(draw_: st.DrawFn, low: int = 2, high: int = 6) -> PairCounts:
    """Counts whose ratings exist under both models: along a chain everyone won and lost once or more."""
    k = draw_(st.integers(low, high))
    few = st.integers(0, 6)
    rows = []
    for first in range(k):
        for second in range(first + 1, k):
            chain = second == first + 1
            rows.append((first, second, draw_(few) + chain, draw_(few) + chain, draw_(few)))
    return counts_of(k, rows)


@st.composite
def sparse(draw_: st.DrawFn) -> PairCounts:
    """Few votes on few pairs, so that every way in which a rating can fail to exist turns up."""
    k = draw_(st.integers(2, 5))
    rare = st.sampled_from((0, 0, 1))
    pairs = [(first, second) for first in range(k) for second in range(first + 1, k)]
    return counts_of(k, [(*pair, draw_(rare), draw_(rare), draw_(rare)) for pair in pairs])
