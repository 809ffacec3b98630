"""Routes of the views: session, status, field, leaderboard, card."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from fieldmark.arena import counted_votes, votes
from fieldmark.arena.views import Board, Matrix, Stratum
from fieldmark.errors import NotFound
from fieldmark.fields import Category, Policy, Prompt, ReasonTags, RubricQuestion, known_contenders, write_act
from fieldmark.reports import Card, FieldColumns, build_card, field_columns
from fieldmark.server import _sse
from fieldmark.server._deps import HouseDep, VisitorDep
from fieldmark.server._errors import ProblemView
from fieldmark.server._house import House
from fieldmark.statistics import Model

router = APIRouter(prefix="/api/v1")

_IN_MEMORY = 1 << 22
_BLOCK = 1 << 16


class _View(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Status(_View):
    """The field at a glance."""

    field: str
    field_name: str
    contenders: int
    """Those that can be asked."""
    votes: int
    """Live votes that count."""
    head: str
    """SIZE:HASH of the ledger."""
    held_here: bool
    """Every contender's weights are on this machine, so nothing leaves it."""
    problems: list[ProblemView]
    """What is wrong with the field folder since it was edited; the last good state is in force."""
    undo_seconds: float


class Changed(_View):
    """Counted votes, contenders or rules changed."""

    head: str
    votes: int


class FieldView(_View):
    """The field's rules."""

    id: str
    name: str
    description: str
    language: str
    guidelines: str
    """Markdown."""
    categories: list[Category]
    prompts: list[Prompt]
    reason_tags: ReasonTags
    rubric: list[RubricQuestion]
    policy: Policy
    problems: list[ProblemView]
    notices: list[ProblemView]


@router.get("/status", tags=["field"])
def status(house: HouseDep) -> Status:
    """The field at a glance."""
    with house.ledger.read() as snapshot:
        head, counted = str(snapshot.head()), counted_votes(snapshot)
    members = house.roster.members
    return Status(
        field=house.field.id,
        field_name=house.field.name,
        contenders=len(members),
        votes=counted,
        head=head,
        held_here=bool(members) and all(m.spec.kind == "weights" for m in members),
        problems=_problems(house),
        undo_seconds=house.field.policy.undo_seconds,
    )


@router.get(
    "/status/events", tags=["field"], response_class=StreamingResponse, responses={200: {"model": Changed}}
)
def status_events(house: HouseDep) -> StreamingResponse:
    """A `Changed` whenever counted votes, contenders or rules change."""
    return _sse.stream(_changes(house), house.stopping, house.streams)


async def _changes(house: House) -> AsyncIterator[list[tuple[int, BaseModel]]]:
    seen = house.changed.rung
    while True:
        rung = await house.changed.wait(seen, seconds=1)
        if rung == seen:
            yield []
            continue
        seen = rung
        yield [(rung, await house.news.get(rung, partial(_changed, house)))]


def _changed(house: House) -> Changed:
    with house.ledger.read() as snapshot:
        return Changed(head=str(snapshot.head()), votes=counted_votes(snapshot))


@router.get("/field", tags=["field"])
def field(house: HouseDep) -> FieldView:
    """The field's rules, as last read without a problem."""
    f = house.field
    return FieldView(
        id=f.id,
        name=f.name,
        description=f.description,
        language=f.language,
        guidelines=f.guidelines,
        categories=list(f.categories),
        prompts=list(f.prompts),
        reason_tags=f.reason_tags,
        rubric=list(f.rubric),
        policy=f.policy,
        problems=_problems(house),
        notices=[ProblemView(**vars(p)) for p in f.notices],
    )


def _problems(house: House) -> list[ProblemView]:
    return [ProblemView(**vars(p)) for p in house.watch.problems]


CategoryQuery = Annotated[str | None, Query(description="Category id; all categories without it")]
StratumQuery = Annotated[Stratum, Query(description="Where the votes come from; strata are never mixed")]


@router.get("/board", tags=["board"])
def board(
    house: HouseDep,
    category: CategoryQuery = None,
    model: Model = "davidson",
    stratum: StratumQuery = "live",
) -> Board:
    """The leaderboard of one stratum, recomputed from the counts."""
    _check_category(house, category)
    with house.ledger.read() as snapshot:
        boards = house.arena.boards
        return boards.standings(snapshot, house.field.policy, category, model, stratum).board


@router.get("/board/matrix", tags=["board"])
def matrix(house: HouseDep, category: CategoryQuery = None, stratum: StratumQuery = "live") -> Matrix:
    """Who beat whom."""
    _check_category(house, category)
    with house.ledger.read() as snapshot:
        return house.arena.boards.matrix(snapshot, category, stratum)


@router.get("/board/field", tags=["board"])
def board_field(house: HouseDep, category: CategoryQuery = None) -> FieldColumns:
    """What joins the leaderboard from real cases: outcome rates, whether votes agree with them, drift alarms."""
    _check_category(house, category)
    with house.ledger.read() as snapshot:
        return field_columns(snapshot, house.field.policy, category, boards=house.arena.boards)


def _check_category(house: House, category: str | None) -> None:
    known = {c.id for c in house.field.categories}
    if category is not None and category not in known:
        raise NotFound(
            f"no category is called '{category}'", hint="categories: " + (", ".join(sorted(known)) or "none")
        )


@router.get("/votes.csv", tags=["board"], response_class=StreamingResponse)
def votes_csv(house: HouseDep, visitor: VisitorDep) -> StreamingResponse:
    """Every counted vote without its texts, for `fieldmark rank`."""
    if visitor.account is not None:
        by = visitor.account.pseudonym
        house.ledger.write(lambda now: write_act(now, "exported", by=by, subject="votes.csv"))
    headers = {"content-disposition": f'attachment; filename="{house.field.id}-votes.csv"'}
    # Whole before any of it is sent, so that a slow reader does not hold the ledger's snapshot.
    file = SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+", newline="")  # noqa: SIM115 (`_sent` closes it)
    file.writelines(_csv_lines(house))
    file.seek(0)
    return StreamingResponse(_sent(file), media_type="text/csv; charset=utf-8", headers=headers)


def _sent(file: SpooledTemporaryFile[str]) -> Iterator[str]:
    with file:
        while block := file.read(_BLOCK):
            yield block


def _csv_lines(house: House) -> Iterator[str]:
    with house.ledger.read() as snapshot:
        labels = _labels(known_contenders(snapshot))
        yield _csv(["model_a", "model_b", "winner", "voter_id", "category", "at"])
        for vote in votes(snapshot):
            yield _csv(
                [labels[vote.a], labels[vote.b], vote.choice, vote.voter, vote.category or "", vote.at]
            )


def _labels(known: Any) -> dict[str, str]:
    """Names, with the digest's beginning where two identities carried one name."""
    names = [k.name for k in known.values()]
    return {d: k.name if names.count(k.name) == 1 else f"{k.name}@{d[:8]}" for d, k in known.items()}


def _csv(row: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue()


@router.get("/cards/{name}", tags=["card"])
async def card(name: str, house: HouseDep, at: str | None = None) -> Card:
    """The reliability card of a contender (label or digest), now or as of an earlier ledger head."""
    if at is None:
        return await asyncio.to_thread(_card_now, house, name)
    return await house.past_cards.get(house.ledger, name, at)


def _card_now(house: House, name: str) -> Card:
    with house.ledger.read() as snapshot:
        return build_card(snapshot, name, boards=house.arena.boards)
