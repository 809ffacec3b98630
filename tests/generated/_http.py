"""`docs/reference/http-api.md`: routes, bodies, replies and events, from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fieldmark.server.openapi import openapi
from tests.generated._markdown import NOTE, Schema, fields, table, type_of

_LINK = "[{0}](#{1})"
_HEAD = f"""\
{NOTE}
# HTTP API

Everything under `/api/v1` is Fieldmark's own and used by its page; `/v1` is OpenAI's protocol and nothing else, see
[Use /v1 from an OpenAI client](../how-to/openai-client.md). The OpenAPI document is served at `/api/v1/openapi.json`
and printed by `python -m fieldmark.server.openapi`.

- `GET /api/v1/session` sets the voter's cookie and gives a token. Every POST and DELETE under `/api/v1` sends that
  cookie, and the token as header `X-Fieldmark-CSRF`.
- Errors have [one shape](errors.md#in-the-http-api); those of `/v1` have OpenAI's.
- Times are RFC 3339 in UTC.
- Routes that stream are server-sent events: `id` is the event's number, `data` one line of JSON. A client that comes
  back sends `Last-Event-ID` and goes on after it.

"""
_TITLES = {"openai": "/v1"}
_OTHERS = {"HTTPValidationError", "ValidationError"}  # FastAPI's own, which no route gives
_VERBS = ("get", "post", "put", "patch", "delete")


def page() -> str:
    """The page."""
    document = openapi()
    shapes = {n: s for n, s in document["components"]["schemas"].items() if n not in _OTHERS}
    groups: dict[str, list[str]] = {}
    for verb, path, route in _routes(document):
        groups.setdefault(route.get("tags", ["other"])[0], []).append(_route(verb, path, route))
    parts = [
        f"## {_TITLES.get(tag, tag.capitalize())}\n\n" + "\n".join(found) for tag, found in groups.items()
    ]
    parts.append("## Shapes\n\n" + "\n".join(_shape(name, schema) for name, schema in sorted(shapes.items())))
    return _HEAD + "\n".join(parts)


def _routes(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, verbs in document["paths"].items():
        for verb in _VERBS:
            if verb in verbs:
                yield verb.upper(), path, verbs[verb]


def _route(verb: str, path: str, route: Schema) -> str:
    lines = [f"### `{verb} {path}`\n", route.get("description", "") + "\n"]
    if body := _content(route.get("requestBody", {})):
        lines.append(f"Body: {body}.\n")
    each = "a stream of events, each " if path.endswith("/events") else ""
    replies = [(status, _content(reply)) for status, reply in route["responses"].items() if status[0] == "2"]
    lines += [f"Reply: {status}{', ' + each + shape if shape else ''}.\n" for status, shape in replies]
    return "\n".join([*lines, _parameters(route)]) if route.get("parameters") else "\n".join(lines)


def _content(holder: Schema) -> str:
    """The shapes of a body or reply that have a name."""
    schemas: list[Any] = [each.get("schema", {}) for each in holder.get("content", {}).values()]
    named = [type_of(s, _LINK) for s in schemas if s.keys() & {"$ref", "items", "anyOf"}]
    return " or ".join(dict.fromkeys(named))


def _parameters(route: Schema) -> str:
    rows = [
        [f"`{p['name']}`", p["in"], type_of(p["schema"]), p.get("description", "")]
        for p in route["parameters"]
    ]
    return table(["parameter", "in", "type", "meaning"], rows)


def _shape(name: str, schema: Schema) -> str:
    body = fields(schema, _LINK, defaults=False) if "properties" in schema else type_of(schema, _LINK) + "\n"
    return f"### {name}\n\n{schema.get('description', '')}\n\n{body}"
