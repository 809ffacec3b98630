"""Turns what pydantic finds wrong into problems a person can mend: where, what, and what would be right."""

from __future__ import annotations

import json
import typing
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fieldmark.errors import Problem
from fieldmark.fields._locate import KeyPath
from fieldmark.fields._read import Document
from fieldmark.fields._toml import toml_value

M = TypeVar("M", bound=BaseModel)

_DATE = ""  # key of the table that stands for a date

_TYPES = {
    "string_type": "a text in quotes",
    "int_type": "a whole number without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list: [ ... ]",
    "list_type": "a list: [ ... ]",
    "dict_type": "a table: { key = value }",
    "model_type": "a table: { key = value }",
    "model_attributes_type": "a table: { key = value }",
}
_BOUNDS = {
    "greater_than_equal": "at least",
    "greater_than": "more than",
    "less_than_equal": "at most",
    "less_than": "less than",
}


def validated(
    model: type[M], document: Document, data: Any, problems: list[Problem], hidden: Collection[KeyPath]
) -> M | None:
    """`data` as a `model`, or None with every mistake added to `problems`, except at the `hidden` paths.

    Types are strict ("5" is no number), in JSON mode because there a list may stand for a tuple.
    """
    try:
        return model.model_validate_json(json.dumps(data, default=_no_json), strict=True)
    except ValidationError as error:
        found = [e for e in error.errors(include_url=False) if e["loc"] not in hidden]
        problems += [_problem(model, document, e["loc"], e) for e in found]
    except (ValueError, RecursionError):
        problems.append(document.problem((), "a value is too long or nested too deeply"))
    return None


def spelled(path: KeyPath) -> str:
    """A key path as a person reads it: `contenders[0].sampler.top_p`."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")


def nearest(word: str, known: Collection[str]) -> str:
    """The known word that was probably meant, or all of them."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"


def shown(value: Any) -> str:
    """A value, short, as it stands in TOML."""
    if isinstance(value, dict):
        return str(value.get(_DATE, "a table"))
    if isinstance(value, list):
        return "a list"
    text = toml_value(value)
    return text if len(text) <= 60 and "\n" not in text else f"{text[:57]}...".replace("\n", " ")


def _problem(model: type[BaseModel], document: Document, path: KeyPath, found: Mapping[str, Any]) -> Problem:
    kind, context = found["type"], found.get("ctx", {})
    name = spelled(path)
    if kind == "json_invalid":
        return document.problem((), "a value is nested too deeply")
    if kind == "extra_forbidden":
        known = list(_table(model, path[:-1]).model_fields)
        return document.problem(path, f"unknown key '{name}'", nearest(str(path[-1]), known))
    if kind == "missing":
        meaning = _table(model, path[:-1]).model_fields[str(path[-1])].description or ""
        return document.problem(path, f"'{name}' is missing", f"add {path[-1]}: {meaning.rstrip('.')}")
    if kind == "string_pattern_mismatch":
        return document.problem(path, f"'{name}' is blank", "some text")
    if kind == "value_error":
        return document.problem(path, f"'{name}' cannot be {shown(found['input'])}", str(context["error"]))
    return document.problem(path, f"'{name}' is {shown(found['input'])}", _right(kind, context, found["msg"]))


def _right(kind: str, context: Mapping[str, Any], otherwise: str) -> str:
    if kind in _BOUNDS:
        bound = next(iter(context.values()))
        return f"{_BOUNDS[kind]} {int(bound) if bound == int(bound) else bound}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", '"')
    return _TYPES.get(kind, otherwise)


def _table(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """The model at a path of another."""
    for part in path:
        if isinstance(part, str):
            model = _inner(model.model_fields[part].annotation)
    return model


def _inner(annotation: Any) -> Any:
    """The model inside `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for a in typing.get_args(annotation) if (inner := _inner(a)) is not None), None)


def _no_json(value: Any) -> dict[str, str]:
    """TOML's dates have no JSON form and no key takes one: a table, so that the type is found wrong."""
    return {_DATE: str(value)}
