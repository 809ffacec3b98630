"""Signing in and out, and what a browser needs to know of its session."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

import fieldmark
from fieldmark.errors import Forbidden, InputError, NotSignedIn
from fieldmark.fields import Role, accounts
from fieldmark.server._deps import HouseDep, VisitorDep
from fieldmark.server._house import House
from fieldmark.server._sessions import Visitor

router = APIRouter(prefix="/api/v1", tags=["session"])

Password = Annotated[str, StringConstraints(max_length=accounts.PASSWORD_AT_MOST)]
Name = Annotated[str, StringConstraints(max_length=200)]


class _View(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class SignIn(_View):
    """Ways to sign in."""

    password: bool
    """By name and password."""
    oidc: str | None
    """What stands on the provider's button, which leads to `GET /api/v1/oidc/start`; None without one."""


class Session(_View):
    """What a browser needs to act."""

    csrf: str
    """Send it as header `X-Fieldmark-CSRF` with every POST, PATCH and DELETE."""
    role: Role | None
    """What it may: an admin everything. None: sign in first. On loopback and without accounts everybody is admin."""
    name: str | None
    """Of the account that is signed in."""
    accounts: bool
    """Whether there are accounts: then acting takes one (or what the field allows `anonymous` visitors)."""
    version: str
    """Fieldmark's version."""
    sign_in: SignIn


class Login(_Body):
    """Name and password."""

    name: Name
    password: Password


class NewPassword(_Body):
    """A password in place of the old one."""

    old: Password
    new: Password


class Accept(_Body):
    """An invitation's token, and the account that shall be made of it."""

    token: Annotated[str, StringConstraints(max_length=200)]
    name: Name
    password: Password


def view(house: House, visitor: Visitor, csrf: str, *, needed: bool) -> Session:
    """The session as the browser sees it."""
    oidc = house.field.access.oidc
    return Session(
        csrf=csrf,
        role=visitor.role,
        name=visitor.account.name if visitor.account else None,
        accounts=needed,
        version=fieldmark.__version__,
        sign_in=SignIn(password=needed, oidc=oidc.name if oidc and needed else None),
    )


@router.get("/session")
async def session(request: Request, response: Response, house: HouseDep, visitor: VisitorDep) -> Session:
    """Begin a session: sets the voter's cookie if this browser has none."""
    csrf = house.sessions.begin(request, response)
    return view(house, visitor, csrf, needed=await house.sessions.needed())


@router.post("/login")
async def login(body: Login, request: Request, response: Response, house: HouseDep) -> Session:
    """Sign in. The browser's session is a new one afterwards, with a new token."""
    house.sessions.check(request)
    house.attempts.check(body.name, house.address_of(request))
    found = await asyncio.to_thread(_password_of, house, body.name)
    if not await house.passwords.matches(found[1] if found else None, body.password) or found is None:
        raise NotSignedIn("the name or the password is wrong", hint="an admin can invite you anew")
    return await enter(house, request, response, found[0])


def _password_of(house: House, name: str) -> tuple[str, str] | None:
    try:
        with house.ledger.read() as snapshot:
            return accounts.password_of(snapshot, name)
    except InputError:  # no account can have that name
        return None


async def enter(house: House, request: Request, response: Response, account: str) -> Session:
    """End the browser's session, whoever's it was, and begin one of the account."""
    await _end(house, request)
    access = house.field.access
    secret = await house.sessions.open(account, access)
    csrf = house.sessions.sign_in(response, secret, account, timedelta(days=access.session_days))
    found = await asyncio.to_thread(_account, house, account)
    return view(house, Visitor(found.role, found), csrf, needed=True)


def _account(house: House, id_: str) -> accounts.Account:
    with house.ledger.read() as snapshot:
        return accounts.find_account(snapshot, id_=id_)


async def _end(house: House, request: Request) -> None:
    secret = house.sessions.secret(request)
    if secret is not None:
        await house.ledger.awrite(lambda now: accounts.end_session(now, secret))


@router.post("/logout")
async def logout(request: Request, response: Response, house: HouseDep, visitor: VisitorDep) -> Session:
    """Sign out; the browser is nobody's again."""
    house.sessions.check(request)
    await _end(house, request)
    if visitor.account is not None:
        house.calls.cut(visitor.account.id)
    csrf = house.sessions.sign_out(response)
    visitor = house.sessions.stranger(house.field.access) if visitor.account else visitor
    return view(house, visitor, csrf, needed=await house.sessions.needed())


@router.patch("/account/password")
async def change_password(
    body: NewPassword, request: Request, response: Response, house: HouseDep, visitor: VisitorDep
) -> Session:
    """Change one's own password; every other session of the account ends."""
    house.sessions.check(request)
    account = visitor.account
    if account is None:
        raise NotSignedIn("sign in first", hint="POST /api/v1/login")
    if not account.has_password:
        raise Forbidden("this account has no password here", hint="change it at your sign-in provider")
    house.attempts.check(account.name, house.address_of(request))
    accounts.check_password(body.new, account.name)
    found = await asyncio.to_thread(_password_of, house, account.name)
    if not await house.passwords.matches(found[1] if found else None, body.old):
        raise Forbidden("the old password is wrong", hint="sign out and ask an admin if you lost it")
    hashed = await house.passwords.hash(body.new)
    await house.ledger.awrite(
        lambda now: accounts.set_password(now, account.id, hashed, by=account.pseudonym)
    )
    house.calls.cut(account.id)
    return await enter(house, request, response, account.id)


@router.post("/invitations/accept", tags=["accounts"])
async def accept(body: Accept, request: Request, response: Response, house: HouseDep) -> Session:
    """Make an account of an invitation, and sign in."""
    house.sessions.check(request)
    house.attempts.check("", house.address_of(request))
    accounts.check_password(body.password, accounts.account_name(body.name))
    hashed = await house.passwords.hash(body.password)
    made = await house.ledger.awrite(
        lambda now: accounts.accept_invitation(now, body.token, body.name, hashed)
    )
    house.sessions.note_account()
    return await enter(house, request, response, made.id)
