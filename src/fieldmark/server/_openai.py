"""OpenAI's protocol under `/v1`, and nothing else there. Errors have OpenAI's shape, so that its clients read them."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fieldmark.errors import (
    ContenderFailure,
    FieldmarkError,
    Forbidden,
    InputError,
    LedgerUnavailable,
    ModelError,
    NotFound,
    NotSignedIn,
)
from fieldmark.fields import KeyRefused
from fieldmark.gateway import CASE, CONTENDER, Asker, Gateway, Served, asker_of, model_list
from fieldmark.server._deps import HouseDep, gate

router = APIRouter(prefix="/v1", tags=["openai"])

_FAILURE_STATUS = {"timeout": 504, "too_long": 400, "over_budget": 402, "unsupported": 400}


@router.get("/models")
async def list_models(request: Request, house: HouseDep) -> Response:
    """The contenders that can be asked, and `field`, the policy's choice."""
    try:
        await house.gateway.keys.identify(request.headers.get("authorization"), "ask")
    except FieldmarkError as error:
        return _error(error)
    return JSONResponse(model_list(house.roster))


@router.get("/models/{name}")
async def retrieve_model(name: str, request: Request, house: HouseDep) -> Response:
    """One contender."""
    try:
        await house.gateway.keys.identify(request.headers.get("authorization"), "ask")
    except FieldmarkError as error:
        return _error(error)
    found = next((m for m in model_list(house.roster)["data"] if m["id"] == name), None)
    return (
        JSONResponse(found)
        if found
        else _error(NotFound(f"no contender is called '{name}'", hint="see /v1/models"))
    )


@router.post("/chat/completions")
async def chat_completions(request: Request, house: HouseDep) -> Response:
    """Ask a contender by its name, or `field`: whom the policy chooses. Streaming or not."""
    try:
        application = await house.gateway.keys.identify(request.headers.get("authorization"), "ask")
        asker = asker_of(application, request.headers, house.field.gateway.consent_header)
        return _Answer(house.gateway, await _json(request), asker)
    except FieldmarkError as error:
        return _error(error)


class _Shortcut:
    """Answers chat completions before the router looks at its many routes, which takes longer than all the rest."""

    route: Route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        scope["route"] = self.route  # for the metrics
        request = Request(scope, receive)
        try:
            await gate(request)
        except FieldmarkError as error:
            response = _error(error)
        else:
            response = await chat_completions(request, scope["app"].state.house)
        await response(scope, receive, send)


def shortcut() -> Route:
    """A route to stand before all others."""
    answering = _Shortcut()
    answering.route = Route("/v1/chat/completions", answering, methods=["POST"], include_in_schema=False)
    return answering.route


class _Answer(Response):
    """Asks and answers in one task; when the application leaves, whoever is asked is stopped."""

    def __init__(self, gateway: Gateway, body: dict[str, Any], asker: Asker) -> None:
        super().__init__()
        self._gateway = gateway
        self._body = body
        self._asker = asker

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        task = asyncio.current_task()
        assert task is not None
        left = asyncio.Event()
        watching = asyncio.create_task(_watch(receive, task, left))
        try:
            await self._answer(send)
        except asyncio.CancelledError:
            if not left.is_set() or task.uncancel() > 0:
                raise
        finally:
            watching.cancel()

    async def _answer(self, send: Send) -> None:
        served: Served | None = None
        try:
            served = await self._gateway.begin(self._body, self._asker)
            if served.failure is not None:
                raise served.failure
            if self._body.get("stream"):
                await _stream(served, send)
                return
            reply = _dump(await served.whole())
        except FieldmarkError as error:
            headers = _headers(served) if served else []
            await _send_whole(send, _status(error), orjson.dumps(_body(error)), headers)
        else:
            await _send_whole(send, 200, reply, _headers(served))
        finally:
            if served is not None:  # also when the application left just now
                await served.give_up()


async def _watch(receive: Receive, task: asyncio.Task[Any], left: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    left.set()
    task.cancel()


async def _stream(served: Served, send: Send) -> None:
    headers = [*_headers(served), (b"content-type", b"text/event-stream; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    last = b"data: [DONE]\n\n"
    try:
        async with aclosing(served.chunks()) as chunks:
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": _line(chunk), "more_body": True})
    except FieldmarkError as error:
        last = _line(_body(error))
    await send({"type": "http.response.body", "body": last})


async def _send_whole(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})
    await send({"type": "http.response.body", "body": body})


async def _json(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = _loaded(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {error}", hint="send a chat-completions request") from None
    if not isinstance(body, dict):
        raise InputError("the body is not a JSON object", hint="send a chat-completions request")
    return body


def _loaded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:  # it knows no half of a surrogate pair, which an application may send
        return json.loads(raw)


def _headers(served: Served) -> list[tuple[bytes, bytes]]:
    told = [(CONTENDER.encode(), served.exchange.member.name.encode())]
    return [*told, (CASE.encode(), served.case.id.encode())] if served.case is not None else told


def _line(data: dict[str, Any]) -> bytes:
    return b"data: " + _dump(data) + b"\n\n"


def _dump(data: dict[str, Any]) -> bytes:
    """An answer may hold half a surrogate pair, which has no spelling but JSON's own."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return json.dumps(data, separators=(",", ":")).encode()


_STATUS: tuple[tuple[type[FieldmarkError], int], ...] = (
    (InputError, 400),
    (NotFound, 404),
    (ModelError, 404),
    (NotSignedIn, 401),
    (Forbidden, 403),
    (LedgerUnavailable, 503),
)


def _status(error: FieldmarkError) -> int:
    if isinstance(error, ContenderFailure):
        return _FAILURE_STATUS.get(error.kind, 502)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _body(error: FieldmarkError) -> dict[str, Any]:
    kind = "invalid_request_error" if _status(error) < 500 else "api_error"
    code: str | None = error.kind if isinstance(error, ContenderFailure) else None
    code = "invalid_api_key" if isinstance(error, KeyRefused) else code
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _error(error: FieldmarkError) -> Response:
    return JSONResponse(_body(error), status_code=_status(error))
