"""A tool call that must come, for models that would rather talk: its form is forced by a grammar.

llama.cpp lets text come before a required call, and a small model then never gets to the call. So the choice
`required`, or of a named function, is asked for as a JSON schema, and the answer turned into the call it is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator
from typing import Any

from fieldmark.contenders._wire import Piece
from fieldmark.errors import InputError


def is_forced(body: dict[str, Any]) -> bool:
    """Whether the request says that a function must be called."""
    choice = body.get("tool_choice")
    return choice == "required" or isinstance(choice, dict)


def as_schema(body: dict[str, Any]) -> dict[str, Any]:
    """The same request with the call as its answer's schema.

    Raises:
        InputError: no such function, or a `response_format` beside it.
    """
    if "response_format" in body:
        raise InputError("'response_format' cannot be had together with a 'tool_choice' that forces a call")
    choice = body["tool_choice"]
    functions = [
        tool["function"] for tool in body.get("tools") or () if isinstance(tool.get("function"), dict)
    ]
    if isinstance(choice, dict):
        called = choice.get("function")
        name = called.get("name") if isinstance(called, dict) else None
        functions = [function for function in functions if function.get("name") == name]
    if not functions:
        raise InputError("'tool_choice' names no function of 'tools'")
    schemas = [_schema(function) for function in functions]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    form = {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}
    return {**body, "tool_choice": "none", "response_format": form}


def _schema(function: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"const": function.get("name")},
            "arguments": function.get("parameters") or {"type": "object", "properties": {}},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


async def as_call(pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
    """The pieces of such an answer as one tool call; unchanged when it was cut by its length."""
    text = ""
    async for piece in pieces:
        text += piece.text
        if not piece.finish:
            if not piece.text:
                yield piece
            continue
        call = _call(text) if piece.finish == "stop" else None
        if call is None:
            yield Piece(text=text, finish=piece.finish, usage=piece.usage, alive=True)
        else:
            yield Piece(tool_calls=(call,), finish="tool_calls", usage=piece.usage, alive=True)


def _call(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
        function = {"name": said["name"], "arguments": json.dumps(said["arguments"], ensure_ascii=False)}
    except (ValueError, LookupError, TypeError):
        return None
    return {"index": 0, "id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}
