"""Which two contenders meet: every pair has a positive probability, and it is recorded with the battle."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

NEWCOMER = 4.0
"""Added weight of a pair in which a contender is under its minimum exposure."""
UNDECIDED = 2.0
"""Added weight of a pair whose order the votes have not decided."""


@dataclass(frozen=True)
class Pairing:
    """A drawn pair on its sides, with the probability of drawing this unordered pair."""

    a: str
    b: str
    propensity: float


def weights(
    digests: Sequence[str],
    battles: Mapping[str, int],
    undecided: Callable[[str, str], bool],
    *,
    minimum_exposure: int,
) -> dict[tuple[str, str], float]:
    """Probability of every unordered pair (sums to 1): 1, plus `NEWCOMER`, plus `UNDECIDED`, normalised.

    Nothing but exposure and undecidedness enters: no contender can be favoured by name or vendor.
    """
    raw: dict[tuple[str, str], float] = {}
    for pair in combinations(sorted(digests), 2):
        new = any(battles.get(digest, 0) < minimum_exposure for digest in pair)
        raw[pair] = 1.0 + NEWCOMER * new + UNDECIDED * undecided(*pair)
    total = sum(raw.values())
    return {pair: weight / total for pair, weight in raw.items()}


def draw(probabilities: Mapping[tuple[str, str], float], chance: random.Random) -> Pairing:
    """Draw a pair by its probability and put it on random sides."""
    pairs = list(probabilities)
    pair = chance.choices(pairs, weights=[probabilities[p] for p in pairs])[0]
    a, b = pair if chance.random() < 0.5 else pair[::-1]
    return Pairing(a, b, probabilities[pair])
