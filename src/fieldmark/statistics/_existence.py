"""Where a rating exists: strongly connected groups of contenders, and whether ties can be told from strength.

Ford (1957): a Bradley-Terry maximum exists exactly when, however the contenders are split in two, someone of
each part beat (or tied with) someone of the other, that is inside a strongly connected component of the graph
"beat or tied".

Davidson's model has one parameter more, and needs more. It is an exponential family, so its maximum exists
exactly when no direction (φ, ε) of the parameters leaves every observed outcome a most likely one. Inside a
strongly connected component with a tie such a direction has ε > 0, which scaled to 2ε = 1 reads: φ_i - φ_j >=
1 for each "i beat j" and |φ_i - φ_j| <= 1 for each tie. These difference constraints can be met exactly when
their graph has no negative cycle.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldmark.statistics._counts import IntArray, PairCounts

BoolArray = NDArray[np.bool_]

Unrated = Literal["no_votes", "one_sided", "only_ties", "no_upset"]
"""Why a component has no rating: nobody voted on it (`both_bad` aside); its votes against all others went one
way only; its votes are all ties; its ties and wins can be explained by any strength large enough (Davidson
only: nobody ever upset the order)."""


def components(counts: PairCounts) -> IntArray:
    """The strongly connected component of every contender in the graph "beat or tied", shape [K].

    Numbered from 0 by falling size, then by the first member. `both_bad` links nobody.
    """
    reaches = np.zeros((counts.size, counts.size), dtype=np.bool_)
    reaches[counts.first, counts.second] = (counts.wins_first > 0) | (counts.ties > 0)
    reaches[counts.second, counts.first] = (counts.wins_second > 0) | (counts.ties > 0)
    labels = _strong(reaches)
    sizes = np.bincount(labels, minlength=1)
    first_member = np.full(sizes.size, counts.size)
    np.minimum.at(first_member, labels, np.arange(counts.size))
    place = np.empty_like(sizes)
    place[np.lexsort((first_member, -sizes))] = np.arange(sizes.size)
    return place[labels]


def _strong(reaches: BoolArray) -> IntArray:
    """Components by forward and backward search from a pivot (Fleischer et al., 2000)."""
    back = np.ascontiguousarray(reaches.T)
    labels = np.full(len(reaches), -1, dtype=np.int64)
    found = 0
    while (left := labels < 0).any():
        pivot = int(np.argmax(left))
        group = _search(reaches, pivot, left) & _search(back, pivot, left)
        labels[group] = found
        found += 1
    return labels


def _search(reaches: BoolArray, start: int, within: BoolArray) -> BoolArray:
    """Everyone that can be reached from `start` inside `within`."""
    seen = np.zeros(len(reaches), dtype=np.bool_)
    seen[start] = True
    frontier = np.array([start])
    while frontier.size:
        fresh = reaches[frontier].any(axis=0) & within & ~seen
        seen |= fresh
        frontier = np.flatnonzero(fresh)
    return seen


def unrated(counts: PairCounts, members: int, voted: bool, *, ties_free: bool) -> Unrated | None:
    """Why the component that `counts` was cut down to has no rating; None if it has one.

    `members` is its size and `voted` whether its members have any vote at all; `ties_free` is Davidson's
    model.
    """
    if members == 1:
        return "one_sided" if voted else "no_votes"
    if not (counts.wins_first.any() or counts.wins_second.any()):
        return "only_ties"
    return "no_upset" if ties_free and counts.ties.any() and not _has_upset(counts) else None


def _has_upset(counts: PairCounts) -> bool:
    """Whether the constraints of this module's docstring contradict each other (Bellman-Ford)."""
    up, down, tied = counts.wins_first > 0, counts.wins_second > 0, counts.ties > 0
    if (up & down).any():
        return True
    first, second = counts.first, counts.second
    tail = np.concatenate((first[up], second[down], first[tied], second[tied]))
    head = np.concatenate((second[up], first[down], second[tied], first[tied]))
    length = np.repeat((-1, 1), (up.sum() + down.sum(), 2 * tied.sum()))
    potential = np.zeros(counts.size, dtype=np.int64)
    for _ in range(counts.size):
        before = potential.copy()
        np.minimum.at(potential, head, before[tail] + length)
        if (potential == before).all():
            return False
    return True
