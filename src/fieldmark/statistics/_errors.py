"""Standard errors that do not suppose the model true: the sandwich H⁻¹ G H⁻¹ (Huber, 1967; White, 1982).

H is the information and G the sum of outer products of scores: of every vote or, where votes of one voter
hang together, of every cluster, G_c = V/(V-1) Σ_v u_v u_vᵀ with u_v the score sum of cluster v (Liang and
Zeger, 1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fieldmark.errors import StatisticsError
from fieldmark.statistics._counts import FloatArray, IntArray, PairCounts, oriented
from fieldmark.statistics._newton import Fit, assemble, information, inverse

_S = np.array([0.5, -0.5, 0.0])
_T = np.array([0.0, 0.0, 1.0])
_BLOCK = 1 << 22  # numbers held at once while clusters are summed: 32 MiB


@dataclass(frozen=True, eq=False)
class ClusterScores:
    """Who cast which votes, packed so that the score sum of every cluster (voter) can be formed at any fit.

    Arrays of shape [N], sorted by cluster: `cluster` from 0 up, `pair` into the arrays of the counts,
    `outcome` into `OUTCOMES` as seen from the pair's first contender, `weight` how many votes the entry
    stands for.
    """

    cluster: IntArray
    pair: IntArray
    outcome: IntArray
    weight: FloatArray

    @classmethod
    def from_indices(
        cls,
        counts: PairCounts,
        a: IntArray,
        b: IntArray,
        outcome: IntArray,
        cluster: IntArray,
        weight: FloatArray | None = None,
    ) -> ClusterScores:
        """Pack the votes behind `counts`; `cluster` [N] is any code of who cast each. For the rest see
        `PairCounts`.

        Raises:
            StatisticsError: a pair is not in `counts`, or lengths differ.
        """
        weight = np.ones(len(a)) if weight is None else weight
        if len({len(array) for array in (a, b, outcome, cluster, weight)}) != 1:
            raise StatisticsError("the arrays of votes differ in length")
        pair = counts.pairs_of(a, b)
        seen = oriented(outcome, a != counts.first[pair])
        codes = np.unique(cluster, return_inverse=True)[1]
        order = np.argsort(codes, kind="stable")
        return cls(codes[order], pair[order], seen[order], weight[order])

    def within(self, pair_of: IntArray, *, ties_of_both_bad: bool) -> ClusterScores:
        """Only the votes on pairs p with `pair_of[p]` >= 0, their new place; `both_bad` becomes a tie or is
        dropped."""
        outcome = np.where((self.outcome == 3) & ties_of_both_bad, 2, self.outcome)
        pair = pair_of[self.pair]
        kept = (pair >= 0) & (outcome < 3) & (self.weight > 0)
        codes = np.unique(self.cluster[kept], return_inverse=True)[1]
        return ClusterScores(codes, pair[kept], outcome[kept], self.weight[kept])

    def meat(self, fit: Fit, counts: PairCounts) -> FloatArray:
        """G_c at a fit, shape [K, K] or [K + 1, K + 1]; all NaN when fewer than two clusters voted."""
        width = counts.size + fit.ties_free
        clusters = int(self.cluster[-1]) + 1 if self.cluster.size else 0
        if clusters < 2:
            return np.full((width, width), np.nan)
        by_d = self.weight * (_S[self.outcome] - fit.expected.s[self.pair])
        by_tie = self.weight * (_T[self.outcome] - fit.expected.t[self.pair])
        total = np.zeros((width, width))
        block = max(1, _BLOCK // width)
        for start in range(0, clusters, block):
            rows = slice(*np.searchsorted(self.cluster, (start, start + block)))
            base = (self.cluster[rows] - start) * width
            places = [base + counts.first[self.pair[rows]], base + counts.second[self.pair[rows]]]
            values = [by_d[rows], -by_d[rows]]
            if fit.ties_free:
                places.append(base + counts.size)
                values.append(by_tie[rows])
            height = min(block, clusters - start)
            flat = np.bincount(np.concatenate(places), np.concatenate(values), minlength=height * width)
            sums = flat.reshape(height, width)
            total += sums.T @ sums
        return total * (clusters / (clusters - 1))


def vote_meat(fit: Fit, counts: PairCounts) -> FloatArray:
    """G with every vote by itself, from counts alone."""
    ss, st, tt = (np.zeros_like(counts.ties) for _ in range(3))
    for outcome, column in enumerate((counts.wins_first, counts.wins_second, counts.ties)):
        s = _S[outcome] - fit.expected.s
        t = _T[outcome] - fit.expected.t
        ss, st, tt = ss + column * s * s, st + column * s * t, tt + column * t * t
    return assemble(counts, ss, st, tt, ties_free=fit.ties_free)


def covariance(fit: Fit, counts: PairCounts, clusters: ClusterScores | None) -> FloatArray:
    """Covariance of θ, shape [K, K], rows and columns summing to zero, in squared natural log units."""
    k = counts.size
    bread = inverse(information(fit.expected, counts, ties_free=fit.ties_free), k)
    meat = clusters.meat(fit, counts) if clusters else vote_meat(fit, counts)
    result: FloatArray = (bread @ meat @ bread)[:k, :k]
    return result
