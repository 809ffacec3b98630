"""Whether the server lives, whether it can work, and its numbers: for supervisors and monitoring."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from fieldmark.contenders import is_loopback
from fieldmark.errors import FieldmarkError, Forbidden
from fieldmark.server._deps import HouseDep
from fieldmark.server._house import House

LOG = logging.getLogger(__name__)
READY_SECONDS = 5.0
router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """The process answers."""
    return "ok\n"


@router.get("/readyz", response_class=PlainTextResponse)
async def readyz(house: HouseDep) -> PlainTextResponse:
    """The ledger can be read and written; 503 when it cannot, or when the server is going down."""
    if house.stopping.is_set():
        return PlainTextResponse("stopping\n", 503)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await house.ledger.awrite(lambda now: now.head)
            await asyncio.to_thread(_read, house)
    except (FieldmarkError, TimeoutError) as error:
        LOG.warning("not ready: %s", error)
        return PlainTextResponse("the ledger does not answer\n", 503)
    return PlainTextResponse("ready\n")


def _read(house: House) -> None:
    with house.ledger.read() as snapshot:
        snapshot.head()


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, house: HouseDep) -> Response:
    """Prometheus' text format: for this machine itself, an admin, or a key of scope `metrics`."""
    if not await _may_measure(request, house):
        raise Forbidden(
            "the numbers are for this machine, for admins and for keys of scope 'metrics'",
            hint="fieldmark keys create NAME --scope metrics",
        )
    return Response(await asyncio.to_thread(house.meter.text), media_type=CONTENT_TYPE_LATEST)


async def _may_measure(request: Request, house: House) -> bool:
    if request.scope.get("fieldmark.direct") and is_loopback(request.client.host if request.client else ""):
        return True
    visitor = await house.sessions.visitor(request, house.field.access)
    if visitor.account is not None and visitor.may("admin"):
        return True
    authorization = request.headers.get("authorization")
    if authorization is None:
        return False
    return await house.gateway.keys.identify(authorization, "metrics") is not None
