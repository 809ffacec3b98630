"""From what an application or the arena asks to what is sent to an OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fieldmark.contenders._spec import ContenderSpec, Message
from fieldmark.errors import InputError

PASSED_ON = (
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    "stop",
)
"""Fields of a chat-completions request that reach the contender."""
READ_HERE = ("model", "n", "stream", "stream_options")
"""Fields that are understood but not passed on as they are."""

_ROLES = ("system", "developer", "user", "assistant", "tool")
_LEADING = ("system", "developer")


def prepare(request: Mapping[str, Any], spec: ContenderSpec, stops: Sequence[str] = ()) -> dict[str, Any]:
    """The body to send: the contender's system prompt and sampler put in, `stream` on, usage asked for.

    `stops` are the chat template's own stop texts, which always hold.

    Raises:
        InputError: names the field that is unknown or wrong.
    """
    given = {name: value for name, value in request.items() if value is not None}
    _check_fields(given)
    _check_tools(given)
    body = {name: given[name] for name in PASSED_ON if name in given}
    body["messages"] = _with_system(checked_messages(given.get("messages")), spec.system)
    sampler = spec.sampler.model_dump(exclude_none=True, exclude={"max_tokens", "stop"})
    body.update(sampler)
    _limit(body, spec)
    _stop(body, spec, stops)
    body["stream"] = True
    body["stream_options"] = {"include_usage": True}
    return body


def wants_usage(request: Mapping[str, Any]) -> bool:
    """Whether a streaming request asks for a last chunk with the token counts."""
    options = request.get("stream_options") or {}
    return bool(options.get("include_usage"))


def _check_fields(given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in PASSED_ON and name not in READ_HERE:
            raise InputError(
                f"'{name}' is not supported", hint="supported: " + ", ".join(PASSED_ON + READ_HERE)
            )
    if given.get("n", 1) != 1:
        raise InputError("'n' must be 1", hint="ask again for another answer")
    options = given.get("stream_options", {})
    if not isinstance(options, Mapping) or set(options) - {"include_usage"}:
        raise InputError("'stream_options' takes only 'include_usage'")


def _check_tools(given: Mapping[str, Any]) -> None:
    tools, choice = given.get("tools", []), given.get("tool_choice", "auto")
    if not isinstance(tools, list):
        raise InputError("'tools' must be a list")
    for position, tool in enumerate(tools):
        if not isinstance(tool, Mapping) or not isinstance(tool.get("type"), str):
            raise InputError(f"'tools[{position}]' must be an object with a 'type'")
        if tool["type"] == "function":
            _check_function(f"tools[{position}].function", tool.get("function"))
    if isinstance(choice, Mapping) and choice.get("type") == "function":
        _check_function("tool_choice.function", choice.get("function"))
    elif not isinstance(choice, str | Mapping):
        raise InputError("'tool_choice' must be a text or an object")
    if not isinstance(given.get("response_format", {}), Mapping):
        raise InputError("'response_format' must be an object")


def _check_function(where: str, function: object) -> None:
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InputError(f"'{where}' must be an object with a 'name'")
    if not isinstance(function.get("parameters") or {}, Mapping):
        raise InputError(f"'{where}.parameters' must be an object, a JSON schema")


def checked_messages(messages: object) -> list[Message]:
    """The messages of a request, each in OpenAI's form.

    Raises:
        InputError: says what would be right.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise InputError("'messages' must be a list with at least one message")
    return [_message(position, message) for position, message in enumerate(messages)]


def _message(position: int, message: object) -> Message:
    where = f"'messages[{position}]"
    if not isinstance(message, Mapping) or message.get("role") not in _ROLES:
        raise InputError(f"{where}.role' must be one of {', '.join(_ROLES)}")
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    if not isinstance(content, str | list | None) or not all(map(_is_part, parts)):
        raise InputError(
            f"{where}.content' must be a text or a list of parts, each with a 'type'",
            hint='such as {"type": "text", "text": "..."}',
        )
    calls = message.get("tool_calls")
    if not isinstance(calls, list | None) or not all(map(_is_call, calls or ())):
        raise InputError(
            f"{where}.tool_calls' must be a list of calls, each with an 'id' and a 'function' that has a 'name'",
            hint='such as {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}',
        )
    return dict(message)


def _is_part(part: object) -> bool:
    if not isinstance(part, Mapping) or not isinstance(kind := part.get("type"), str):
        return False
    return isinstance(part.get("text"), str if kind == "text" else str | None)


def _is_call(call: object) -> bool:
    if not isinstance(call, Mapping) or not isinstance(call.get("id"), str | None):
        return False
    kind = call.get("type") or "function"
    called = call.get("function")
    return kind != "function" or (isinstance(called, Mapping) and isinstance(called.get("name"), str))


def _with_system(messages: list[Message], system: str | None) -> list[Message]:
    """One leading system message: the contender's words first, then the request's.

    Many chat templates refuse a second one, and few know the role `developer`.
    """
    count = next((i for i, m in enumerate(messages) if m["role"] not in _LEADING), len(messages))
    texts = [system or "", *(_text(m.get("content")) for m in messages[:count])]
    joined = "\n\n".join(text for text in texts if text)
    rest = [{**m, "role": "system"} if m["role"] == "developer" else m for m in messages[count:]]
    return [{"role": "system", "content": joined}, *rest] if joined else rest


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content or "")


def _limit(body: dict[str, Any], spec: ContenderSpec) -> None:
    """The request's limit and the contender's: the smaller one holds."""
    asked = [body.pop(name, None) for name in ("max_completion_tokens", "max_tokens")]
    limits = [value for value in (*asked, spec.sampler.max_tokens) if value is not None]
    if not all(isinstance(value, int) and value > 0 for value in limits):
        raise InputError("'max_tokens' must be a whole number above 0")
    if limits:
        body[spec.max_tokens_field] = min(limits)


def _stop(body: dict[str, Any], spec: ContenderSpec, stops: Sequence[str]) -> None:
    asked = body.pop("stop", [])
    asked = [asked] if isinstance(asked, str) else asked
    if not isinstance(asked, list) or not all(isinstance(text, str) for text in asked):
        raise InputError("'stop' must be a text or a list of texts")
    if both := [*stops, *(spec.sampler.stop or asked)]:
        body["stop"] = both
