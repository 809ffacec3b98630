"""Puts the application together."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute

import fieldmark
from fieldmark.server import _arena, _contenders, _openai, _page, _views
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
    )
    for module in (_arena, _views, _contenders):
        app.include_router(module.router, responses=_ERRORS)
    app.state.house = house
    app.include_router(_openai.router)
    app.include_router(_page.router)
    add_handlers(app)
    app.add_middleware(Guard, limits=limits, caller=house.sessions.secret if house else None)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
