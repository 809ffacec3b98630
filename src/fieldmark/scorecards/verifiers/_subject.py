"""What a check looks at: the answer, a file, or a place in the state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards.verifiers._base import wrong

LONGEST = 200_000
"""Characters of a text that are looked at; a longer one fails."""


DEEPEST = 100
"""Levels of nesting that are looked at; a deeper value fails."""


def too_deep(value: Any) -> bool:
    """Whether a value is nested deeper than anything that somebody expects: comparing it could break the program."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        level = [inner for one in level for inner in _inside(one)]
        depth += 1
    return bool(level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


class Missing(Exception):
    """What was to be looked at is not there: a fail, with words for people."""


def check_place(of: str) -> None:
    """Whether that names something. Raises SettingsError."""
    kind, _, rest = of.partition(":")
    if of not in ("answer", "state") and not (kind in ("file", "state") and rest):
        raise wrong("of", f"'of' cannot be '{of}'", 'one of "answer", "file:PATH", "state:PLACE"')


def text_of(attempt: Attempt, of: str) -> str:
    """The text that is looked at. Raises Missing."""
    kind, _, rest = of.partition(":")
    if kind == "answer":
        text = attempt.answer
    elif kind == "file":
        text = file_text(attempt, rest)
    else:
        value = value_of(attempt, of)
        if too_deep(value):
            raise Missing(f"{_named(of)} is nested too deeply")
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > LONGEST:
        raise Missing(f"{_named(of)} has {len(text)} characters, at most {LONGEST} are looked at")
    return text


def file_text(attempt: Attempt, path: str) -> str:
    """An artifact as text. Raises Missing."""
    if path not in attempt.files:
        why = attempt.left.get(path)
        raise Missing(f"there is no file '{path}'" + (f": {why}" if why else ""))
    try:
        return attempt.files[path].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Missing(f"the file '{path}' is no text in UTF-8") from None


def value_of(attempt: Attempt, of: str) -> Any:
    """A place in the state, such as `state:order.items.0`. Raises Missing."""
    _, _, rest = of.partition(":")
    return at(attempt.state, rest)


def at(value: Any, place: str) -> Any:
    """What stands at a dotted place; a part that is a number counts in a list. Raises Missing."""
    for part in place.split(".") if place else ():
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list | tuple) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            raise Missing(f"'{place}' is not there")
    return value


def _named(of: str) -> str:
    kind, _, rest = of.partition(":")
    return {"answer": "the answer", "file": f"the file '{rest}'"}.get(kind, f"'{rest}' of the state")
