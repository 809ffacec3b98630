"""From a Python function to a tool's schema and a call that checks its arguments."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field, make_dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from fieldmark.errors import InputError

_OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_NAMED_SCHEMAS = ("properties", "$defs", "definitions", "patternProperties")


class ToolRefusal(Exception):
    """A tool says no; the words go to the contender."""


def of_function(
    function: Callable[..., Any],
) -> tuple[dict[str, Any], Callable[[Mapping[str, Any]], Awaitable[Any]]]:
    """JSON schema of a function's arguments, and how to call it with what a contender gave.

    Raises:
        InputError: a parameter has no annotation, or takes any number of arguments.
    """
    adapter = TypeAdapter(_arguments(function))

    async def run(arguments: Mapping[str, Any]) -> Any:
        try:
            given = adapter.validate_python(dict(arguments))
        except ValidationError as error:
            raise ToolRefusal(_wrong(error)) from None
        result = function(**vars(given))
        return await result if inspect.isawaitable(result) else result

    return _untitled(adapter.json_schema()), run


def _arguments(function: Callable[..., Any]) -> type[Any]:
    """A class with the function's parameters as fields. Not a model: its own names would be in the way of theirs."""
    name = function.__name__
    try:
        hints = inspect.get_annotations(inspect.unwrap(function), eval_str=True)
    except NameError as error:
        raise InputError(
            f"tool '{name}': an annotation is not known: {error}",
            hint="it has to be known where it is defined",
        ) from None
    fields = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in _OPEN:
            raise InputError(f"tool '{name}': '*{parameter.name}' takes any number of arguments")
        if parameter.name not in hints:
            raise InputError(
                f"tool '{name}': parameter '{parameter.name}' has no annotation", hint="such as city: str"
            )
        fields.append((parameter.name, hints[parameter.name], _default(parameter.default)))
    return make_dataclass(
        name, fields, kw_only=True, namespace={"__pydantic_config__": ConfigDict(extra="forbid")}
    )


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty:
        return field()
    if isinstance(value, list | dict | set):
        return field(default_factory=lambda: copy.copy(value))
    return field(default=value)


def _wrong(error: ValidationError) -> str:
    """The first mistakes, in words."""
    said = []
    for wrong in error.errors(include_url=False)[:3]:
        place = ".".join(map(str, wrong["loc"]))
        said.append(f"{place}: {wrong['msg']}" if place else wrong["msg"])
    return "; ".join(said)


def _untitled(schema: Any, *, names: bool = False) -> Any:
    """The schema without the titles that are made of its names: a model reads every word. `names`: its keys are."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _untitled(part, names=not names and key in _NAMED_SCHEMAS)
        for key, part in schema.items()
        if names or key != "title"
    }
