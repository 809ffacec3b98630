"""Hands the ledger's signed head to the field's witnesses, each in its own time, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from fieldmark.errors import FieldmarkError
from fieldmark.fields import witness_target
from fieldmark.ledger import witness

if TYPE_CHECKING:
    from fieldmark.server._house import House

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
"""How often it is looked which witness is due."""
RETRY_SECONDS = 60.0
"""After a witness did not take a head."""


async def follow_witnesses(house: House) -> None:
    """Until cancelled. A witness that fails is logged and tried again."""
    due: dict[str, float] = {}
    while True:
        for each in house.field.witnesses:
            if time.monotonic() < due.get(each.name, 0.0):
                continue
            due[each.name] = time.monotonic() + 60 * each.every_minutes
            target = witness_target(house.field.folder, each)
            try:
                await asyncio.to_thread(witness, house.ledger, each.name, each.kind, target)
            except Exception as error:  # whatever it was, the next time may go well
                due[each.name] = time.monotonic() + min(RETRY_SECONDS, 60 * each.every_minutes)
                known = isinstance(error, FieldmarkError)
                LOG.warning("witness %s: %s", each.name, error, exc_info=not known)
        await asyncio.sleep(LOOK_SECONDS)
