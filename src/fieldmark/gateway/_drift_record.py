"""How much a contender was asked the fixed questions, for reports."""

from __future__ import annotations

from fieldmark.gateway._drift_tables import comparable_runs, last_run
from fieldmark.ledger import Snapshot


def drift_record(snapshot: Snapshot, contender: str) -> tuple[int, str | None]:
    """Usable runs of the set last asked since an alarm was last acknowledged, and when it was last asked."""
    last = last_run(snapshot, contender)
    if last is None:
        return 0, None
    return len(comparable_runs(snapshot, contender, last.canaries)), last.at
