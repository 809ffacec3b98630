"""Routes of the contenders and of the model shelf."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from fieldmark.arena import answer_record
from fieldmark.contenders import (
    CATALOGUE,
    ContenderSpec,
    LocalServer,
    Price,
    Probe,
    Reach,
    Readiness,
    Shelf,
    detect,
    is_path,
    make_contender,
    normalise_url,
    probe,
    pull,
)
from fieldmark.errors import (
    Conflict,
    ContenderFailure,
    FieldError,
    FieldmarkError,
    InputError,
    ModelError,
    NotFound,
)
from fieldmark.fields import FieldContender, Member, record_act, remove_contender, write_contender
from fieldmark.scorecards import known_calling, probe_calling
from fieldmark.scorecards.views import Calling
from fieldmark.server._deps import Admin, HouseDep, VisitorDep
from fieldmark.server._house import House
from fieldmark.server._jobs import Job, Report

router = APIRouter(prefix="/api/v1", tags=["contenders"])


class _View(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class ReadinessView(_View):
    """Whether a contender can be asked now."""

    state: Literal["ready", "starting", "missing", "failed", "unknown"]
    detail: str


class ContenderView(_View):
    """A contender of the field folder."""

    name: str
    digest: str | None
    """None while its weights are not here."""
    kind: str
    status: Literal["active", "waiting"]
    """`waiting`: its weights are not here."""
    readiness: ReadinessView
    model: str | None
    url: str | None
    key_env: str | None
    key_set: bool
    """Whether the environment variable `key_env` holds something."""
    system: str | None
    sampler: dict[str, Any]
    """What is set."""
    price: Price | None
    spend_cap: float | None
    requests_per_minute: float | None
    spent: float
    """Currency units in closed rounds."""
    origin: str
    """File that lists it."""
    removable: bool
    """Whether the page may remove it: what stands in `field.toml` is the person's."""
    votes: int
    """Counted votes of this identity."""


class DetectedView(_View):
    """A local server that speaks OpenAI's protocol."""

    kind: str
    url: str
    models: list[str]


class ProbeView(_View):
    """What came of one small question."""

    ok: bool
    ms_to_first: int | None
    text: str
    failure: str | None
    message: str
    hint: str


class CallingView(_View):
    """How a contender calls tools."""

    calling: Calling | None
    """None: it was not asked yet."""
    said: str
    """What the probe saw, in words."""


class ModelView(_View):
    """Weights that are, or could be, on this machine."""

    name: str
    about: str
    state: Literal["present", "absent"]
    bytes: int
    """Of the file."""
    download: int
    """Bytes to fetch; 0 when present."""
    licence: str | None
    ask_licence: str | None
    """Terms that must be accepted first; None for a free licence."""
    source: str


class FetchModel(BaseModel):
    """How to fetch a model."""

    model_config = ConfigDict(extra="forbid")

    accept_licence: bool = False


@router.get("/contenders")
def contenders(house: HouseDep, visitor: VisitorDep) -> list[ContenderView]:
    """The field's contenders, in the folder's order. Addresses and names of variables are told to admins only."""
    views = _contenders(house)
    if visitor.may("admin"):
        return views
    return [view.model_copy(update=_hidden(view)) for view in views]


def _hidden(view: ContenderView) -> dict[str, Any]:
    readiness = ReadinessView(state=view.readiness.state, detail="")
    return {"url": None, "key_env": None, "system": None, "readiness": readiness}


def _contenders(house: House) -> list[ContenderView]:
    members = {m.name: m for m in house.roster.members}
    absent = {a.spec.name: a for a in house.roster.absent}
    views = []
    with house.ledger.read() as snapshot:
        standing = house.arena.boards.standing(snapshot, house.field.policy)
        for spec in house.field.contenders:
            if spec.name in members:
                member = members[spec.name]
                cost = answer_record(snapshot, member.digest).cost
                votes = standing.total(member.digest).votes
                views.append(_view(house, spec, member.contender.readiness, member.digest, cost, votes))
            elif spec.name in absent:
                missing = Readiness("missing", absent[spec.name].explain())
                views.append(_view(house, spec, missing, None, 0.0, 0))
    return views


