"""What became of some cases, by id: for views that join it with what else is known of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from fieldmark.gateway import _tables as t
from fieldmark.ledger import Snapshot
from fieldmark.ledger.evidence import Result

_MANY = 5000
"""Cases looked up in one statement: SQLite and PostgreSQL both take more."""


def case_results(snapshot: Snapshot, cases: Sequence[str]) -> dict[str, Result]:
    """What became of these cases, as last said; those without an outcome are left out."""
    c = t.cases.c
    found: dict[str, Result] = {}
    for start in range(0, len(cases), _MANY):
        some = cases[start : start + _MANY]
        query = select(c.id, c.result).where(c.id.in_(some), c.result.is_not(None))
        found.update((row.id, row.result) for row in snapshot.connection.execute(query))
    return found
