"""Routes for people who take tasks themselves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from fieldmark.scorecards.views import PersonStep, PersonTask
from fieldmark.server._deps import ActingVoter, HouseDep, LookingVoter

router = APIRouter(prefix="/api/v1", tags=["scorecards"])

LONGEST = 1_000_000
"""Characters of one text."""
Text = Annotated[str, Field(max_length=LONGEST)]
FilePath = Annotated[str, Field(min_length=1, max_length=1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Called(_Body):
    """A tool to use."""

    name: Annotated[str, Field(max_length=200)]
    arguments: dict[str, Any] = {}


class Said(_Body):
    """Something to say: the answer, where nobody answers."""

    text: Text


class Looked(_Body):
    """A file to look into."""

    path: FilePath


class Written(_Body):
    """A file to write."""

    path: FilePath
    text: Text


@router.post("/scorecards/{name}/people/next")
async def next_task(name: str, house: HouseDep, voter: ActingVoter) -> PersonTask | None:
    """The task that this person has open, else the next one; null when they have done all of the set."""
    return await house.people.next(voter, name)


@router.get("/people/{attempt}")
async def person_task(attempt: str, house: HouseDep, voter: LookingVoter) -> PersonTask:
    """A task as its person has it before them now."""
    return await house.people.look(voter, attempt)


@router.post("/people/{attempt}/call")
async def use_tool(attempt: str, body: Called, house: HouseDep, voter: ActingVoter) -> PersonStep:
    """Use a tool of the task."""
    return await house.people.call(voter, attempt, body.name, body.arguments)


@router.post("/people/{attempt}/say")
async def say(attempt: str, body: Said, house: HouseDep, voter: ActingVoter) -> PersonStep:
    """Say something, or give the answer."""
    return await house.people.say(voter, attempt, body.text)


@router.post("/people/{attempt}/read")
async def read_file(attempt: str, body: Looked, house: HouseDep, voter: ActingVoter) -> PersonStep:
    """Look into a file of the task."""
    return await house.people.read(voter, attempt, body.path)


@router.post("/people/{attempt}/write")
async def write_file(attempt: str, body: Written, house: HouseDep, voter: ActingVoter) -> PersonStep:
    """Write a file of the task."""
    return await house.people.write(voter, attempt, body.path, body.text)


@router.post("/people/{attempt}/give-up")
async def give_up(attempt: str, house: HouseDep, voter: ActingVoter) -> PersonStep:
    """End the attempt without an answer."""
    return await house.people.give_up(voter, attempt)