def _view(
    house: House, spec: FieldContender, readiness: Readiness, digest: str | None, spent: float, votes: int
) -> ContenderView:
    own_file = house.field.folder / "contenders" / f"{spec.name}.toml"
    return ContenderView(
        name=spec.name,
        digest=digest,
        kind=spec.kind,
        status="waiting" if digest is None else "active",
        readiness=ReadinessView(state=readiness.state, detail=readiness.detail),
        model=spec.model,
        url=spec.url,
        key_env=spec.key_env,
        key_set=bool(spec.key_env and os.environ.get(spec.key_env)),
        system=spec.system,
        sampler=spec.sampler.model_dump(mode="json", exclude_defaults=True),
        price=spec.price,
        spend_cap=spec.spend_cap,
        requests_per_minute=spec.requests_per_minute,
        spent=spent,
        origin=f"contenders/{spec.name}.toml" if own_file.exists() else "field.toml",
        removable=own_file.exists(),
        votes=votes,
    )


@router.get("/contenders/detected")
async def detected(_: HouseDep) -> list[DetectedView]:
    """Local servers found on their usual ports."""
    found: list[LocalServer] = await detect()
    return [DetectedView(kind=d.kind, url=d.url, models=list(d.models)) for d in found]


@router.post("/contenders/probe")
async def try_out(spec: ContenderSpec, house: HouseDep, _: Admin) -> ProbeView:
    """Ask a contender one small question, without saving it."""
    _check_words(house, spec)
    return await _probe(spec, await _reach(house, spec))


async def _reach(house: House, spec: ContenderSpec) -> Reach | None:
    """What the page may have this server connect to.

    Raises:
        InputError: the URL leads inside this network, and no admin has allowed it.
    """
    trusting = house.roster.trusting and not await house.sessions.needed()
    reach = Reach.of(house.field.access.private_endpoints, loopback=trusting)
    if spec.url:
        try:
            await reach.check(normalise_url(spec.url))
        except ContenderFailure as failure:
            raise InputError(failure.message, hint=failure.hint) from None
    return reach


async def _probe(spec: ContenderSpec, reach: Reach | None) -> ProbeView:
    try:
        contender = make_contender(spec, reach=reach)
        try:
            found: Probe = await probe(contender)
        finally:
            await contender.close()
    except FieldmarkError as error:
        return ProbeView(
            ok=False, ms_to_first=None, text="", failure="refused", message=error.message, hint=error.hint
        )
    return ProbeView(
        ok=found.ok,
        ms_to_first=found.ms_to_first,
        text=found.text,
        failure=found.failure,
        message=found.message,
        hint=found.hint,
    )


@router.post("/contenders", status_code=201)
async def add(
    spec: ContenderSpec,
    house: HouseDep,
    admin: Admin,
    force: Annotated[bool, Query(description="save it although it did not answer")] = False,
) -> ContenderView:
    """Add a contender to the field: asked one question first, then written to `contenders/NAME.toml`."""
    if any(c.name == spec.name for c in house.field.contenders):
        raise Conflict(
            f"a contender is called '{spec.name}' already", code="name_taken", hint="choose another name"
        )
    _check_words(house, spec)
    reach = await _reach(house, spec)
    if not force:
        found = await _probe(spec, reach)
        if not found.ok:
            raise Conflict(f"it did not answer: {found.message}", code="probe_failed", hint=found.hint)
    await asyncio.to_thread(_check_new, house, spec)
    await asyncio.to_thread(write_contender, house.field.folder, spec, by_page=True)
    await record_act(house.ledger, "contender_added", by=admin, subject=spec.name)
    await house.refresh()
    for view in await asyncio.to_thread(_contenders, house):
        if view.name == spec.name:
            return view
    raise FieldError(
        house.watch.problems
    )  # saved, but the folder is wrong elsewhere and its last good state in force


