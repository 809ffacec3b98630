"""Leaderboards: computed from the counts whenever they changed, never from the votes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sqlalchemy import bindparam, select

from fieldmark.arena import _tables as t
from fieldmark.arena._standing import PairLine, Standing
from fieldmark.arena._tally import Tally
from fieldmark.arena._verdicts import verdict
from fieldmark.arena.views import Board, BoardRow, Matrix, MatrixCell, Stratum, Verdict
from fieldmark.fields import Known, Policy, contenders_changed, known_contenders
from fieldmark.ledger import Snapshot
from fieldmark.statistics import Model, PairCounts, rate

_KEPT = 32
"""Ratings kept in memory: categories times models, with room to spare."""

_TOTALS = (
    select(t.totals.c.key, t.totals.c.n)
    .where(t.totals.c.source == bindparam("stratum"), t.totals.c.category == bindparam("board"))
    .where(t.totals.c.n > 0)
    .order_by(t.totals.c.key)
)
_COSTS = select(t.stats.c.contender, t.stats.c.n, t.stats.c.amount).where(t.stats.c.key == "costs")


@dataclass(frozen=True, eq=False)
class Standings:
    """One board as of a snapshot: its ratings, and what rows and verdicts need beside them."""

    head: str
    stratum: Stratum
    category: str | None
    model: Model
    policy: Policy
    known: Mapping[str, Known]
    """Every contender ever seen, by digest."""
    standing: Standing
    totals: Mapping[str, int]
    costs: Mapping[str, float]
    """Cost per answer, by digest."""

    @cached_property
    def shown(self) -> list[Known]:
        """Contenders on the board: all that can be asked now, and whoever has votes. Best first."""
        # A file says nothing of contenders that it does not name.
        able = {k.digest for k in self.known.values() if k.status == "active" and self.stratum != "imported"}
        on = [k for k in self.known.values() if k.digest in able or k.digest in self.standing.index]
        return sorted(on, key=self._order)

    @property
    def browsers(self) -> int:
        """Distinct voters behind the counted votes."""
        return self.totals.get("browsers", 0)

    def verdict(self, a: str, b: str) -> Verdict:
        """What the votes say of two contenders, by digest."""
        return verdict(self.standing, a, b, labels=self._labels, costs=self.costs)

    @cached_property
    def board(self) -> Board:
        """The whole leaderboard."""
        standing, rows = self.standing, [self._row(contender) for contender in self.shown]
        first_two = [row.digest for row in rows if row.status in {"active", "imported"}][:2]
        return Board(
            head=self.head,
            category=self.category,
            model=self.model,
            confidence=self.policy.confidence,
            interval=standing.ratings.interval,
            strata=[self.stratum],
            rows=rows,
            components=len({row.component for row in rows if row.battles}),
            verdict=self.verdict(*first_two) if len(first_two) == 2 else None,
            votes=int(standing.counts.votes),
            browsers=self.browsers,
            not_counted={
                k.removeprefix("not_counted:"): n for k, n in self.totals.items() if k != "browsers"
            },
        )

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {digest: contender.name for digest, contender in self.known.items()}

    def _order(self, contender: Known) -> tuple[bool, int, float, int, str, str]:
        """Group by group, since ratings of two groups cannot be compared."""
        digest = contender.digest
        rating, line = self.standing.rating(digest), self.standing.total(digest)
        group = self.standing.component(digest) if rating else 0
        return rating is None, group, -rating.value if rating else 0.0, -line.wins, contender.name, digest

    def _row(self, contender: Known) -> BoardRow:
        line = self.standing.total(contender.digest)
        rating = self.standing.rating(contender.digest)
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
            win_share=line.win_share(self.policy.confidence),
            early=line.votes < self.policy.minimum_exposure,
            component=self.standing.component(contender.digest),
        )


class Boards:
    """The boards of one field's ledger; ratings are recomputed only when their counts changed."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], Standing] = OrderedDict()
        self._known: tuple[int, Mapping[str, Known]] = (-1, {})

    def matrix(self, snapshot: Snapshot, category: str | None = None, stratum: Stratum = "live") -> Matrix:
        """Who beat whom in one stratum, as of a snapshot."""
        _, counts = self._tally.read(snapshot, stratum, category)
        return _matrix(str(snapshot.head()), category, self.known(snapshot), counts)

    def standings(
        self,
        snapshot: Snapshot,
        policy: Policy,
        category: str | None = None,
        model: Model = "davidson",
        stratum: Stratum = "live",
    ) -> Standings:
        """The board of one stratum as of a snapshot. Strata are never mixed: each has ratings of its own."""
        place = {"stratum": stratum, "board": category or ""}
        return Standings(
            head=str(snapshot.head()),
            stratum=stratum,
            category=category,
            model=model,
            policy=policy,
            known=self.known(snapshot),
            standing=self.standing(snapshot, policy, category, model, stratum),
            totals={row.key: row.n for row in snapshot.connection.execute(_TOTALS, place)},
            costs={digest: amount / n for digest, n, amount in snapshot.connection.execute(_COSTS) if n},
        )

    def standing(
        self,
        snapshot: Snapshot,
        policy: Policy,
        category: str | None = None,
        model: Model = "davidson",
        stratum: Stratum = "live",
    ) -> Standing:
        """Only its counts and ratings."""
        changed, counts = self._tally.read(snapshot, stratum, category)
        key = (stratum, category, model, policy.confidence, changed)
        with self._lock:
            kept = self._kept.get(key)
        if kept is None:
            kept = Standing(counts, rate(counts, model=model, confidence=policy.confidence))
            with self._lock:
                self._kept[key] = kept
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return kept

    def known(self, snapshot: Snapshot) -> Mapping[str, Known]:
        """Every contender seen up to a snapshot, by digest."""
        changed, kept = contenders_changed(snapshot), self._known
        if kept[0] != changed:
            kept = self._known = (changed, known_contenders(snapshot))
        return kept[1]


def _matrix(head: str, category: str | None, known: Mapping[str, Known], counts: PairCounts) -> Matrix:
    names = {d: known[d].name if d in known else d[:12] for d in counts.names}
    digests = sorted(counts.names, key=lambda digest: (names[digest], digest))
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
        head=head, category=category, names=[names[d] for d in digests], digests=digests, cells=cells
    )
