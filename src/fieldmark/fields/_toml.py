"""Writes TOML; the standard library only reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml(table: Mapping[str, Any]) -> str:
    """A table of texts, numbers, booleans, lists of these and tables of the same, as TOML."""
    return "".join(_lines(table, ()))


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {toml_value(value)}\n"
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = (*path, _key(key))
            yield f"\n[{'.'.join(inner)}]\n"
            yield from _lines(value, inner)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _text(key)


def toml_value(value: Any) -> str:
    """One value, as it stands after the `=`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _paragraphs(value) if "\n" in value else _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(v) if isinstance(v, str) else toml_value(v) for v in value)}]"
    return repr(value)


def _text(value: str) -> str:
    """JSON's escapes are TOML's too, but TOML also wants DEL escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _paragraphs(value: str) -> str:
    """A text of several lines, as such; every quote in it is escaped."""
    lines = "\n".join(_text(line)[1:-1] for line in value.split("\n"))
    return f'"""\n{lines}"""'
