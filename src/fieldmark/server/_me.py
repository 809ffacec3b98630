"""Routes of `/api/v1/me`: what is held of whoever asks, to read, to take away and to have erased."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from fieldmark.errors import Conflict, NotFound
from fieldmark.fields import accounts
from fieldmark.ledger import held_texts, links_of
from fieldmark.ledger.evidence import Choice, Mode, Result, Side
from fieldmark.server._deps import HouseDep, VisitorDep
from fieldmark.server._house import House
from fieldmark.server._stories import Stories

router = APIRouter(prefix="/api/v1")


class _View(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class MyEntry(_View):
    """One thing that the ledger holds of a person, with its texts. It never names a contender."""

    kind: Literal["round", "shadow_vote", "case", "outcome"]
    """A round they began; a real case they judged; a case that was theirs; what they said became of a case."""
    id: str
    """Of the round, the shadow battle, or the case."""
    at: str
    index: int
    """Place in the ledger of the first record."""
    mode: Mode | None = None
    category: str | None = None
    state: Literal["open", "voted", "abandoned", "retracted"] | None = None
    """Of a round; None for the other kinds."""
    prompts: list[str | None] = []
    """What they wrote, or what their case asked; None where the text is not held any more."""
    choice: Choice | None = None
    """Their vote, seen from the sides as they were on their screen."""
    tags: dict[Side, list[str]] = {}
    """Reason tags they gave."""
    comment: str | None = None
    result: Result | None = None
    """Of an outcome that they reported."""
    edit: str | None = None
    note: str | None = None


class Me(_View):
    """What is held of whoever asks."""

    pseudonym: str | None
    """Under which the ledger knows them; None when it holds nothing of them."""
    account: str | None
    """Name of their account."""
    links: int
    """Rows that tie the pseudonym to a cookie or an account: cookie, account, sessions."""
    texts: int
    """Texts held now: what they wrote, and the answers to it."""
    records: dict[str, int]
    """Records by type (`battle`, `answer`, `vote`, ...): theirs, and those about their rounds and cases."""
    entries: list[MyEntry]
    """One page, newest first."""
    next: int | None
    """Give it as `before` for the next page; None on the last."""


class Erased(_View):
    """It is done: texts, salts and the link are deleted; votes and counts stay."""

    record: str | None
    """Id of the erasure's own record; None when nothing was held."""
    texts: int
    links: int
    swept: bool
    """Whether the bytes left the database's files already; else they do as soon as its readers have finished."""


@dataclass(frozen=True)
class Whoever:
    """Who asks: a browser that has acted, or an account."""

    pseudonym: str | None
    account: accounts.Account | None


async def _whoever(request: Request, house: HouseDep, visitor: VisitorDep) -> Whoever:
    pseudonym = await asyncio.to_thread(house.sessions.known_voter, request)
    return Whoever(pseudonym or None, visitor.account)


Person = Annotated[Whoever, Depends(_whoever)]


@router.get("/me", tags=["me"])
async def me(
    house: HouseDep,
    person: Person,
    before: Annotated[int | None, Query(ge=0, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Me:
    """What is held of this browser's or account's person."""
    if person.pseudonym is None:
        return Me(pseudonym=None, account=None, links=0, texts=0, records={}, entries=[], next=None)
    return await asyncio.to_thread(_me, house, person, before, limit)


@router.get("/me/export", tags=["me"], response_class=Response)
async def export_me(house: HouseDep, person: Person) -> Response:
    """All that is held of this person, as JSON. Contenders of rounds whose names were not shown are left out."""
    said = await asyncio.to_thread(_export, house, person)
    name = f"{house.field.id}-{person.pseudonym or 'nobody'}.json"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    content = json.dumps(said, ensure_ascii=False, indent=1).encode()
    return Response(content, media_type="application/json", headers=headers)


@router.delete("/me", tags=["me"])
async def erase_me(request: Request, response: Response, house: HouseDep, person: Person) -> Erased:
    """Erase texts, salts and the link to this person, sign them out and begin anew. Votes and counts stay."""
    house.sessions.check(request)
    if person.account is not None:
        await asyncio.to_thread(_check_last_admin, house, person.account)
    done = None
    if person.pseudonym is not None:
        with suppress(NotFound):
            done = await house.forgetting.person(person.pseudonym)
    if person.account is not None:
        house.calls.cut(person.account.id)
    house.sessions.sign_out(response)
    if done is None:
        return Erased(record=None, texts=0, links=0, swept=True)
    return Erased(record=done.record, texts=done.texts, links=done.links, swept=done.swept)


def _check_last_admin(house: House, account: accounts.Account) -> None:
    """Without an admin nobody could administer the field; without any account, everybody could."""
    with house.ledger.read() as snapshot:
        others = [each for each in accounts.list_accounts(snapshot) if each.id != account.id]
    if account.role == "admin" and not any(each.role == "admin" and not each.revoked for each in others):
        raise Conflict(
            "you are the last admin: nobody could administer the field afterwards",
            code="last_admin",
            hint="make somebody else admin first",
        )


def _me(house: House, person: Whoever, before: int | None, limit: int) -> Me:
    assert person.pseudonym is not None
    with house.ledger.read() as snapshot:
        trail = house.trails.of(snapshot, person.pseudonym)
        stories = Stories(snapshot, trail)
        page, following = stories.page(before, limit)
        return Me(
            pseudonym=person.pseudonym,
            account=person.account.name if person.account else None,
            links=links_of(snapshot.connection, person.pseudonym),
            texts=len(held_texts(snapshot.connection, trail.texts)),
            records=dict(sorted(trail.types.items())),
            entries=[MyEntry(**each.facts()) for each in page],
            next=following,
        )


def _export(house: House, person: Whoever) -> dict[str, Any]:
    said: dict[str, Any] = {
        "format": "fieldmark-person/1",
        "field": house.field.id,
        "pseudonym": person.pseudonym,
        "account": _account(person),
    }
    if person.pseudonym is None:
        return {**said, "records": {}, "entries": []}
    with house.ledger.read() as snapshot:
        trail = house.trails.of(snapshot, person.pseudonym)
        page, _ = Stories(snapshot, trail).page(None, None)
        entries = [each.whole() for each in page]
        return {
            **said,
            "head": str(snapshot.head()),
            "records": dict(sorted(trail.types.items())),
            "entries": entries,
        }


def _account(person: Whoever) -> dict[str, Any] | None:
    if person.account is None:
        return None
    a = person.account
    return {
        "name": a.name,
        "role": a.role,
        "created": a.created,
        "issuer": a.issuer,
        "credentials": a.credentials,
    }
