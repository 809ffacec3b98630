"""The short form of a schema in the documents' files, and the JSON schema that it stands for.

A field is `TYPE: what it is`. TYPE is `string`, `number`, `integer`, `boolean`, `date`, `time`, `datetime` or choices
such as `a|b|c`; in brackets a list of it; with `?` it may be null. A table is an object, an array of one table a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
    "time": {"type": "string", "pattern": r"^\d{2}:\d{2}$"},
    "datetime": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$"},
}
_EMPTY = {"number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}
_EMPTY_TEXT = {"date": "2000-01-01", "time": "00:00", "datetime": "2000-01-01T00:00"}


def schema_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object with these fields, every one of them required."""
    return {
        "type": "object",
        "properties": {name: _property(field) for name, field in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


def blank(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record that fits the schema and says nothing."""
    return {name: _blank(field) for name, field in fields.items()}


def _property(field: Any) -> dict[str, Any]:
    if isinstance(field, Mapping):
        return schema_of(field)
    if isinstance(field, list):
        return {"type": "array", "items": schema_of(field[0])}
    kind, description = _parted(field)
    if kind.startswith("["):
        return {"type": "array", "items": _scalar(kind[1:-1]), "description": description}
    return {**_scalar(kind), "description": description}


def _scalar(kind: str) -> dict[str, Any]:
    made = dict(_TYPES.get(kind.rstrip("?"), {}))
    if not made:
        made = {"type": "string", "enum": kind.rstrip("?").split("|")}
    if kind.endswith("?"):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made


def _blank(field: Any) -> Any:
    if isinstance(field, Mapping):
        return blank(field)
    if isinstance(field, list):
        return []
    kind, _ = _parted(field)
    if kind.endswith("?"):
        return None
    if kind.startswith("["):
        return []
    if "|" in kind:
        return kind.split("|")[0]
    return _EMPTY.get(kind, _EMPTY_TEXT.get(kind, ""))


def _parted(field: str) -> tuple[str, str]:
    kind, _, description = field.partition(": ")
    return kind.strip(), description.strip()
