"""OpenAI's protocol under `/v1`, and nothing else there. Errors have OpenAI's shape, so that its clients read them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from fieldmark.errors import ContenderFailure, FieldmarkError, InputError, ModelError, NotFound
from fieldmark.gateway import Completions, model_list
from fieldmark.server._deps import HouseDep

router = APIRouter(prefix="/v1", tags=["openai"])

_FAILURE_STATUS = {"timeout": 504, "too_long": 400, "over_budget": 402, "unsupported": 400}


@router.get("/models")
def list_models(house: HouseDep) -> dict[str, Any]:
    """The contenders that can be asked."""
    return model_list(house.roster)


@router.get("/models/{name}")
def retrieve_model(name: str, house: HouseDep) -> Response:
    """One contender."""
    found = next((m for m in model_list(house.roster)["data"] if m["id"] == name), None)
    return (
        JSONResponse(found)
        if found
        else _error(NotFound(f"no contender is called '{name}'", hint="see /v1/models"))
    )


@router.post("/chat/completions")
async def chat_completions(request: Request, house: HouseDep) -> Response:
    """Ask a contender by its name, streaming or not."""
    completions = Completions(house.roster)
    try:
        body = await _json(request)
        if body.get("stream"):
            chunks = completions.stream(body)
            first = await anext(chunks, None)
            return StreamingResponse(_lines(first, chunks), media_type="text/event-stream")
        return Response(_dump(await completions.complete(body)), media_type="application/json")
    except FieldmarkError as error:
        return _error(error)


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {error}", hint="send a chat-completions request") from None
    if not isinstance(body, dict):
        raise InputError("the body is not a JSON object", hint="send a chat-completions request")
    return body


async def _lines(first: dict[str, Any] | None, chunks: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    try:
        if first is not None:
            yield _line(first)
        async for chunk in chunks:
            yield _line(chunk)
        yield "data: [DONE]\n\n"
    except FieldmarkError as error:
        yield _line(_body(error))


def _line(data: dict[str, Any]) -> str:
    return f"data: {_dump(data)}\n\n"


def _dump(data: dict[str, Any]) -> str:
    """ASCII only: an answer may hold half a surrogate pair, which has no other spelling."""
    return json.dumps(data, separators=(",", ":"))


def _status(error: FieldmarkError) -> int:
    match error:
        case ContenderFailure():
            return _FAILURE_STATUS.get(error.kind, 502)
        case InputError():
            return 400
        case NotFound() | ModelError():
            return 404
        case _:
            return 500


def _body(error: FieldmarkError) -> dict[str, Any]:
    kind = "invalid_request_error" if _status(error) < 500 else "api_error"
    code = error.kind if isinstance(error, ContenderFailure) else None
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _error(error: FieldmarkError) -> Response:
    return JSONResponse(_body(error), status_code=_status(error))
