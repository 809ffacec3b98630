"""Puts the application together."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

import fieldmark
from fieldmark.server import (
    _accounts,
    _arena,
    _cases,
    _contenders,
    _drift,
    _health,
    _keys,
    _login,
    _me,
    _oidc,
    _openai,
    _page,
    _people,
    _scorecards,
    _shadow,
    _views,
)
from fieldmark.server._attempts import Attempts
from fieldmark.server._deps import gate
from fieldmark.server._errors import ErrorBody, add_handlers
from fieldmark.server._guard import Guard, Limits
from fieldmark.server._house import House

_ERRORS: dict[int | str, dict[str, object]] = {"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}}


def create_app(house: House | None, *, limits: Limits | None = None) -> FastAPI:
    """The application that serves `house`, which whoever opened it closes. None gives only the API's description."""
    app = FastAPI(
        title="Fieldmark",
        version=fieldmark.__version__,
        summary="Measures in the field whether people can rely on an AI model or agent for their own work.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        dependencies=[Depends(gate)],
    )
    nouns = (_login, _accounts, _arena, _shadow, _views, _contenders, _drift, _cases, _keys, _me)
    for module in (*nouns, _scorecards, _people):
        app.include_router(module.router, responses=_ERRORS)
    app.state.house = house
    app.include_router(_oidc.router, responses=_ERRORS)
    app.include_router(_health.router)
    app.include_router(_openai.router)
    app.router.routes[:0] = [_openai.shortcut(), _arena.shortcut()]
    app.include_router(_page.router)
    add_handlers(app)
    app.add_middleware(Guard, limits=limits, **_behind(house))
    if house is not None:
        house.attempts = Attempts((limits or Limits()).logins)
        house.meter.watch(house)
    return app


def _behind(house: House | None) -> dict[str, Any]:
    """What the guard needs of the house."""
    if house is None:
        return {}
    return {
        "caller": house.sessions.caller,
        "front": house.front,
        "calls": house.calls,
        "meter": house.meter,
    }


def _operation_id(route: APIRoute) -> str:
    return route.name
