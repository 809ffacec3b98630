"""Routes of the arena: rounds, their events, votes."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fieldmark.arena.views import RoundEvent, RoundView
from fieldmark.ledger.evidence import Choice, Mode, Side
from fieldmark.server import _sse
from fieldmark.server._deps import ActingVoter, HouseDep, LookingVoter, VisitorDep, acting_voter, gate
from fieldmark.server._house import House

router = APIRouter(prefix="/api/v1/battles", tags=["arena"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class NewRound(_Body):
    """A round to begin."""

    prompt: str
    category: str | None = None
    """Category id of the field."""
    prompt_source: Literal["own", "field"] = "own"
    """`field`: one of the field's prompts, word for word."""
    mode: Mode = "blind"
    contenders: tuple[str, str] | None = None
    """Two names, in mode `chosen` only."""


class FollowUp(_Body):
    """The next prompt of a round."""

    prompt: str


class Again(_Body):
    """A failed side to ask again."""

    side: Side


class Ballot(_Body):
    """A vote."""

    choice: Choice


class Reasons(_Body):
    """Why, said before the names are shown."""

    tags: dict[Side, tuple[str, ...]] = {}
    """Reason tags of the field, per side."""
    rubric: dict[str, dict[Side, int]] = {}
    """Grades per rubric question and side, from 1."""
    comment: str = ""


class EventEnvelope(BaseModel):
    """Only here so that the events stand in the API's schema: each is the `data` of one server-sent event."""

    event: Annotated[RoundEvent, Field(discriminator="type")]


@router.post("", status_code=201)
async def start(body: NewRound, house: HouseDep, voter: ActingVoter) -> RoundView:
    """Begin a round; this browser's older open round is abandoned."""
    return await house.arena.start(
        voter,
        body.prompt,
        mode=body.mode,
        category=body.category,
        from_field=body.prompt_source == "field",
        contenders=body.contenders,
    )


@router.get("/open")
async def current(request: Request, house: HouseDep) -> RoundView | None:
    """This browser's newest round that is open or waits for its names."""
    voter = await asyncio.to_thread(house.sessions.known_voter, request)
    return None if voter is None else await house.arena.current(voter)


@router.get("/{battle}")
async def look(battle: str, house: HouseDep, voter: LookingVoter) -> RoundView:
    """A round as its voter may see it now."""
    return await house.arena.view(battle, voter)


@router.get("/{battle}/events", response_class=StreamingResponse, responses={200: {"model": EventEnvelope}})
async def follow(
    battle: str,
    house: HouseDep,
    voter: LookingVoter,
    after: Annotated[int, Query(ge=0)] = 0,
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
) -> StreamingResponse:
    """The round's events after number `after` (or after `Last-Event-ID`, which a browser sends by itself)."""
    start = after if last_event_id is None else last_event_id
    events = await house.arena.events(battle, voter, start)
    return _sse.stream(events, house.stopping, house.streams)


@router.post("/{battle}/turns")
async def turn(battle: str, body: FollowUp, house: HouseDep, voter: ActingVoter) -> RoundView:
    """Ask both sides a follow-up."""
    return await house.arena.turn(battle, voter, body.prompt)


@router.post("/{battle}/retry")
async def retry(battle: str, body: Again, house: HouseDep, voter: ActingVoter) -> RoundView:
    """Ask a failed side again."""
    return await house.arena.retry(battle, voter, body.side)


@router.post("/{battle}/vote")
async def vote(
    battle: str, body: Ballot, house: HouseDep, voter: ActingVoter, visitor: VisitorDep
) -> RoundView:
    """Vote; a side that is still writing is stopped and the vote marked partial."""
    view = await house.arena.vote(battle, voter, body.choice, credentials=visitor.credentials)
    house.changed.ring()
    return view


class _Shortcut:
    """The route above, of which very many are called at once, without FastAPI's half a millisecond for each."""

    route: Route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        scope["route"] = self.route  # for the metrics
        request = Request(scope, receive)
        house: House = scope["app"].state.house
        await gate(request)
        voter = await acting_voter(request, house)
        try:
            body = Ballot.model_validate_json(await request.body())
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_url=False)) from None
        view = await vote(scope["path_params"]["battle"], body, house, voter, request.state.visitor)
        await Response(view.model_dump_json(), media_type="application/json")(scope, receive, send)


def shortcut() -> Route:
    """A route to stand before all others."""
    answering = _Shortcut()
    answering.route = Route(
        "/api/v1/battles/{battle}/vote", answering, methods=["POST"], include_in_schema=False
    )
    return answering.route


@router.delete("/{battle}/vote")
async def unvote(battle: str, house: HouseDep, voter: ActingVoter) -> RoundView:
    """Undo the vote within seconds and before the names; later, retract it for good."""
    view = await house.arena.unvote(battle, voter)
    house.changed.ring()
    return view


@router.post("/{battle}/remark")
async def remark(battle: str, body: Reasons, house: HouseDep, voter: ActingVoter) -> RoundView:
    """Say why, after the vote and before the names."""
    return await house.arena.remark(battle, voter, tags=body.tags, rubric=body.rubric, comment=body.comment)


@router.post("/{battle}/reveal")
async def reveal(battle: str, house: HouseDep, voter: ActingVoter) -> RoundView:
    """Show the names to the one who voted."""
    return await house.arena.reveal(battle, voter)


@router.post("/{battle}/abandon")
async def abandon(battle: str, house: HouseDep, voter: ActingVoter) -> RoundView:
    """End the round without a vote."""
    return await house.arena.abandon(battle, voter)
