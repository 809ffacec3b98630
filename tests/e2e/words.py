"""What the page says, by the key of its message, so that tests do not repeat its words."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FILES = [ROOT / "web" / "src" / "messages" / name for name in ("en.json", "en-more.json", "en-scores.json")]
MESSAGES: dict[str, str] = {k: v for file in _FILES for k, v in json.loads(file.read_text("utf-8")).items()}
_MARKUP = re.compile(r"</?\w+>")


def say(key: str, **params: str | int) -> str:
    """The message with its parameters filled in, without markup. Messages with plurals: see `begins`."""
    text = _MARKUP.sub("", MESSAGES[key])
    for name, value in params.items():
        text = text.replace(f"{{{name}}}", str(value))
    assert "{" not in text, f"{key} wants more parameters: {text}"
    return text


def begins(key: str) -> str:
    """The message up to its first parameter."""
    return _MARKUP.sub("", MESSAGES[key]).split("{")[0].strip()
