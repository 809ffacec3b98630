"""Routes of cases: the inbox, what became of a case, and the table of outcomes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from fieldmark.errors import NotSignedIn
from fieldmark.fields import Application
from fieldmark.gateway import Which, case_page, case_view, outcome_table
from fieldmark.gateway.views import BusyView, CasePage, CaseView, OutcomeTable, OutcomeView
from fieldmark.ledger.evidence import Result
from fieldmark.server import _deps
from fieldmark.server._deps import HouseDep
from fieldmark.server._house import House

router = APIRouter(prefix="/api/v1", tags=["cases"])


class Reported(BaseModel):
    """What became of a case."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    result: Result
    """`accepted`: used as it was; `edited`: used with changes; `harm`: it did damage."""
    edit: str | None = Field(default=None, max_length=200_000)
    """With `edited`: the text as it was used."""
    number: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """A number of the application's own, such as minutes saved."""
    note: str | None = Field(default=None, max_length=4_000)
    """Anything else, in words."""


async def _application(request: Request, house: House) -> Application | None:
    authorization = request.headers.get("authorization")
    return None if authorization is None else await house.gateway.keys.identify(authorization, "outcome")


async def _reporter(request: Request, house: HouseDep) -> Application | str:
    """An application by its key, or a voter."""
    return await _application(request, house) or await _deps._actor(request, house, "voter")


async def _eraser(request: Request, house: HouseDep) -> Application | str:
    """An application by its key, or an admin."""
    return await _application(request, house) or await _deps._actor(request, house, "admin")


async def _marker(request: Request, house: HouseDep) -> None:
    """Let in browsers that have a session: other sites cannot ask in their name, see the guard."""
    if house.sessions.secret(request) is None:
        raise NotSignedIn("no session", hint="GET /api/v1/session first, and send its cookie")


Marker = Annotated[None, Depends(_marker)]

Reporter = Annotated[Application | str, Depends(_reporter)]
Eraser = Annotated[Application | str, Depends(_eraser)]


@router.post("/cases/{case}/outcome")
async def report_outcome(case: str, body: Reported, house: HouseDep, reporter: Reporter) -> OutcomeView:
    """Say what became of a case. The same again changes nothing; something else replaces it, and both are kept.

    An application sends its key as `Authorization: Bearer` and may speak of its own cases only.
    """
    return await house.gateway.report(case, reporter, **body.model_dump())


@router.get("/cases")
async def list_cases(
    house: HouseDep,
    _: Marker,
    state: Which = "waiting",
    category: str | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CasePage:
    """Cases, newest first."""
    names = await house.gateway.application_names()
    with house.ledger.read() as snapshot:
        return case_page(snapshot, names, state, category=category, before=before, limit=limit)


@router.get("/cases/{case}")
async def read_case(case: str, house: HouseDep, _: Marker) -> CaseView:
    """One case whole, as it was kept. Who answered is not told."""
    names = await house.gateway.application_names()
    with house.ledger.read() as snapshot:
        return case_view(snapshot, names, case)


@router.delete("/cases/{case}", status_code=204)
async def erase_case(case: str, house: HouseDep, eraser: Eraser) -> None:
    """Consent was withdrawn: the texts of this case are erased, those of its shadow battle too. What was counted
    stays."""
    await house.gateway.erase(case, eraser)


@router.get("/outcomes")
async def read_outcomes(house: HouseDep, category: str | None = None) -> OutcomeTable:
    """What became of every contender's cases."""
    with house.ledger.read() as snapshot:
        return outcome_table(snapshot, house.field.policy.confidence, category)


@router.get("/outcomes/busy")
async def read_busy(house: HouseDep) -> BusyView:
    """Work beside the answers since the server was started: second answers, monitors, and what was dropped."""
    return house.gateway.busy()
