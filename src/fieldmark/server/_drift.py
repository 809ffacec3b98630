"""Routes of drift: does each contender still answer as it did?"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from fieldmark.gateway import DriftView
from fieldmark.server._deps import Admin, HouseDep

router = APIRouter(prefix="/api/v1/drift", tags=["drift"])


@router.get("")
async def drift(house: HouseDep) -> list[DriftView]:
    """Every contender of the field that can be asked, in the folder's order."""
    return await asyncio.to_thread(house.drift.views)


@router.post("/{digest}/run", status_code=202)
async def run_canaries(digest: str, house: HouseDep, _: Admin) -> DriftView:
    """Ask a contender its canaries now, in the background. 409 `running` while it is being asked."""
    house.drift.begin(digest)
    return await asyncio.to_thread(house.drift.view, digest)


@router.post("/{digest}/acknowledge")
async def acknowledge_drift(digest: str, house: HouseDep, admin: Admin) -> DriftView:
    """Note that somebody looked at an alarm; the next run begins a new baseline. 409 `no_alarm` without one."""
    await house.drift.acknowledge(digest, actor=admin)
    return await asyncio.to_thread(house.drift.view, digest)
