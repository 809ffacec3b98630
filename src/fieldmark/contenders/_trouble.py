"""What went wrong with a server, in our words and without its secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from fieldmark.errors import ContenderFailure

_CONTEXT = re.compile(
    r"context[ _-]?(length|size|window)|maximum context|exceed\w* (the )?(available )?context|too many tokens"
    r"|(prompt|input|request) is too (long|large)",
    re.IGNORECASE,
)
_SECRET = re.compile(r"\b(bearer|basic)\s+\S+|\b(sk|pk|api|key|hf|gsk|xai)[-_][\w*.-]{6,}", re.IGNORECASE)
_WORDS = 300
_KEY_STATUSES = (401, 403)
_MEANINGS = {404: "has no such model or address", 429: "asks for fewer requests"}


def redact(text: str, key: str | None = None) -> str:
    """One line, shortened, with the key and what looks like one taken out."""
    if key:
        text = text.replace(key, "[key]")
    text = " ".join(_SECRET.sub("[secret]", text).split())
    return text if len(text) <= _WORDS else text[: _WORDS - 1] + "…"


def refusal(status: int | None, body: object, key: str | None = None) -> ContenderFailure:
    """The failure for an error status, or for an error inside a stream (`status` None)."""
    words, code = _said(body)
    status = status if status is not None else code
    if status in _KEY_STATUSES:
        # Its words are left out: servers like to repeat part of the key.
        return ContenderFailure("refused", f"the server refused the key ({status})", status=status)
    said = f": {redact(words, key)}" if words else ""
    if _CONTEXT.search(words) and (status is None or status < 500):
        return ContenderFailure(
            "too_long", f"the conversation is longer than the context{said}", status=status
        )
    number = f" ({status})" if status else ""
    what = _MEANINGS.get(status or 0, "answered with an error")
    return ContenderFailure("refused", f"the server {what}{number}{said}", status=status)


def retry_after(said: str | None) -> float | None:
    """Seconds that a `Retry-After` header (RFC 9110, 10.2.3) asks for, as a number or as a date; None without one."""
    if not said:
        return None
    try:
        return max(0.0, float(said)) if said.strip().isdigit() else _until(parsedate_to_datetime(said))
    except ValueError:
        return None


def _until(moment: datetime) -> float:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _said(body: object) -> tuple[str, int | None]:
    if isinstance(body, bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            assert isinstance(body, bytes)
            text = body.decode("utf-8", "replace")
            return ("" if text.lstrip().startswith("<") else text), None
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(error, Mapping):
        return str(error), None
    kind = " ".join(str(error[name]) for name in ("type", "code") if isinstance(error.get(name), str))
    status = _status(error)
    message = str(error.get("message") or error.get("detail") or "")
    return (f"{message} [{kind}]" if _CONTEXT.search(kind) else message or kind), status


def _status(error: Mapping[str, Any]) -> int | None:
    code = error.get("code", error.get("status"))
    return code if isinstance(code, int) and 400 <= code <= 599 else None
