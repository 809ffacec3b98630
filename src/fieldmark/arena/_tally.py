"""Counts per pair, held in memory as of a ledger index and brought up to date by reading only what changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import bindparam, select

from fieldmark.arena import _tables as t
from fieldmark.ledger import Snapshot
from fieldmark.statistics import FloatArray, IntArray, PairCounts

Pair = tuple[str, str]

_SINCE = select(t.counts).where(t.counts.c.at > bindparam("since")).order_by(t.counts.c.at)


class Tally:
    """All strata and categories. Safe to use from several threads; never ahead of the snapshot it is given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = -1
        self._strata: dict[tuple[str, str], _Stratum] = {}

    def read(self, snapshot: Snapshot, source: str, category: str | None) -> tuple[int, PairCounts]:
        """Ledger index of the stratum's last change (-1 before the first), and its counts with names = digests."""
        with self._lock:
            if snapshot.head().size <= self._at:
                return Tally().read(snapshot, source, category)
            self._refresh(snapshot)
            stratum = self._strata.setdefault((source, category or ""), _Stratum())
            return stratum.changed, stratum.counts()

    def _refresh(self, snapshot: Snapshot) -> None:
        rows = snapshot.connection.execute(_SINCE, {"since": self._at})
        for source, category, first, second, *counts, at in rows:
            self._strata.setdefault((source, category), _Stratum()).put((first, second), counts, at)
            self._at = at


@dataclass
class _Stratum:
    rows: dict[Pair, list[int]] = field(default_factory=dict)
    changed: int = -1
    _packed: _Packed | None = None
    _counts: PairCounts | None = None

    def put(self, pair: Pair, counts: list[int], at: int) -> None:
        known = any(self.rows.get(pair, ()))
        self.rows[pair], self.changed, self._counts = counts, at, None
        if self._packed is not None and known and any(counts):
            self._packed.columns[:, self._packed.place[pair]] = counts
        else:
            self._packed = None

    def counts(self) -> PairCounts:
        if self._counts is None:
            self._packed = self._packed or _Packed.of(self.rows)
            self._counts = self._packed.counts()
        return self._counts


@dataclass
class _Packed:
    """The pairs that have votes in sorted order, so that the same counts give the same bytes however they came."""

    names: tuple[str, ...]
    place: dict[Pair, int]
    ends: IntArray
    columns: FloatArray

    @classmethod
    def of(cls, rows: dict[Pair, list[int]]) -> _Packed:
        pairs = sorted(pair for pair, counts in rows.items() if any(counts))
        names = tuple(sorted({digest for pair in pairs for digest in pair}))
        index = {digest: i for i, digest in enumerate(names)}
        ends = np.array([(index[a], index[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2).T
        columns = np.array([rows[pair] for pair in pairs], dtype=np.float64).reshape(-1, 4).T
        return cls(names, {pair: i for i, pair in enumerate(pairs)}, ends, columns)

    def counts(self) -> PairCounts:
        wins_first, wins_second, ties, both_bad = self.columns.copy()
        return PairCounts(self.names, self.ends[0], self.ends[1], wins_first, wins_second, ties, both_bad)
