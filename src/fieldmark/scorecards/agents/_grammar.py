"""Tools for models that cannot call them: told in the prompt, and the answer's form forced into one step's schema.

One step is one object, `{"tool": NAME, "arguments": {...}}` or `{"answer": TEXT}`. Measured with SmolLM2-135M: 0 of 20
calls were valid when its template was given the tools, 20 of 20 when the form was forced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fieldmark.contenders import Message
from fieldmark.scorecards._task import Tool

_LONGEST = 256
"""llama.cpp writes a repetition out; longer ones are left to the tool's own check."""

WORDS = """You can use tools. Answer with one JSON object, nothing else.
To use a tool: {"tool": "NAME", "arguments": {...}}
Its result is told to you. When you know the result: {"answer": "..."}
Tools:"""


def step_schema(tools: Sequence[Tool]) -> dict[str, Any]:
    """JSON schema of one step with these tools."""
    definitions: dict[str, Any] = {}
    steps = [_step({"tool": {"const": t.name}, "arguments": _arguments(t, definitions)}) for t in tools]
    steps.append(_step({"answer": {"type": "string"}}))
    schema: dict[str, Any] = {"anyOf": steps}
    return {**schema, "$defs": definitions} if definitions else schema


def as_told(messages: Iterable[Message], tools: Sequence[Tool]) -> list[Message]:
    """A conversation with tool calls, in OpenAI's form, as a model sees it that knows nothing of tools."""
    told = [_told(message) for message in messages]
    lines = [WORDS, *(_described(tool) for tool in tools)]
    if told and told[0]["role"] == "system":
        lines.insert(0, f"{told.pop(0)['content']}\n")
    return [{"role": "system", "content": "\n".join(lines)}, *told]


def parse_step(text: str, tools: Iterable[str]) -> tuple[str, dict[str, Any]] | str:
    """A call (name, arguments), or the answer.

    Raises:
        ValueError: it is neither; says what is wrong, for the model.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("that is not one JSON object") from None
    if not isinstance(said, dict):
        raise ValueError("that is not a JSON object")
    if isinstance(said.get("answer"), str):
        return str(said["answer"])
    if not isinstance(said.get("tool"), str):
        raise ValueError(f'it needs "tool" (one of: {", ".join(tools)}) or "answer"')
    arguments = said.get("arguments", {})
    return said["tool"], arguments if isinstance(arguments, dict) else {"": json.dumps(arguments)}


def _step(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _arguments(tool: Tool, definitions: dict[str, Any]) -> Any:
    """The tool's schema; what its references point to is moved to the top, where they are looked up."""
    schema = dict(tool.parameters) or {"type": "object", "properties": {}}
    own = {**schema.pop("definitions", {}), **schema.pop("$defs", {})}
    for name, definition in own.items():
        definitions[f"{tool.name}.{name}"] = _fit(definition, tool.name)
    return _fit(schema, tool.name)


def _fit(schema: Any, tool: str) -> Any:
    """The schema in words that grammars know."""
    if isinstance(schema, list):
        return [_fit(each, tool) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    fitted = {name: _fit(part, tool) for name, part in schema.items() if not _too_much(name, part)}
    if isinstance(reference := schema.get("$ref"), str):
        fitted["$ref"] = f"#/$defs/{tool}.{reference.rsplit('/', 1)[-1]}"
    return fitted


def _too_much(name: str, part: Any) -> bool:
    if name == "pattern" and isinstance(part, str):
        return not (part.startswith("^") and part.endswith("$"))
    return (
        name in ("maxLength", "maxItems", "minLength", "minItems")
        and isinstance(part, int)
        and part > _LONGEST
    )


def _described(tool: Tool) -> str:
    schema = {
        name: part for name, part in tool.parameters.items() if name not in ("title", "additionalProperties")
    }
    about = " ".join(tool.description.split())
    return f"- {tool.name}: {about} Arguments: {json.dumps(schema, ensure_ascii=False)}"


def _told(message: Message) -> Message:
    if message["role"] == "tool":
        content = message["content"]
        words = f"Result of {message.get('name') or 'the tool'}: "
        if isinstance(content, str):
            return {"role": "user", "content": words + content}
        return {"role": "user", "content": [{"type": "text", "text": words}, *content]}
    if calls := message.get("tool_calls"):
        steps = [
            {"tool": c["function"]["name"], "arguments": _loaded(c["function"]["arguments"])} for c in calls
        ]
        return {"role": "assistant", "content": "\n".join(json.dumps(s, ensure_ascii=False) for s in steps)}
    if message["role"] == "assistant":
        return {**message, "content": json.dumps({"answer": message["content"]}, ensure_ascii=False)}
    return message


def _loaded(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
