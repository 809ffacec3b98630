"""What routes need of the request: the house, and who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from fieldmark.errors import Forbidden
from fieldmark.server._house import House


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


HouseDep = Annotated[House, Depends(_house)]
"""The field that is served."""


async def _acting_voter(request: Request, house: HouseDep) -> str:
    return await house.sessions.voter(house.sessions.check(request))


ActingVoter = Annotated[str, Depends(_acting_voter)]
"""Pseudonym of a browser that may act (cookie and CSRF token checked)."""


def _looking_voter(request: Request, house: HouseDep) -> str:
    voter = house.sessions.known_voter(request)
    if voter is None:
        raise Forbidden("this browser has no rounds here", hint="begin one on the page Arena")
    return voter


LookingVoter = Annotated[str, Depends(_looking_voter)]
"""Pseudonym of a browser that has acted before."""


def _admin(request: Request, house: HouseDep) -> str:
    return house.sessions.check(request)


Admin = Annotated[str, Depends(_admin)]
"""Whoever sits at this machine: on loopback and without accounts, every same-origin browser."""
