"""Routes of scorecards: sets with their scores, runs, trials, comparisons."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from fieldmark.scorecards import Filter, Wanted, write_bundle
from fieldmark.scorecards.views import (
    PICTURES,
    Comparison,
    RunView,
    ScorecardLine,
    ScorecardView,
    TrialOrder,
    TrialPage,
    TrialView,
)
from fieldmark.server._deps import Admin, HouseDep
from fieldmark.server._house import House

router = APIRouter(prefix="/api/v1", tags=["scorecards"])

_IN_MEMORY = 1 << 22
_BLOCK = 1 << 16
_SHOWN = {*PICTURES, "text/plain"}
"""Types that a browser shows; anything else is for keeping only."""
_SAFE = {
    "content-security-policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'none'",
    "x-content-type-options": "nosniff",
}


class RunWanted(BaseModel):
    """What a run shall be."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    contenders: list[str]
    """Names: of the field's contenders, or `oracle`, `nop`, `seeded:P`."""
    trials: int | None = None
    """Of each contender on each task and wording; as `[scorecards]` says without it."""
    until: float | None = None
    """Half-width, on the scale of 0 to 1, at which it may stop early."""
    tasks: list[str] | None = None
    """Ids or tags; all without it."""
    variants: bool | None = None
    """Whether other wordings are tried too; as `[scorecards]` says without it."""
    seed: int | None = None
    """Drawn without it."""
    unchecked: bool = False
    """Do not have the set's own checks run first."""


@router.get("/scorecards")
async def scorecards(house: HouseDep) -> list[ScorecardLine]:
    """Every task set at hand, with the scores of its version."""
    return await asyncio.to_thread(lambda: house.cards.lines(house.runs.views()))


@router.get("/scorecards/{name}")
async def scorecard(name: str, house: HouseDep) -> ScorecardView:
    """One scorecard."""
    return await asyncio.to_thread(lambda: house.cards.card(name, house.runs.views(name)))


@router.get("/scorecards/{name}/trials")
async def scorecard_trials(  # noqa: PLR0913, PLR0917 (each is a filter)
    name: str,
    house: HouseDep,
    contender: Annotated[str | None, Query(description="Name or identity digest")] = None,
    task: str | None = None,
    variant: Annotated[str | None, Query(description="Empty: the task as it stands")] = None,
    result: Literal["pass", "fail", "void"] | None = None,
    void: str | None = None,
    ended: str | None = None,
    run: str | None = None,
    q: Annotated[
        str | None, Query(description="Text in messages of the newest 2,000 that fit the rest")
    ] = None,
    order: TrialOrder = "failing",
    after: Annotated[str | None, Query(description="Id of the last trial of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TrialPage:
    """Trials of a scorecard, failing first."""
    which = Filter(contender, task, variant, result, void, ended, run, q or None)
    return await asyncio.to_thread(house.cards.trials, name, which, order, after, limit)


@router.get("/scorecards/{name}/compare")
async def compare_contenders(name: str, a: str, b: str, house: HouseDep) -> Comparison:
    """Two contenders (names or digests) on the tasks that both have verdicts on."""
    return await asyncio.to_thread(house.cards.compare, name, a, b)


@router.get("/scorecards/{name}/bundle", response_class=StreamingResponse)
async def scorecard_bundle(name: str, house: HouseDep) -> StreamingResponse:
    """The scorecard with its trials as a zip that opens without a server; nothing of sealed tasks."""
    file = await asyncio.to_thread(_bundle, house, name)
    headers = {"content-disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(_sent(file), media_type="application/zip", headers=headers)


def _bundle(house: House, name: str) -> SpooledTemporaryFile[bytes]:
    file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (`_sent` closes it)
    try:
        write_bundle(house.cards, name, house.runs.views(name), file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _sent(file: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block


@router.post("/scorecards/{name}/runs", status_code=202)
async def start_run(name: str, wanted: RunWanted, house: HouseDep, admin: Admin) -> RunView:
    """Begin a run in the background."""
    return await house.runs.start(Wanted(scorecard=name, **wanted.model_dump()), actor=admin)


@router.get("/runs/{run}")
async def run(run: str, house: HouseDep) -> RunView:
    """A run as it stands now."""
    return await asyncio.to_thread(house.runs.view, run)


@router.post("/runs/{run}/cancel")
async def cancel_run(run: str, house: HouseDep, _: Admin) -> RunView:
    """End a run for good; what has its verdict stays. 409 `ended`, or `running` in another process."""
    return await house.runs.cancel(run)


@router.post("/runs/{run}/continue", status_code=202)
async def continue_run(run: str, house: HouseDep, _: Admin) -> RunView:
    """Go on with a run that pauses. 409 `ended` or `running`."""
    return await house.runs.resume(run)


@router.get("/trials/{trial}")
async def trial(trial: str, house: HouseDep) -> TrialView:
    """One trial with everything that is kept of it."""
    return await asyncio.to_thread(house.cards.trial, trial)


@router.get("/trials/{trial}/artifacts/{path:path}", response_class=Response)
async def trial_artifact(trial: str, path: str, house: HouseDep) -> Response:
    """A file that the trial left. Pictures and text are shown, anything else is for keeping; nothing in it runs."""
    content = await asyncio.to_thread(house.cards.artifact, trial, path)
    kind = mimetypes.guess_type(path)[0] or ""
    kind = "text/plain" if kind.startswith("text/") or kind == "application/json" else kind
    headers = dict(_SAFE)
    if kind not in _SHOWN:
        kind, headers["content-disposition"] = "application/octet-stream", "attachment"
    media = "text/plain; charset=utf-8" if kind == "text/plain" else kind
    return Response(content, media_type=media, headers=headers)
