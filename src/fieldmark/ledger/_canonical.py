"""Canonical JSON (RFC 8785, JCS): writing it, and refusing bytes that are not it.

orjson, told to sort, writes JCS many times faster than `rfc8785` does, but for a few numbers and keys. Values that may
hold one of these are recognised, and then `rfc8785` decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import orjson
import rfc8785


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _integer(digits: str) -> int | float:
    """JCS writes a whole float without a point, up to 1e21: beyond 2**53 digits mean a float."""
    return int(digits) if abs(int(digits)) < 2**53 else float(digits)


_exact_decoder = json.JSONDecoder(parse_constant=_refuse, parse_int=_integer)
_dumps, _loads, _SORTED = orjson.dumps, orjson.loads, orjson.OPT_SORT_KEYS
_PLAIN = frozenset((str, bool, type(None)))
_LARGE = 2**53
_astral = re.compile(rb"[\xf0-\xf4]")
"""First byte of a character beyond the basic plane: JCS sorts keys by UTF-16 code units, orjson by code points."""


def _is_sure(value: dict[str, Any] | list[Any]) -> bool:
    """Whether every number is one that orjson and JCS write alike: no large integer, no whole, tiny or huge float."""
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else value
    for each in inner:
        kind = type(each)
        if kind in _PLAIN:
            continue
        if kind is int:
            if not -_LARGE < each < _LARGE:
                return False
        elif kind is float:
            if not 1e-4 < abs(each) < 1e15 or each.is_integer():
                return False
        elif (kind is not dict and kind is not list) or not _is_sure(each):
            return False
    return True


def _with_integers(value: Any) -> Any:
    """The same value with each whole float as the integer that JCS writes for it."""
    if type(value) is float and value.is_integer() and abs(value) < _LARGE:
        return int(value)
    if type(value) is dict:
        return {name: _with_integers(each) for name, each in value.items()}
    return [_with_integers(each) for each in value] if type(value) is list else value


def encode(value: dict[str, Any]) -> bytes:
    """The object `value` as canonical JSON.

    Raises:
        ValueError: it holds what JSON does not say alike everywhere (NaN, an integer beyond 2**53, half a
            surrogate pair).
    """
    try:
        if not _is_sure(value):
            value = _with_integers(value)
        if _is_sure(value):
            raw = _dumps(value, option=_SORTED)
            if raw.isascii() or not _astral.search(raw):
                return raw
    except (TypeError, RecursionError):  # orjson is stricter about depth and types
        pass
    try:
        return rfc8785.dumps(value)
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from error


def decode(raw: bytes) -> dict[str, Any]:
    """The object that `raw` says.

    Raises:
        ValueError: `raw` is not a JSON object, or not in its one canonical spelling.
    """
    if not isinstance(raw, bytes):  # SQLite keeps any type in any column
        raise ValueError("not JSON (not bytes)")
    try:
        value = _loads(raw)
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from None
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    known: dict[str, Any] = value
    return known if _is_exactly(known, raw) else _decode_slowly(raw)


def _is_exactly(value: dict[str, Any], raw: bytes) -> bool:
    try:
        same: bool = _dumps(value, option=_SORTED) == raw
    except TypeError:  # too deep
        return False
    return same and _is_sure(value) and (raw.isascii() or _astral.search(raw) is None)


def _decode_slowly(raw: bytes) -> dict[str, Any]:
    try:
        value: dict[str, Any] = _exact_decoder.decode(raw.decode())
        canonical = rfc8785.dumps(value) == raw
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        raise ValueError("not canonical JSON (RFC 8785)")
    return value
