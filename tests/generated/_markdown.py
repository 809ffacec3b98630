"""Pieces of Markdown, and JSON Schema in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

NOTE = "<!-- Made from the code: `make fix` writes this file anew. -->\n"

Schema = dict[str, Any]

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "table",
}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell(c) for c in line) + " |" for line in lines) + "\n"


def cell(text: str) -> str:
    """A text that stays in its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(docstring: str | None) -> str:
    """A docstring as paragraphs, without its sections such as `Raises:`."""
    text = re.split(r"\n\s*(?:Raises|Example|Returns|Args):", docstring or "")[0]
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def code(value: object) -> str:
    """A value as it is written in JSON or TOML."""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def type_of(schema: Schema, link: str | None = None) -> str:
    """A schema's type in words; `link` is a format for a named schema, such as `[{0}](#{1})`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return link.format(name, name.lower()) if link else f"`{name}`"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(type_of(s, link) for s in options))
    if "const" in schema or "enum" in schema:
        return ", ".join(code(v) for v in schema.get("enum", [schema.get("const")]))
    return _plain(schema, link)


def _plain(schema: Schema, link: str | None) -> str:
    inner = schema.get("prefixItems", [schema.get("items", {})])[0]
    if schema.get("type") == "array":
        return f"{'pair' if 'prefixItems' in schema else 'list'} of {type_of(inner, link)}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"table of {type_of(schema['additionalProperties'], link)}"
    word = _WORDS.get(str(schema.get("type")), "anything")
    bounds = [f"{sign} {schema[name]:,}" for name, sign in _BOUNDS.items() if name in schema]
    return f"{word} {', '.join(bounds)}".strip()


def fields(schema: Schema, link: str | None = None, *, defaults: bool = True) -> str:
    """A table of an object's properties; what has no words of its own is described as its shape is."""
    required, shapes = set(schema.get("required", ())), schema.get("$defs", {})
    rows = []
    for name, each in schema.get("properties", {}).items():
        default = code(each["default"]) if each.get("default") is not None else "–"
        default = "required" if name in required else default
        shape = shapes.get(each.get("$ref", "").rpartition("/")[2], {})
        meaning = each.get("description") or shape.get("description", "")
        rows.append([f"`{name}`", type_of(each, link), *([default] if defaults else []), meaning])
    return table(["name", "type", *(["default"] if defaults else []), "meaning"], rows) if rows else ""
