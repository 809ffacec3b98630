"""What an OpenAI-compatible server answers, chunk by chunk, in our own words; nothing else is let through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from fieldmark.contenders._trouble import refusal
from fieldmark.errors import ContenderFailure


@dataclass(frozen=True)
class Usage:
    """Tokens as the server counts them."""

    prompt: int | None = None
    answer: int | None = None


@dataclass(slots=True)  # one is made for each token: frozen ones take four times as long
class Piece:
    """What one chunk says. `alive` is set by anything that a model made, hidden reasoning included."""

    text: str = ""
    refusal: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish: str | None = None
    usage: Usage | None = None
    alive: bool = False


@dataclass
class Reply:
    """All pieces of an answer put together."""

    text: str = ""
    refusal: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    finish: str | None = None
    usage: Usage = Usage()

    def add(self, piece: Piece) -> None:
        """Take one more piece in."""
        self.text += piece.text
        self.refusal += piece.refusal
        self.finish = piece.finish or self.finish
        self.usage = piece.usage or self.usage
        for part in piece.tool_calls:
            self._add_call(part)

    def _add_call(self, part: Mapping[str, Any]) -> None:
        position = part["index"]
        while len(self.tool_calls) <= position:
            self.tool_calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call = self.tool_calls[position]
        call["id"] = part.get("id") or call["id"]
        for name in ("name", "arguments"):
            call["function"][name] += part["function"].get(name, "")


def read(payload: str) -> Piece:
    """The piece in one chunk of a stream, or one whole answer.

    Raises:
        ContenderFailure: `refused` or `too_long` when it holds an error, else `garbage`.
    """
    try:
        chunk = _loads(payload)
    except (ValueError, RecursionError):
        raise ContenderFailure("garbage", "the server sent what is not JSON") from None
    if not isinstance(chunk, dict):
        raise ContenderFailure("garbage", "the server sent JSON that is not an object")
    if chunk.get("error"):
        raise refusal(None, chunk)
    return _piece(chunk)


def _loads(payload: str) -> Any:
    try:
        return orjson.loads(payload)
    except ValueError:  # it knows no half of a surrogate pair, which a server may send
        return json.loads(payload)


def _piece(chunk: Mapping[str, Any]) -> Piece:
    choices = chunk.get("choices", [] if "usage" in chunk else None)
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ContenderFailure("garbage", "the server sent a chunk without 'choices'")
    usage = _usage(chunk.get("usage"))
    if not choices:
        return Piece(usage=usage)
    choice = choices[0]
    said = choice.get("delta") or choice.get("message") or {}
    if not isinstance(said, dict):
        raise ContenderFailure("garbage", "the server sent a chunk whose 'delta' is not an object")
    text, refused = _string(said, "content"), _string(said, "refusal")
    given = said.get("tool_calls")
    calls = () if given is None else tuple(_tool_calls(given))
    thought = said.get("reasoning_content") or said.get("reasoning")
    return Piece(text, refused, calls, _finish(choice), usage, bool(text or refused or calls or thought))


_REASONS = ("stop", "length", "tool_calls", "content_filter")


def _finish(choice: Mapping[str, Any]) -> str | None:
    """The reason in OpenAI's words; others (`eos`, `end_turn`) would tell which server it is."""
    reason = _string(choice, "finish_reason")
    return (reason if reason in _REASONS else "stop") if reason else None


def _string(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ContenderFailure("garbage", f"the server sent a '{name}' that is not a text")
    return value


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    return Usage(*(n if isinstance(n, int) and 0 <= n < 2**31 else None for n in counts))


_MOST_CALLS = 128


def _tool_calls(calls: object) -> Iterator[dict[str, Any]]:
    if not isinstance(calls, list):
        raise ContenderFailure("garbage", "the server sent 'tool_calls' that are not a list")
    for place, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        index = call.get("index", place) if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(index, int) or not 0 <= index < _MOST_CALLS:
            raise ContenderFailure("garbage", "the server sent a tool call without a function or place")
        part: dict[str, Any] = {"index": index}
        if identifier := _string(call, "id"):
            part |= {"id": identifier, "type": "function"}
        part["function"] = {
            n: _string(function, n) for n in ("name", "arguments") if function.get(n) is not None
        }
        yield part
