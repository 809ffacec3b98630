"""Canonical JSON (RFC 8785, JCS): writing it, and refusing bytes that are not it.

Python's own encoder, told to sort and leave no spaces, writes JCS six times faster than `rfc8785` does,
but for a few numbers and keys. Those are recognised in the text, and then `rfc8785` decides.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import rfc8785


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _integer(digits: str) -> int | float:
    """JCS writes a whole float without a point, up to 1e21: beyond 2**53 digits mean a float."""
    return int(digits) if abs(int(digits)) < 2**53 else float(digits)


_decoder = json.JSONDecoder(parse_constant=_refuse)
_exact_decoder = json.JSONDecoder(parse_constant=_refuse, parse_int=_integer)
_encoder = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)

_unsure_number = re.compile(r"[,:\[]-?(?:\d{16}|\d+\.0[],}]|[\d.]+e)")
"""An integer that may be beyond 2**53, a whole float, an exponent."""
_astral = re.compile(r"[\U00010000-\U0010ffff]")
"""JCS sorts keys by UTF-16 code units, Python by code points: they part beyond the basic plane."""


def _is_sure(text: str) -> bool:
    return not _unsure_number.search(text) and (text.isascii() or not _astral.search(text))


def encode(value: dict[str, Any]) -> bytes:
    """The object `value` as canonical JSON.

    Raises:
        ValueError: it holds what JSON does not say alike everywhere (NaN, an integer beyond 2**53, half a
            surrogate pair).
    """
    text = _encoder.encode(value)
    return text.encode() if _is_sure(text) else rfc8785.dumps(value)


def decode(raw: bytes) -> dict[str, Any]:
    """The object that `raw` says.

    Raises:
        ValueError: `raw` is not a JSON object, or not in its one canonical spelling.
    """
    if not isinstance(raw, bytes):  # SQLite keeps any type in any column
        raise ValueError("not JSON (not bytes)")
    try:
        text = raw.decode()
        value = _decoder.decode(text)
        sure = _encoder.encode(value) == text and _is_sure(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    if not sure:
        value = _exact_decoder.decode(text)
        _check_slowly(value, raw)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _check_slowly(value: Any, raw: bytes) -> None:
    try:
        canonical = rfc8785.dumps(value) == raw
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        raise ValueError("not canonical JSON (RFC 8785)")
