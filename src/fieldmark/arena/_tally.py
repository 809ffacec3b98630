"""Counts per pair, held in memory as of a ledger index and brought up to date by reading only what changed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from sqlalchemy import select

from fieldmark.arena import _tables as t
from fieldmark.ledger import Snapshot
from fieldmark.statistics import PairCounts

_COLUMNS = ("wins_first", "wins_second", "ties", "both_bad")


class Tally:
    """All strata and categories. Safe to use from several threads; never ahead of the snapshot it is given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = -1
        self._rows: dict[tuple[str, str], dict[tuple[str, str], tuple[int, ...]]] = {}
        self._changed: dict[tuple[str, str], int] = {}
        self._built: dict[tuple[str, str], tuple[int, PairCounts]] = {}

    def read(self, snapshot: Snapshot, source: str, category: str | None) -> tuple[int, PairCounts]:
        """Ledger index of the stratum's last change (-1 before the first), and its counts with names = digests."""
        key = (source, category or "")
        if snapshot.head().size <= self._at:
            return Tally().read(snapshot, source, category)
        with self._lock:
            self._refresh(snapshot)
            changed = self._changed.get(key, -1)
            built = self._built.get(key)
            if built is None or built[0] != changed:
                built = self._built[key] = (changed, _pair_counts(self._rows.get(key, {})))
            return built

    def _refresh(self, snapshot: Snapshot) -> None:
        c = t.counts.c
        for row in snapshot.connection.execute(select(t.counts).where(c.at > self._at).order_by(c.at)):
            key = (row.source, row.category)
            self._rows.setdefault(key, {})[row.first, row.second] = tuple(
                getattr(row, name) for name in _COLUMNS
            )
            self._changed[key] = self._at = row.at


def _pair_counts(rows: dict[tuple[str, str], tuple[int, ...]]) -> PairCounts:
    """In sorted order, so that the same counts give the same bytes however they were collected."""
    pairs = sorted(pair for pair, counts in rows.items() if any(counts))
    names = tuple(sorted({digest for pair in pairs for digest in pair}))
    index = {digest: i for i, digest in enumerate(names)}
    columns: Any = np.array([rows[pair] for pair in pairs], dtype=np.float64).reshape(-1, len(_COLUMNS)).T
    return PairCounts(
        names=names,
        first=np.array([index[a] for a, _ in pairs], dtype=np.int64),
        second=np.array([index[b] for _, b in pairs], dtype=np.int64),
        **dict(zip(_COLUMNS, columns, strict=True)),
    )
