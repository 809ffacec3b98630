"""A conversation in OpenAI's form, as the attempt that a verifier is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fieldmark.scorecards._attempt import Attempt, ToolCall


def spoken(
    task: str, said: str | Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]] = ()
) -> Attempt:
    """The attempt of a text, or of the messages that followed what was `asked`: its answer, and its calls of tools."""
    if isinstance(said, str):
        return Attempt(task, messages=tuple(dict(m) for m in asked), answer=said)
    results = {str(m.get("tool_call_id")): _text(m) for m in said if m.get("role") == "tool"}
    mine = [m for m in said if m.get("role", "assistant") == "assistant"]
    calls = [call for m in mine for call in calls_of(m.get("tool_calls") or (), results)]
    answer = _text(mine[-1]) if mine else ""
    messages = tuple(dict(m) for m in (*asked, *said))
    return Attempt(task, messages=messages, answer=answer, calls=tuple(calls))


def calls_of(calls: Sequence[Mapping[str, Any]], results: Mapping[str, str] | None = None) -> list[ToolCall]:
    """Calls of tools in OpenAI's form; `results` by the calls' ids."""
    found = []
    for call in calls:
        function = call.get("function") or call
        name, given = str(function.get("name", "")), function.get("arguments", {})
        found.append(ToolCall(name, _arguments(given), (results or {}).get(str(call.get("id")), "")))
    return found


def _arguments(given: Any) -> Mapping[str, Any]:
    """As a table; what is none stands under the empty name, so that it equals nothing that is expected."""
    if isinstance(given, Mapping):
        return dict(given)
    try:
        read = json.loads(given)
    except (ValueError, TypeError, RecursionError):
        return {"": str(given)}
    return read if isinstance(read, dict) else {"": str(given)}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
