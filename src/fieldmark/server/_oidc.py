"""Signing in by an OpenID Connect provider: two navigations of the browser, and no reply but a way back to the page.

Whatever goes wrong leads to `/sign-in?problem=CODE`, where signing in by password still works. Codes: `unreachable`,
`refused`, `invalid`, `expired` (begun too long ago, or in another browser), `not_allowed`, `no_secret`,
`revoked`.
"""

from __future__ import annotations

import logging
import secrets

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from itsdangerous import BadSignature
from starlette.exceptions import HTTPException

from fieldmark.errors import Conflict, FieldmarkError
from fieldmark.fields import accounts
from fieldmark.ledger import Transaction
from fieldmark.server._deps import HouseDep
from fieldmark.server._house import House
from fieldmark.server._login import enter
from fieldmark.server._provider import Flow, Identity, Provider, ProviderTrouble

LOG = logging.getLogger(__name__)
FLOW_SECONDS = 600
router = APIRouter(prefix="/api/v1/oidc", tags=["session"])


@router.get("/start", response_class=RedirectResponse, status_code=303)
async def oidc_start(request: Request, house: HouseDep) -> RedirectResponse:
    """Leave for the provider."""
    try:
        url, flow = await _provider(house).leave(_redirect(request))
    except ProviderTrouble as trouble:
        return _back(trouble)
    reply = RedirectResponse(url, status_code=303)
    reply.set_cookie(
        _cookie(house),
        str(house.sessions.flows.dumps([flow.state, flow.nonce, flow.verifier])),
        max_age=FLOW_SECONDS,
        httponly=True,
        samesite="lax",  # the provider's page leads back here, so that a strict cookie would stay away
        secure=house.sessions.secure,
        path="/",
    )
    return reply


@router.get("/callback", response_class=RedirectResponse, status_code=303)
async def oidc_callback(
    request: Request, house: HouseDep, state: str = "", code: str = "", error: str = ""
) -> RedirectResponse:
    """Come back from the provider, and begin a session."""
    try:
        house.attempts.check("", house.address_of(request))
        flow = _flow(house, request, state)
        if error or not code:
            raise ProviderTrouble("refused", "the provider sent no code")
        identity = await _provider(house).come_back(_redirect(request), code, flow)
        account = await house.ledger.awrite(lambda now: _account(now, identity))
    except ProviderTrouble as trouble:
        reply = _back(trouble)
    except HTTPException:
        reply = _back(ProviderTrouble("refused", "too many sign-ins from one address"))
    else:
        house.sessions.note_account()
        reply = RedirectResponse("/", status_code=303)
        await enter(house, request, reply, account.id)
    reply.delete_cookie(_cookie(house), path="/", secure=house.sessions.secure, httponly=True, samesite="lax")
    return reply


def _provider(house: House) -> Provider:
    access = house.field.access.oidc
    if access is None:
        raise ProviderTrouble("unreachable", "field.toml names no provider")
    if house.provider is None or house.provider.access != access:
        house.provider = Provider(access)
    return house.provider


def _redirect(request: Request) -> str:
    return f"{request.scope['scheme']}://{request.headers['host']}/api/v1/oidc/callback"


def _cookie(house: House) -> str:
    return f"{house.sessions.cookie}-oidc"


def _flow(house: House, request: Request, state: str) -> Flow:
    """What this browser was given when it left, if it did and comes back with the same state."""
    try:
        flow = Flow(
            *house.sessions.flows.loads(request.cookies.get(_cookie(house), ""), max_age=FLOW_SECONDS)
        )
    except (BadSignature, TypeError):
        raise ProviderTrouble("expired", "this browser did not begin the sign-in, or too long ago") from None
    if not secrets.compare_digest(flow.state.encode(), state.encode()):
        raise ProviderTrouble("expired", "the state is another sign-in's")
    return flow


def _account(now: Transaction, identity: Identity) -> accounts.Account:
    """The identity's account, made at its first sign-in; its role follows the provider."""
    found = accounts.find_identity(now, identity.issuer, identity.subject)
    if found is None:
        return _new(now, identity)
    if found.revoked:
        raise ProviderTrouble("revoked", "the account is revoked")
    try:
        return accounts.change_account(now, found.id, by=found.pseudonym, role=identity.role)
    except Conflict as conflict:  # the last admin stays one, whatever the provider says
        LOG.warning("a role could not be taken from the provider: %s", conflict.message)
        return found


def _new(now: Transaction, identity: Identity) -> accounts.Account:
    for suffix in ("", *(f" ({n})" for n in range(2, 50))):
        try:
            new = accounts.NewAccount(
                identity.name + suffix, identity.role, issuer=identity.issuer, subject=identity.subject
            )
            return accounts.add_account(now, new, by=None)
        except Conflict:  # a namesake; names link nothing, only issuer and subject do
            continue
        except FieldmarkError:
            break
    raise ProviderTrouble("invalid", "no account can be made of the name that the provider gives")


def _back(trouble: ProviderTrouble) -> RedirectResponse:
    LOG.warning("sign-in by the provider: %s", trouble.message)
    return RedirectResponse(f"/sign-in?problem={trouble.code}", status_code=303)
