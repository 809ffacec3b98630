"""Every error leaves the API in one shape: `{"error": {code, message, hint, problems}}`."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from fieldmark.errors import (
    Conflict,
    ContenderFailure,
    FieldError,
    FieldmarkError,
    Forbidden,
    InputError,
    LedgerUnavailable,
    ModelError,
    NotFound,
    NotSignedIn,
    SandboxError,
    TooLarge,
)
from fieldmark.fields import KeyRefused
from fieldmark.server._guard import HEADERS, BodyTooLarge

LOG = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[FieldmarkError], int, str], ...] = (
    (FieldError, 400, "field_problems"),
    (TooLarge, 413, "too_large"),
    (InputError, 400, "input"),
    (NotFound, 404, "not_found"),
    (NotSignedIn, 401, "sign_in"),
    (KeyRefused, 401, "key"),
    (Forbidden, 403, "forbidden"),
    (Conflict, 409, "conflict"),
    (ModelError, 409, "model"),
    (ContenderFailure, 502, "contender_failed"),
    (LedgerUnavailable, 503, "ledger_unavailable"),
    (SandboxError, 503, "sandbox"),
    (FieldmarkError, 500, "internal"),
)


class ProblemView(BaseModel):
    """One mistake in a file of the field."""

    file: str
    line: int | None
    what: str
    right: str


class ErrorDetail(BaseModel):
    """What is wrong, and what would be right."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    code: str
    """Stable, for programs."""
    message: str
    """What is wrong."""
    hint: str = ""
    """What would be right."""
    problems: list[ProblemView] = []
    """Places in files, for `field_problems`."""


class ErrorBody(BaseModel):
    """Body of every reply that is not a success."""

    error: ErrorDetail


def error_reply(
    status: int, code: str, message: str, hint: str = "", problems: list[ProblemView] | None = None
) -> JSONResponse:
    """A reply in the API's one shape of error."""
    detail = ErrorDetail(code=code, message=message, hint=hint, problems=problems or [])
    return JSONResponse(ErrorBody(error=detail).model_dump(mode="json"), status_code=status)


def add_handlers(app: FastAPI) -> None:
    """Turn every exception into the one shape."""

    @app.exception_handler(FieldmarkError)
    async def known(_: Request, error: FieldmarkError) -> JSONResponse:
        status, code = next((s, c) for kind, s, c in _STATUS if isinstance(error, kind))
        if isinstance(error, Conflict):
            code = error.code
        problems = [ProblemView(**vars(p)) for p in error.problems] if isinstance(error, FieldError) else []
        if status >= 500:
            LOG.error("%s", error.message)
        return error_reply(status, code, error.message, error.hint, problems)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        message = f"{place}: {first['msg']}" if place else str(first["msg"])
        message = message.encode("utf-8", "backslashreplace").decode()  # a key can hold half a surrogate pair
        return error_reply(422, "invalid", message, "see /api/v1/openapi.json for what is expected")

    @app.exception_handler(BodyTooLarge)
    async def too_large(_: Request, error: BodyTooLarge) -> JSONResponse:
        return error_reply(413, "too_large", error.detail, "send less")

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        code = "too_many" if error.status_code == 429 else "http"
        reply = error_reply(error.status_code, code, str(error.detail))
        reply.headers.update(error.headers or {})  # such as Allow
        return reply

    @app.exception_handler(Exception)
    async def unknown(_: Request, error: Exception) -> JSONResponse:
        LOG.error("unexpected error", exc_info=error)
        reply = error_reply(500, "internal", "something went wrong here", "the server's log says more")
        reply.headers.update(HEADERS)  # this one does not pass the guard
        return reply
