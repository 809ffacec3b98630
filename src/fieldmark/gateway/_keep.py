"""What is kept of a request and an answer: redacted, images as their digest, and always valid Unicode."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from fieldmark.errors import InputError
from fieldmark.gateway._redact import Redactor

_KEPT = (
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    "stop",
)
_LONE = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs: JSON can spell them, but they are no text and cannot be kept."""
_MEDIA = ("image_url", "input_audio", "file")
_DATA_URL = re.compile(r"data:([\w.+-]{1,64}/[\w.+-]{1,64})?[^,]{0,200},")


def kept_request(request: Mapping[str, Any], redactor: Redactor) -> tuple[str, Counter[str]]:
    """The text to store of a request, and how often each redaction rule found something.

    Raises:
        InputError: it is nested too deeply.
    """
    counts: Counter[str] = Counter()
    try:
        return _kept_request(request, redactor, counts), counts
    except RecursionError:
        raise InputError("the request is nested too deeply", hint="a few hundred levels are enough") from None


def _kept_request(request: Mapping[str, Any], redactor: Redactor, counts: Counter[str]) -> str:
    kept = {name: request[name] for name in _KEPT if request.get(name) is not None}
    kept["messages"] = [_without_media(message) for message in request.get("messages") or ()]
    return dumped(redactor.value(kept, counts))


def kept_text(text: str, redactor: Redactor) -> str:
    """The text to store of an answer, an edit or a note."""
    return _whole(redactor.text(text))


def kept_calls(calls: list[dict[str, Any]], redactor: Redactor) -> str:
    """The text to store of an answer's calls of tools."""
    return dumped(redactor.value(calls))


def dumped(value: Any) -> str:
    """JSON with sorted keys, whatever the texts in it hold."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return _whole(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def _whole(text: str) -> str:
    """Halves of surrogate pairs put together, as whoever read the stream has them; a lone one is U+FFFD."""
    if _LONE.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _without_media(message: Any) -> Any:
    if not isinstance(message, Mapping) or not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [_part(part) for part in message["content"]]}


def _part(part: Any) -> Any:
    """A part that is no text, as its digest and size: enough to tell two apart, and no picture is kept."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "text":
        return part
    held = part.get(kind) if isinstance(part, Mapping) and kind in _MEDIA else part
    content = _content(held)
    if kind == "image_url" and content.startswith(("http://", "https://")):
        return part  # an address, no picture
    raw = content.encode("utf-8", "surrogatepass")
    media = _DATA_URL.match(content)
    digest = {"sha256": hashlib.sha256(raw).hexdigest(), "characters": len(content)}
    return {"type": kind, "kept": digest | ({"media_type": media[1]} if media and media[1] else {})}


def _content(held: Any) -> str:
    """The part's own data: an image's URL, a sound's or a file's base64, else all of it."""
    if isinstance(held, Mapping):
        for name in ("url", "data", "file_data"):
            if isinstance(held.get(name), str):
                return str(held[name])
    return held if isinstance(held, str) else dumped(held)
