"""Regular expressions on texts that somebody else wrote: one that runs away must not hold up the whole program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from fieldmark.errors import InputError
from fieldmark.scorecards._verdict import AnswerTooLong

SECONDS = 5.0
"""Longest that one pattern may take on one text."""
_STEPS = 3e7
"""Steps in the worst case up to which a match is done at once."""
_SEARCH = """
import json, re, sys
pattern, text, full = json.loads(sys.stdin.buffer.read())
found = re.fullmatch(pattern, text) if full else re.search(pattern, text)
sys.stdout.write("1" if found else "0")
"""


@lru_cache(maxsize=1000)
def checked(pattern: Any) -> re.Pattern[str]:
    """The compiled pattern. Raises InputError."""
    try:
        return re.compile(pattern)
    except (re.error, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"'{pattern}' is no regular expression: {error}") from None


def matches(pattern: str, text: str, *, full: bool = False) -> bool:
    """Whether the pattern is found in the text, or matches it whole.

    Raises AnswerTooLong when it takes more than `SECONDS`: in a process of its own if it might.
    """
    compiled = checked(pattern)
    if (len(text) + 1.0) ** _degree(pattern) <= _STEPS:
        return bool(compiled.fullmatch(text) if full else compiled.search(text))
    asked = json.dumps([pattern, text, full]).encode()
    command = [sys.executable, "-I", "-S", "-c", _SEARCH]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, timeout=SECONDS, check=True)
    except subprocess.TimeoutExpired:
        words = f"{len(text):,} characters are too long for the pattern '{pattern}': it took more than {SECONDS:g} s"
        raise AnswerTooLong(words) from None
    return done.stdout == b"1"


@lru_cache(maxsize=1000)
def _degree(pattern: str) -> float:
    """Exponent of the length in the steps of a failing match: repeats that vary, one more for where it begins."""
    return 1.0 + _repeats(_parser.parse(pattern), inside=False)


def _repeats(parsed: Any, *, inside: bool) -> float:
    total = 0.0
    for code, value in parsed:
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            low, high, inner = value
            varies = high - low > 1
            if varies and inside:
                return float("inf")  # nested: exponential
            total += (1.0 if varies else 0.0) + _repeats(inner, inside=inside or varies)
        elif code is codes.GROUPREF:
            total += 1.0
        else:
            total += sum(_repeats(part, inside=inside) for part in _inner(value))
    return total


def _inner(value: Any) -> list[Any]:
    """Parts of a node that are patterns themselves: groups, branches, looks ahead."""
    if isinstance(value, _parser.SubPattern):
        return [value]
    if isinstance(value, list | tuple):
        return [part for one in value for part in _inner(one)]
    return []
