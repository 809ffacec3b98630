"""Identifiers: UUIDv7 for records, random ids for texts and pseudonyms."""

from __future__ import annotations

import base64
import secrets
import threading
import time

_lock = threading.Lock()
_last = 0


def record_id() -> str:
    """A UUIDv7 (RFC 9562, 5.7; method 2 of 6.2), greater than all made before in this process."""
    global _last  # noqa: PLW0603 - the counter is the process's
    fresh = (time.time_ns() // 1_000_000) << 74 | secrets.randbits(73)
    with _lock:
        _last = fresh if fresh >> 74 > _last >> 74 else _last + 1 + secrets.randbits(32)
        value = _last
    milliseconds, high, low = value >> 74, value >> 62 & 0xFFF, value & (1 << 62) - 1
    text = f"{milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def random_id(prefix: str) -> str:
    """`prefix`, an underscore and 26 base32 characters (130 random bits)."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(17))[:26].decode().lower()}"