def _check_words(house: House, spec: ContenderSpec) -> None:
    """What a browser may have this server read and send to an address of its choice: keys of models, model files."""
    if spec.kind == "agent":
        raise InputError(
            "an agent is not added over the page: it may run a command", hint="write it into field.toml"
        )
    named = {c.key_env for c in house.field.contenders}
    if spec.key_env and spec.key_env not in named and not spec.key_env.endswith("_API_KEY"):
        raise InputError(
            f"the page may not use the environment variable {spec.key_env}: its name does not end in _API_KEY",
            hint="rename it, or write this contender into field.toml yourself",
        )
    if spec.kind == "weights" and spec.model and is_path(spec.model) and not spec.model.endswith(".gguf"):
        raise InputError(
            f"'{spec.model}' is neither a name on the shelf nor the path of a .gguf file",
            hint="`fieldmark models list` shows the names",
        )


def _check_new(house: House, spec: ContenderSpec) -> None:
    try:
        twin = house.roster.by_digest(make_contender(spec).identity.digest)
    except (InputError, ModelError):  # it is wrong, or its weights are not here: what follows says so
        return
    if twin is not None:
        raise Conflict(
            f"'{twin.name}' has the same settings, so it is the same contender",
            code="same_contender",
            hint="give it another model, system prompt or sampler",
        )


@router.delete("/contenders/{name}", status_code=204)
async def remove(name: str, house: HouseDep, admin: Admin) -> None:
    """Withdraw a contender that was added here. It stays on the board's record."""
    await asyncio.to_thread(remove_contender, house.field.folder, name)
    await record_act(house.ledger, "contender_removed", by=admin, subject=name)
    await house.refresh()


@router.get("/contenders/{digest}/calling")
async def contender_calling(digest: str, house: HouseDep) -> CallingView:
    """How a contender calls tools, as the last probe found."""
    found = known_calling(house.field.state, _member(house, digest).digest)
    return (
        CallingView(calling=found.calling, said=found.said) if found else CallingView(calling=None, said="")
    )


@router.post("/contenders/{digest}/calling")
async def probe_contender_calling(digest: str, house: HouseDep, _: Admin) -> CallingView:
    """Ask a contender for a call of a small tool, and keep what came of it."""
    found = await probe_calling(_member(house, digest), house.field.state)
    return CallingView(calling=found.calling, said=found.said)


def _member(house: House, digest: str) -> Member:
    member = house.roster.by_digest(digest)
    if member is None:
        raise NotFound("no contender of this field has that digest now")
    return member


@router.get("/models", tags=["models"])
def models(_: HouseDep) -> list[ModelView]:
    """The shelf: what is here, then what is known and could be fetched."""
    here = Shelf().models()
    views = [
        ModelView(
            name=m.name,
            about=CATALOGUE[m.name].about if m.name in CATALOGUE else "",
            state="present",
            bytes=m.size,
            download=0,
            licence=m.licence,
            ask_licence=None,
            source=m.source,
        )
        for m in here
    ]
    names = {m.name for m in here}
    return views + [
        ModelView(
            name=k.name,
            about=k.about,
            state="absent",
            bytes=k.size,
            download=k.download,
            licence=k.licence,
            ask_licence=k.ask_licence,
            source=k.source,
        )
        for k in CATALOGUE.values()
        if k.name not in names
    ]


@router.post("/models/{name}/pull", status_code=202, tags=["models"])
async def fetch(name: str, body: FetchModel, house: HouseDep, admin: Admin) -> Job:
    """Fetch a known model onto the shelf; follow it by its job."""
    if name in CATALOGUE:  # nothing of a browser's making becomes evidence
        await record_act(house.ledger, "model_fetched", by=admin, subject=name)

    async def work(report: Report) -> None:
        await pull(Shelf(), name, accept_licence=body.accept_licence, progress=report)
        await house.refresh()

    return house.jobs.start(f"model {name}", work)


@router.get("/jobs/{job}", tags=["models"])
def job_state(job: str, house: HouseDep) -> Job:
    """Where long work stands."""
    return house.jobs.get(job)


@router.delete("/jobs/{job}", tags=["models"])
async def cancel_job(job: str, house: HouseDep, _: Admin) -> Job:
    """Stop long work; starting it again goes on where it was."""
    return await house.jobs.cancel(job)
