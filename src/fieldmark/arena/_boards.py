"""Leaderboards: computed from the counts whenever they changed, never from the votes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from fieldmark.arena import _tables as t
from fieldmark.arena._tally import Tally
from fieldmark.arena._verdicts import PairLine, Standing, verdict
from fieldmark.arena.views import Board, BoardRow, Interval, Matrix, MatrixCell, Verdict
from fieldmark.fields import Known, Policy, known_contenders
from fieldmark.ledger import Snapshot
from fieldmark.statistics import Model, PairCounts, clopper_pearson, rate

_KEPT = 32
"""Boards kept in memory: categories times models, with room to spare."""


@dataclass(frozen=True)
class Standings:
    """A board and what it was computed from."""

    board: Board
    standing: Standing
    costs: Mapping[str, float]
    """Cost per answer, by digest."""

    def verdict(self, a: str, b: str) -> Verdict:
        """What the votes say of two contenders, by digest."""
        return verdict(self.standing, a, b, costs=self.costs)

    def undecided(self, a: str, b: str) -> bool:
        """Whether the votes have not decided the order of two contenders."""
        return self.verdict(a, b).kind not in {"better", "worse"}


class Boards:
    """The boards of one field's ledger, each recomputed only when its counts or the contenders changed."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Standings] = OrderedDict()

    def matrix(self, snapshot: Snapshot, category: str | None = None) -> Matrix:
        """Who beat whom, as of a snapshot."""
        _, counts = self._tally.read(snapshot, "live", category)
        return _matrix(str(snapshot.head()), category, known_contenders(snapshot), counts)

    def standings(
        self, snapshot: Snapshot, policy: Policy, category: str | None = None, model: Model = "davidson"
    ) -> Standings:
        """The board as of a snapshot, with what verdicts need."""
        known = known_contenders(snapshot)
        changed, counts = self._tally.read(snapshot, "live", category)
        key = (
            category,
            model,
            policy.confidence,
            policy.minimum_exposure,
            changed,
            max((k.at for k in known.values()), default=-1),
        )
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            kept = compute(snapshot, known, counts, policy, category, model)
            with self._lock:
                self._kept[key] = kept
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        totals = _totals(snapshot, category)
        fresh = {"head": str(snapshot.head()), "browsers": totals.pop("browsers", 0), "not_counted": totals}
        return Standings(kept.board.model_copy(update=fresh), kept.standing, _costs(snapshot))


def compute(
    snapshot: Snapshot,
    known: Mapping[str, Known],
    counts: PairCounts,
    policy: Policy,
    category: str | None = None,
    model: Model = "davidson",
) -> Standings:
    """The board of these counts. A pure function of the snapshot's records."""
    ratings = rate(counts, model=model, confidence=policy.confidence)
    labels = {digest: contender.name for digest, contender in known.items()}
    standing = Standing(counts, ratings, labels)
    rows = [_row(standing, contender, policy) for contender in known.values() if _shown(standing, contender)]
    rows.sort(key=lambda r: (r.rating is None, -(r.rating or 0.0), -r.wins, r.name, r.digest))
    costs = _costs(snapshot)
    first_two = [row.digest for row in rows if row.status == "active"][:2]
    board = Board(
        head=str(snapshot.head()),
        category=category,
        model=model,
        confidence=policy.confidence,
        interval=ratings.interval,
        strata=["live"],
        rows=rows,
        components=len({row.component for row in rows if row.battles}),
        verdict=verdict(standing, *first_two, costs=costs) if len(first_two) == 2 else None,
        votes=int(counts.votes),
        browsers=0,
        not_counted={},
    )
    return Standings(board, standing, costs)


def _shown(standing: Standing, contender: Known) -> bool:
    return contender.status == "active" or contender.digest in standing.index


def _row(standing: Standing, contender: Known, policy: Policy) -> BoardRow:
    line = standing.total(contender.digest)
    rating = standing.rating(contender.digest)
    decisive = line.wins + line.losses
    share = clopper_pearson(line.wins, decisive, confidence=policy.confidence) if decisive else None
    return BoardRow(
        digest=contender.digest,
        name=contender.name,
        kind=contender.kind,
        status=contender.status,
        rank_best=rating.rank_best if rating else None,
        rank_worst=rating.rank_worst if rating else None,
        rating=rating.value if rating else None,
        se=rating.se if rating else None,
        lower=rating.lower if rating else None,
        upper=rating.upper if rating else None,
        battles=line.votes,
        wins=line.wins,
        losses=line.losses,
        ties=line.ties,
        both_bad=line.both_bad,
        win_share=Interval(value=line.wins / decisive, lower=share.lower, upper=share.upper)
        if share
        else None,
        early=line.votes < policy.minimum_exposure,
        component=standing.component(contender.digest),
    )


def _totals(snapshot: Snapshot, category: str | None) -> dict[str, int]:
    c = t.totals.c
    query = (
        select(c.key, c.n).where(c.source == "live", c.category == (category or ""), c.n > 0).order_by(c.key)
    )
    return {key.removeprefix("not_counted:"): n for key, n in snapshot.connection.execute(query)}


def _costs(snapshot: Snapshot) -> dict[str, float]:
    query = select(t.stats.c.contender, t.stats.c.n, t.stats.c.amount).where(t.stats.c.key == "costs")
    return {contender: amount / n for contender, n, amount in snapshot.connection.execute(query) if n}


def _matrix(head: str, category: str | None, known: Mapping[str, Known], counts: PairCounts) -> Matrix:
    digests = sorted(counts.names, key=lambda digest: (known[digest].name, digest))
    place = {digest: i for i, digest in enumerate(digests)}
    cells: list[list[MatrixCell | None]] = [
        [None if i == j else MatrixCell(votes=0, wins=0, ties=0, both_bad=0) for j in range(len(digests))]
        for i in range(len(digests))
    ]
    columns = (
        counts.first,
        counts.second,
        counts.wins_first,
        counts.wins_second,
        counts.ties,
        counts.both_bad,
    )
    for i, j, *rest in zip(*(np.asarray(c).tolist() for c in columns), strict=True):
        line = PairLine(*(int(n) for n in rest))
        a, b = place[counts.names[i]], place[counts.names[j]]
        cells[a][b] = MatrixCell(votes=line.votes, wins=line.wins, ties=line.ties, both_bad=line.both_bad)
        cells[b][a] = MatrixCell(votes=line.votes, wins=line.losses, ties=line.ties, both_bad=line.both_bad)
    return Matrix(
        head=head, category=category, names=[known[d].name for d in digests], digests=digests, cells=cells
    )
