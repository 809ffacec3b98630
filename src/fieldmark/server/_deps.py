"""What routes need of the request: the house, and who asks.

`gate` stands before every route of the API: what somebody may do at all is decided there, by path, so that a new route
is closed to strangers until it says otherwise. Routes that act ask for `ActingVoter` or `Admin` besides.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from fieldmark.errors import Forbidden, NotSignedIn
from fieldmark.fields import KeyRefused, Role
from fieldmark.server._calls import CALLER
from fieldmark.server._guard import SAFE_METHODS
from fieldmark.server._house import House
from fieldmark.server._sessions import Visitor

OPEN = frozenset(
    f"/api/v1/{path}"
    for path in (
        "session",
        "login",
        "logout",
        "oidc/start",
        "oidc/callback",
        "invitations/accept",
        "openapi.json",
    )
)
"""What somebody who is not signed in may always ask."""
_FOR_ADMINS = frozenset({"accounts", "invitations", "keys", "audit", "votes.csv", "exports", "jobs"})
_REAL_CASES = frozenset({"cases", "shadow"})
"""They show what end users of applications wrote: nothing in `[access] anonymous` opens them to strangers."""
_FOR_VOTERS = _REAL_CASES | {"battles"}
"""They hold or lead to people's texts."""
_FOR_ONESELF = frozenset({"me", "account"})
_BY_KEY = "/api/v1/cases/"
"""Outcomes come from applications too; their routes check the key."""


async def _house(request: Request) -> House:  # not for waiting: FastAPI runs what is not async on a thread
    house: House = request.app.state.house
    return house


HouseDep = Annotated[House, Depends(_house)]
"""The field that is served."""


async def gate(request: Request) -> None:
    """Refuse what a visitor's role may not do.

    Raises:
        NotSignedIn: nobody is signed in, and it takes somebody.
        Forbidden: their role may not.
    """
    house: House | None = request.app.state.house
    path: str = request.scope["path"]
    if house is None or not path.startswith(("/api/", "/v1/")):
        return
    if path.startswith("/v1/"):
        await _need_keys(house)
        return
    noun = _noun(path)
    visitor = await house.sessions.visitor(request, house.field.access)
    if noun in _REAL_CASES and visitor.account is None and await house.sessions.needed():
        visitor = Visitor(None)
    request.state.visitor = visitor
    if visitor.account is not None:
        request.scope[CALLER] = visitor.account.id
    if path in OPEN or (path.startswith(_BY_KEY) and _brings_key(request)):
        return
    require(visitor, _least(request.method, path, noun))


async def _need_keys(house: House) -> None:
    """Without keys `/v1` serves any bearer: fine for this machine's users, and for nobody else."""
    if await house.sessions.needed() and not await house.gateway.keys.any():
        raise KeyRefused(
            "this field asks for an application key, and has none yet",
            hint="make one: `fieldmark keys create`",
        )


def _brings_key(request: Request) -> bool:
    return request.method not in SAFE_METHODS and request.headers.get("authorization", "").startswith(
        "Bearer "
    )


def _noun(path: str) -> str:
    return path.removeprefix("/api/v1/").split("/", maxsplit=1)[0]


def _least(method: str, path: str, noun: str) -> Role:
    if noun in _FOR_ADMINS or path == "/api/v1/contenders/detected":  # that one asks this machine's own ports
        return "admin"
    if noun in _FOR_VOTERS:
        return "voter"
    return "viewer" if method in SAFE_METHODS or noun in _FOR_ONESELF else "voter"


def require(visitor: Visitor, role: Role) -> None:
    """Raises NotSignedIn or Forbidden when what `role` may do is not allowed."""
    if visitor.may(role):
        return
    if visitor.account is None:
        raise NotSignedIn("sign in first", hint="this field takes an account: POST /api/v1/login")
    raise Forbidden(f"this takes the role {role}", hint=f"you are {visitor.role}: an admin can change that")


def _visitor(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


async def _asking_visitor(request: Request) -> Visitor:
    return _visitor(request)


VisitorDep = Annotated[Visitor, Depends(_asking_visitor)]
"""Who asks, and what they may."""


async def _actor(request: Request, house: House, role: Role) -> str:
    visitor = _visitor(request)
    require(visitor, role)
    secret = house.sessions.check(request)
    return visitor.account.pseudonym if visitor.account else await house.sessions.voter(secret)


async def acting_voter(request: Request, house: HouseDep) -> str:
    """Pseudonym of a voter that may act, for `ActingVoter` and for routes without dependencies."""
    return await _actor(request, house, "voter")


ActingVoter = Annotated[str, Depends(acting_voter)]
"""Pseudonym of a voter that may act (role, cookie and CSRF token checked)."""


async def _looking_voter(request: Request, house: HouseDep) -> str:
    require(_visitor(request), "voter")
    voter = house.sessions.remembered_voter(request)
    if voter is None:
        voter = await asyncio.to_thread(house.sessions.known_voter, request)
    if voter is None:
        raise Forbidden("this browser has no rounds here", hint="begin one on the page Arena")
    return voter


LookingVoter = Annotated[str, Depends(_looking_voter)]
"""Pseudonym of a voter that has acted before."""


async def _admin(request: Request, house: HouseDep) -> str:
    return await _actor(request, house, "admin")


Admin = Annotated[str, Depends(_admin)]
"""Pseudonym of an admin that may act. On loopback and without accounts, every same-origin browser is one."""


async def _looking_admin(request: Request, house: HouseDep) -> str | None:
    visitor = _visitor(request)
    require(visitor, "admin")
    return visitor.account.pseudonym if visitor.account else house.sessions.known_voter(request)


LookingAdmin = Annotated[str | None, Depends(_looking_admin)]
"""Pseudonym of an admin that only looks (no CSRF token needed); None for a browser that has not acted yet."""
