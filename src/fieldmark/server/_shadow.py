"""Routes of judging shadowed real cases: how many wait, the next one, the vote."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from fieldmark.arena import ShadowBallot
from fieldmark.arena.shadows import ShadowView, Waiting
from fieldmark.ledger.evidence import Choice, Side
from fieldmark.server._deps import ActingVoter, HouseDep, LookingVoter, VisitorDep

router = APIRouter(prefix="/api/v1/shadow", tags=["shadow"])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class NextCase(_Body):
    """Which case to judge next."""

    skip: Annotated[list[str], Field(max_length=100)] = []
    """Ids of those that this page has passed over."""


class CaseBallot(_Body):
    """A vote on a shadowed case, with its reasons: the names follow at once."""

    choice: Choice
    tags: dict[Side, tuple[str, ...]] = {}
    """Reason tags of the field, per side."""
    rubric: dict[str, dict[Side, int]] = {}
    """Grades per rubric question and side, from 1."""
    comment: str = ""


@router.get("")
async def shadow_waiting(request: Request, house: HouseDep) -> Waiting:
    """How many shadowed cases wait for this voter's judgement, counted up to 1,000."""
    voter = await asyncio.to_thread(house.sessions.known_voter, request)
    return await house.shadows.waiting(voter)


@router.post("/next")
async def shadow_next(house: HouseDep, voter: ActingVoter, body: NextCase | None = None) -> ShadowView | None:
    """The case with the fewest votes that this voter may judge; null when there is none."""
    return await house.shadows.next(voter, body.skip if body else [])


@router.get("/{battle}")
async def shadow_case(battle: str, house: HouseDep, voter: LookingVoter) -> ShadowView:
    """One shadowed case as this voter may see it now."""
    return await house.shadows.view(battle, voter)


@router.post("/{battle}/vote")
async def shadow_vote(
    battle: str, body: CaseBallot, house: HouseDep, voter: ActingVoter, visitor: VisitorDep
) -> ShadowView:
    """Vote, say why, and learn who answered."""
    ballot = ShadowBallot(body.choice, body.tags, body.rubric, body.comment, visitor.credentials)
    view = await house.shadows.vote(battle, voter, ballot)
    house.changed.ring()
    return view


@router.delete("/{battle}/vote")
async def shadow_unvote(battle: str, house: HouseDep, voter: ActingVoter) -> ShadowView:
    """Take the vote back for good."""
    view = await house.shadows.retract(battle, voter)
    house.changed.ring()
    return view
