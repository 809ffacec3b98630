"""What contenders have cost, whoever asked them: what their spend caps are about."""

from __future__ import annotations

import asyncio

from fieldmark.arena import spent
from fieldmark.fields import Roster
from fieldmark.gateway import drift_spent, gateway_spent
from fieldmark.ledger import Ledger, Snapshot
from fieldmark.scorecards import scorecards_spent

_MEASURES = spent, gateway_spent, drift_spent, scorecards_spent


def costs(snapshot: Snapshot) -> dict[str, float]:
    """Contender's digest to what all its answers have cost, in currency units."""
    each = [measure(snapshot) for measure in _MEASURES]
    return {digest: sum(cost.get(digest, 0.0) for cost in each) for digest in set().union(*each)}


async def count_costs(ledger: Ledger, roster: Roster) -> None:
    """Have contenders know what they have cost in other processes too, as far as it is recorded.

    Raises:
        LedgerUnavailable: the ledger cannot be read.
    """

    def read() -> dict[str, float]:
        with ledger.read() as snapshot:
            return costs(snapshot)

    found = await asyncio.to_thread(read)
    for member in roster.members:  # what is not written yet only this process knows
        member.spent = max(member.spent, found.get(member.digest, 0.0))
