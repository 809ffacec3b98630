"""Routes of application keys."""

from __future__ import annotations

import re

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from fieldmark.fields import SYSTEM, Application, Scope, create_key, list_keys, revoke_key
from fieldmark.gateway import application_counts
from fieldmark.gateway.views import KeyView, NewKey
from fieldmark.server._deps import Admin, HouseDep, LookingAdmin

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])

_PSEUDONYM = re.compile("p_[a-z2-7]{26}")


class KeyWanted(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str
    """What people call the application."""
    scopes: list[Scope] = ["ask", "outcome"]
    """What it may do."""


@router.get("")
async def keys(house: HouseDep, _: LookingAdmin) -> list[KeyView]:
    """Every application key, oldest first, revoked ones too."""
    with house.ledger.read() as snapshot:
        counts = application_counts(snapshot)
        return [_view(each, counts.get(each.id, (0, 0))) for each in list_keys(snapshot)]


@router.post("", status_code=201)
async def make_key(body: KeyWanted, house: HouseDep, admin: Admin) -> NewKey:
    """Make a key. The first one closes `/v1` to everybody without one."""
    made, secret = await house.ledger.awrite(
        lambda now: create_key(now, body.name, body.scopes, actor=actor_of(admin))
    )
    house.gateway.keys.forget()
    return NewKey(**_view(made, (0, 0)).model_dump(), secret=secret)


@router.delete("/{key}")
async def end_key(key: str, house: HouseDep, admin: Admin) -> KeyView:
    """Revoke a key: from now on it opens nothing, and answers being written with it end."""
    ended = await house.ledger.awrite(lambda now: revoke_key(now, key, actor=actor_of(admin)))
    house.gateway.keys.forget()
    with house.ledger.read() as snapshot:
        return _view(ended, application_counts(snapshot).get(ended.id, (0, 0)))


def actor_of(admin: str) -> str:
    """Who stands in the record: the admin's pseudonym, or the program where there are no accounts."""
    return admin if _PSEUDONYM.fullmatch(admin) else SYSTEM


def _view(application: Application, counts: tuple[int, int]) -> KeyView:
    cases, reported = counts
    return KeyView(
        id=application.id,
        name=application.name,
        scopes=sorted(application.scopes),
        created=application.created,
        used=application.used,
        revoked=application.revoked,
        cases=cases,
        reported=reported,
    )
