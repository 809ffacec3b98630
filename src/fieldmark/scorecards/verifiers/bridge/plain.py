"""Values as tagged JSON: plain data by value, anything else by the name of its type. Standard library only."""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import math
import types
from collections.abc import Callable
from typing import Any

DEEPEST = 60
"""Levels of nesting that are told."""
MOST = 300_000
"""Values inside one value that are told."""
LONGEST = 4_000_000
"""Characters and bytes inside one value that are told."""

_BASES = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
_TEXTUAL: dict[type, Callable[[Any], str]] = {
    decimal.Decimal: str,
    fractions.Fraction: str,
    datetime.datetime: datetime.datetime.isoformat,
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
}


class Foreign:
    """Something that is no plain data: only the name of its type is known here. Equal to nothing but itself."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


class _TooMuch(Exception):
    pass


class _Encoding:
    def __init__(self, other: Callable[[Any], Any]) -> None:
        self.other = other
        self.nodes = 0
        self.length = 0

    def value(self, value: Any, depth: int) -> Any:  # noqa: PLR0911 (one for each sort of value)
        self.nodes += 1
        self.grow(0)
        if depth > DEEPEST:
            raise _TooMuch
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind in _BASES:
            return self.plain(kind, value, depth)
        if kind in _TEXTUAL:
            return {"t": kind.__name__, "v": _TEXTUAL[kind](value)}
        if kind is datetime.timedelta:
            return {"t": "timedelta", "v": [value.days, value.seconds, value.microseconds]}
        if kind is types.MappingProxyType:  # what a class's `__dict__` is
            return {"t": "sub", "type": "mappingproxy", "v": self.plain(dict, dict(value), depth)}
        if kind is range:
            return {"t": "range", "v": [str(value.start), str(value.stop), str(value.step)]}
        base = next((b for b in _BASES if b in kind.__mro__), None)
        if base is not None:  # Counter, namedtuple, IntEnum: what the base type sees of it
            return {"t": "sub", "type": type_name(kind), "v": self.plain(base, value, depth)}
        return self.other(value)

    def grow(self, length: int) -> None:
        self.length += length
        if self.nodes > MOST or self.length > LONGEST:
            raise _TooMuch

    def plain(self, kind: Any, value: Any, depth: int) -> Any:
        if kind in (int, float, complex):
            return self.number(kind, value)
        if kind is str:
            text = str.__str__(value)
            self.grow(len(text))
            return text
        if kind in (bytes, bytearray):
            self.grow(kind.__len__(value))
            return {"t": kind.__name__, "v": base64.b64encode(kind.__getitem__(value, slice(None))).decode()}
        if kind is dict:
            pairs = [[self.value(k, depth + 1), self.value(v, depth + 1)] for k, v in dict.items(value)]
            return {"t": "dict", "v": pairs}
        return {"t": kind.__name__, "v": [self.value(item, depth + 1) for item in kind.__iter__(value)]}

    def number(self, kind: Any, value: Any) -> Any:
        if kind is int:
            number = int.__add__(value, 0)
            self.grow(number.bit_length() // 4)
            return number if abs(number) < 2**53 else {"t": "int", "v": hex(number)}
        if kind is float:
            return {"t": "float", "v": float.hex(float.__add__(value, 0.0))}
        parts = complex.__add__(value, 0)
        return {"t": "complex", "v": [parts.real.hex(), parts.imag.hex()]}


def encode(value: Any, other: Callable[[Any], Any] | None = None) -> Any:
    """`value` as JSON; `other` says what stands for what is no plain data (by default the name of its type)."""
    try:
        return _Encoding(other or foreign).value(value, 0)
    except (_TooMuch, RecursionError):
        return {"t": "object", "type": "a value that is too big or too deep"}


def foreign(value: Any) -> Any:
    """The name of a type."""
    return {"t": "object", "type": type_name(type(value))}


def type_name(kind: type) -> str:
    """Such as `decimal.Decimal`; built-in ones without their module."""
    module = kind.__module__ if isinstance(kind.__module__, str) else "?"
    return kind.__qualname__ if module == "builtins" else module + "." + kind.__qualname__


def decode(data: Any, other: Callable[[Any], Any] | None = None) -> Any:
    """The value that JSON stands for; `other` makes what stands for anything else. Raises ValueError on garbage."""
    try:
        return _decoded(data, other or (lambda told: Foreign(str(told.get("type"))[:200])), 0)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise ValueError(f"no plain data: {type(error).__name__}") from None


def _decoded(data: Any, other: Callable[[Any], Any], depth: int) -> Any:
    if data is None or isinstance(data, (bool, int, str)):
        return data
    if not isinstance(data, dict) or depth > 2 * DEEPEST:
        raise ValueError("no plain data")
    kind: str = data["t"]
    value: Any = data.get("v")
    if kind == "sub":
        return _decoded(value, other, depth + 1)
    if kind == "dict":
        return {_decoded(k, other, depth + 1): _decoded(v, other, depth + 1) for k, v in value}
    if kind in _MANY:
        return _MANY[kind](_decoded(item, other, depth + 1) for item in value)
    if kind in _ONE:
        return _ONE[kind](value)
    return other(data)


def _hex(text: str) -> float:
    return float.fromhex(text) if text not in ("nan", "inf", "-inf") else float(text)


_MANY: dict[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_ONE: dict[str, Callable[[Any], Any]] = {
    "int": lambda v: int(v, 16),
    "float": _hex,
    "complex": lambda v: complex(_hex(v[0]), _hex(v[1])),
    "bytes": base64.b64decode,
    "bytearray": lambda v: bytearray(base64.b64decode(v)),
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda v: datetime.timedelta(*v),
    "range": lambda v: range(*map(int, v)),
}


def same(  # noqa: PLR0911 (one for each sort of value)
    actual: Any, expected: Any, absolute: float = 0.0, relative: float = 0.0
) -> bool:
    """Whether two plain values are equal: of one type (but 1 is 1.0), numbers within a tolerance, NaN equal to NaN."""
    numbers = (int, float, decimal.Decimal, fractions.Fraction)
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(expected, numbers) and isinstance(actual, numbers):
        return _near(actual, expected, absolute, relative)
    if type(actual) is not type(expected):
        return False
    if isinstance(expected, (list, tuple)):
        pairs = zip(actual, expected, strict=False)
        return len(actual) == len(expected) and all(same(a, e, absolute, relative) for a, e in pairs)
    if isinstance(expected, dict):
        return _same_tables(actual, expected, absolute, relative)
    if isinstance(expected, Foreign):
        return False
    return bool(actual == expected)


def _same_tables(actual: Any, expected: Any, absolute: float, relative: float) -> bool:
    if actual.keys() != expected.keys() or any(type(k) is bool for k in actual):
        return bool(actual == expected and not absolute and not relative and actual.keys() == expected.keys())
    return all(same(actual[key], value, absolute, relative) for key, value in expected.items())


def _near(actual: Any, expected: Any, absolute: float, relative: float) -> bool:
    if actual == expected:
        return True
    if not absolute and not relative:
        return (
            isinstance(expected, float)
            and isinstance(actual, float)
            and math.isnan(expected)
            and math.isnan(actual)
        )
    try:
        return bool(abs(float(actual) - float(expected)) <= max(absolute, relative * abs(float(expected))))
    except (OverflowError, ValueError):
        return False
