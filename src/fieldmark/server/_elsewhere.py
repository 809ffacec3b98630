"""Follows what other processes write to the same database: another server, or a command on the command line.

What is kept in memory here is at most `SECONDS` old: boards, rounds that somebody went on with elsewhere, and what
contenders have cost, so that spend caps hold for all processes together.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldmark.errors import FieldmarkError
from fieldmark.ledger import Entry
from fieldmark.reports import count_costs

if TYPE_CHECKING:
    from fieldmark.server._house import House

LOG = logging.getLogger(__name__)
SECONDS = 1.0
RECOVER_EVERY = 3
"""Looks between two for processes that are gone; it takes two of those to believe it."""


async def follow(house: House) -> None:
    """For as long as the house stands."""
    seen = await asyncio.to_thread(_size, house)
    looks = 0
    while True:
        await asyncio.sleep(SECONDS)
        try:
            await asyncio.to_thread(house.ledger.presence.show)
            seen = await _look(house, seen)
            looks += 1
            if house.ledger.presence.shared and looks % RECOVER_EVERY == 0 and await house.arena.recover():
                house.changed.ring()
        except Exception as error:  # whatever it was, the next look may go well
            known = isinstance(error, FieldmarkError)
            LOG.warning("other processes could not be followed: %s", error, exc_info=not known)


def _size(house: House) -> int:
    with house.ledger.read() as snapshot:
        return snapshot.head().size


async def _look(house: House, seen: int) -> int:
    size, entries = await asyncio.to_thread(house.ledger.appended_elsewhere, seen)
    if entries is None:  # an import, for example: rather read everything anew
        await house.sync()
        await house.arena.seen_elsewhere(None)
    elif entries:
        await _take_in(house, entries)
        house.changed.ring()
    return size


async def _take_in(house: House, entries: Sequence[Entry]) -> None:
    if any(getattr(entry.record.body, "cost", None) for entry in entries):
        await count_costs(house.ledger, house.roster)
    await house.arena.seen_elsewhere({e.record.refs["battle"] for e in entries if "battle" in e.record.refs})
