"""Routes of accounts, invitations and the audit: for admins."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict

from fieldmark.errors import Conflict
from fieldmark.fields import Role, accounts, acts
from fieldmark.ledger import Snapshot
from fieldmark.server._deps import Admin, HouseDep, LookingAdmin
from fieldmark.server._house import House
from fieldmark.server._login import Name, Password

router = APIRouter(prefix="/api/v1", tags=["accounts"])


class _View(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class AccountView(_View):
    """Somebody who may sign in."""

    id: str
    name: str
    role: Role
    pseudonym: str
    """Under which the ledger knows them."""
    created: str
    revoked: str | None
    """When it was revoked; it stays so."""
    provider: str | None
    """OpenID Connect provider, for an account of one."""
    credentials: list[str]
    """Such as `physician`."""
    you: bool
    """It is the one that asks."""


class InvitationView(_View):
    """A link that makes an account, once."""

    id: str
    role: Role
    credentials: list[str]
    created: str
    expires: str


class NewInvitation(InvitationView):
    """The link is told now and never again."""

    token: str
    link: str
    """Page that asks for name and password; the token stands after `#`, so that no server's log sees it."""


class AuditLine(_View):
    """What an admin did."""

    index: int
    """Of the record in the ledger; give it as `before` for the next page."""
    id: str
    at: str
    actor: str
    """Pseudonym; `system` for the command line."""
    actor_name: str | None
    """Of the account, as long as it is kept."""
    act: str
    subject: str | None
    subject_name: str | None
    details: dict[str, str]


class Audit(_View):
    """Newest first."""

    lines: list[AuditLine]
    more: bool


class NewAccountBody(_Body):
    """An account with a first password, to be changed by its owner."""

    name: Name
    role: Role
    password: Password
    credentials: list[str] = []


class AccountChange(_Body):
    """What is left out stays."""

    role: Role | None = None
    credentials: list[str] | None = None


class Invite(_Body):
    """Whom to let in."""

    role: Role
    credentials: list[str] = []


def _view(account: accounts.Account, me: str | None) -> AccountView:
    return AccountView(
        id=account.id,
        name=account.name,
        role=account.role,
        pseudonym=account.pseudonym,
        created=account.created,
        revoked=account.revoked,
        provider=account.issuer,
        credentials=list(account.credentials),
        you=account.pseudonym == me,
    )


@router.get("/accounts")
def list_accounts(house: HouseDep, me: LookingAdmin) -> list[AccountView]:
    """Every account, revoked ones too."""
    with house.ledger.read() as snapshot:
        return [_view(account, me) for account in accounts.list_accounts(snapshot)]


async def _check_first(house: House, role: Role) -> None:
    if role != "admin" and not await house.sessions.needed():
        raise Conflict(
            "the first account has to be an admin's: with it, everybody else has to sign in",
            code="first_admin",
            hint="give it the role admin",
        )


@router.post("/accounts", status_code=201)
async def add_account(body: NewAccountBody, house: HouseDep, admin: Admin) -> AccountView:
    """Make an account. With the first one, acting takes signing in."""
    await _check_first(house, body.role)
    accounts.check_password(body.password, accounts.account_name(body.name))
    hashed = await house.passwords.hash(body.password)
    new = accounts.NewAccount(body.name, body.role, hashed, credentials=body.credentials)
    made = await house.ledger.awrite(lambda now: accounts.add_account(now, new, by=admin))
    house.sessions.note_account()
    return _view(made, admin)


@router.patch("/accounts/{id}")
async def change_account(id: str, body: AccountChange, house: HouseDep, admin: Admin) -> AccountView:  # noqa: A002
    """Give an account another role or credentials; it holds from its next request on."""
    changed = await house.ledger.awrite(
        lambda now: accounts.change_account(now, id, by=admin, role=body.role, credentials=body.credentials)
    )
    house.calls.cut(id)
    return _view(changed, admin)


@router.delete("/accounts/{id}")
async def revoke_account(id: str, house: HouseDep, admin: Admin) -> AccountView:  # noqa: A002
    """Revoke an account: it is signed out everywhere, its open round ends. What it voted stays."""
    revoked = await house.ledger.awrite(lambda now: accounts.revoke_account(now, id, by=admin))
    await house.evict(revoked.id, revoked.pseudonym)
    return _view(revoked, admin)


@router.get("/invitations")
def list_invitations(house: HouseDep, _: LookingAdmin) -> list[InvitationView]:
    """Those that still work."""
    with house.ledger.read() as snapshot:
        found = accounts.list_invitations(snapshot, datetime.now(UTC))
    return [_invitation(each) for each in found]


def _invitation(invitation: accounts.Invitation) -> InvitationView:
    return InvitationView(
        id=invitation.id,
        role=invitation.role,
        credentials=list(invitation.credentials),
        created=invitation.created,
        expires=invitation.expires,
    )


@router.post("/invitations", status_code=201)
async def invite(body: Invite, request: Request, house: HouseDep, admin: Admin) -> NewInvitation:
    """A link for one person."""
    await _check_first(house, body.role)
    lasts = timedelta(days=house.field.access.invitation_days)
    made, token = await house.ledger.awrite(
        lambda now: accounts.invite(now, body.role, by=admin, lasts=lasts, credentials=body.credentials)
    )
    origin = f"{request.scope['scheme']}://{request.headers['host']}"
    return NewInvitation(**dict(_invitation(made)), token=token, link=f"{origin}/invite#{token}")


@router.delete("/invitations/{id}", status_code=204)
async def revoke_invitation(id: str, house: HouseDep, admin: Admin) -> None:  # noqa: A002
    """Take an invitation back."""
    await house.ledger.awrite(lambda now: accounts.revoke_invitation(now, id, by=admin))


@router.get("/audit")
async def audit(
    house: HouseDep,
    _: LookingAdmin,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Audit:
    """What admins did, newest first."""
    return await asyncio.to_thread(_audit, house, before, limit)


def _audit(house: House, before: int | None, limit: int) -> Audit:
    with house.ledger.read() as snapshot:
        found = acts(snapshot, before=before, limit=limit + 1)
        names = _names(snapshot)
    lines = [
        AuditLine(**vars(each), actor_name=names.get(each.actor), subject_name=names.get(each.subject or ""))
        for each in found[:limit]
    ]
    return Audit(lines=lines, more=len(found) > limit)


def _names(snapshot: Snapshot) -> dict[str, str]:
    return {account.pseudonym: account.name for account in accounts.list_accounts(snapshot)}
