"""How a contender calls tools: found out by asking it for a call, and kept for its identity."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from fieldmark.errors import ContenderFailure
from fieldmark.scorecards._task import Tool
from fieldmark.scorecards.agents._grammar import as_told, parse_step, step_schema
from fieldmark.scorecards.views import Calling

if TYPE_CHECKING:
    from fieldmark.fields import Member

FILE = "calling.json"
"""In the field's `.fieldmark`: identity digest to what was found."""
_QUESTION = "What is the weather in Graz now? Use the tool."
_PLACE = "graz"
_TRIES = 2
_TOKENS = 512  # one that thinks first needs them
_CANNOT = frozenset({400, 404, 422, 501})
"""Statuses by which servers refuse tools or a schema, and not whoever asks."""


class CallingFound(BaseModel):
    """What the probe found."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    calling: Calling
    said: str
    """In words."""
    at: str
    """When (RFC 3339)."""


async def calling_of(member: Member, state: Path) -> CallingFound:
    """What is known of a contender, asked for when nothing is. `state` is the field's folder `.fieldmark`.

    Raises:
        ContenderFailure: it cannot be asked now.
    """
    return known_calling(state, member.digest) or await probe_calling(member, state)


def known_calling(state: Path, digest: str) -> CallingFound | None:
    """What an earlier probe of that identity found."""
    return _read(state).get(digest)


async def probe_calling(member: Member, state: Path) -> CallingFound:
    """Ask a contender for a call of a small tool, natively and then by grammar, and keep what came of it.

    Raises:
        ContenderFailure: it cannot be asked now; nothing is kept.
    """
    calling, said = await _probe(member)
    found = CallingFound(calling=calling, said=said, at=datetime.now(UTC).isoformat(timespec="seconds"))
    _write(state, {**_read(state), member.digest: found})
    return found


async def _probe(member: Member) -> tuple[Calling, str]:
    native = ""
    for _ in range(_TRIES):
        native = await _said(member, {"tools": [tool.as_openai() for tool in _TOOLS]}, _native)
        if not native:
            return "native", "it made a valid call when it was given a tool"
    form = {"type": "json_schema", "json_schema": {"name": "step", "schema": step_schema(_TOOLS)}}
    for _ in range(_TRIES):
        grammar = await _said(member, {"response_format": form}, _by_grammar)
        if not grammar:
            return "grammar", f"given a tool, {native}; with its answer's form forced, it made a valid call"
    return "none", f"given a tool, {native}; with its answer's form forced, {grammar}"


async def _said(member: Member, more: Mapping[str, Any], check: Any) -> str:
    """What is wrong with the call it made; empty when nothing is."""
    messages = [{"role": "user", "content": _QUESTION}]
    if "response_format" in more:
        messages = as_told(messages, _TOOLS)
    await asyncio.sleep(member.next_turn())
    member.check_budget()
    try:
        async with member.asked():
            answer = await member.contender.complete(
                {"messages": messages, "max_tokens": _TOKENS, **more},
            )
    except ContenderFailure as failure:
        if failure.kind == "unsupported" or (failure.kind == "refused" and failure.status in _CANNOT):
            return f"the endpoint refused ({failure.message})"
        raise
    usage = answer.get("usage") or {}
    member.spent += member.cost(usage.get("prompt_tokens"), usage.get("completion_tokens")) or 0.0
    wrong: str = check(answer["choices"][0]["message"])
    return wrong


def _native(message: Mapping[str, Any]) -> str:
    calls = message.get("tool_calls") or ()
    if not calls:
        return "it answered without calling it"
    function = calls[0]["function"]
    try:
        arguments = json.loads(function["arguments"])
    except ValueError:
        return "it made a call whose arguments are no JSON"
    return _right(function["name"], arguments)


def _by_grammar(message: Mapping[str, Any]) -> str:
    try:
        step = parse_step(message.get("content") or "", [tool.name for tool in _TOOLS])
    except ValueError:
        return "it did not keep to the form"
    # What a small model fills in is its own affair: the form was kept.
    return "it answered without calling it" if isinstance(step, str) else ""


def _right(name: str, arguments: Any) -> str:
    if name != _TOOLS[0].name or not isinstance(arguments, dict):
        return "it called something else"
    city = arguments.get("city")
    return "" if isinstance(city, str) and _PLACE in city.lower() else "it called it with wrong arguments"


def weather(city: str) -> str:
    """The weather now, in a city."""
    return f"{city}: 21 degrees, sunny"


_TOOLS = [Tool.of(weather)]

_FOUND = TypeAdapter(dict[str, CallingFound])


def _read(state: Path) -> dict[str, CallingFound]:
    try:
        return _FOUND.validate_json((state / FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}  # it can be found out again


def _write(state: Path, found: dict[str, CallingFound]) -> None:
    state.mkdir(mode=0o700, exist_ok=True)
    fresh = state / f"{FILE}.{os.getpid()}.new"
    fresh.write_bytes(_FOUND.dump_json(found, indent=1))
    fresh.replace(state / FILE)
