"""What is compared with what was expected: values, and places where more than one value is right.

An expected value is JSON. A table with one of the keys below stands for every value that it describes:

- `{"$about" = 3.5, "$absolute" = 0.1, "$relative" = 0.01}` a number that near
- `{"$regex" = "..."}` a text that the whole pattern matches
- `{"$text" = "..."}` that text in any case and spacing
- `{"$one_of" = [...]}`, `{"$all" = [...]}`, `{"$not" = ...}`
- `{"$any" = true}` anything; `{"$absent" = true}` nothing at all (for a key of a table)
- `{"$contains" = ...}` a text with that in it, or a list with such an element
- `{"$unordered" = [...]}` these elements in any order
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fieldmark.errors import InputError
from fieldmark.scorecards.verifiers._patterns import checked, matches

MISSING = object()
"""Stands for a key that is not there."""

SAID = 200
"""Characters of a value that an explanation shows."""


@dataclass(frozen=True)
class Leniency:
    """What counts as equal."""

    absolute: float = 0.0
    """Numbers may differ by this."""
    relative: float = 0.0
    """Numbers may differ by this share of the expected one."""
    ignore_case: bool = False
    """Texts in any case, and with any spacing."""
    any_order: bool = False
    """Lists in any order."""


@dataclass(frozen=True)
class Agreement:
    """How much of what was expected is there."""

    right: float
    total: float
    differences: tuple[str, ...] = ()
    """In words, without what would be right."""

    @property
    def share(self) -> float:
        """Of what was expected, 0 to 1."""
        return self.right / self.total if self.total else 1.0

    @property
    def whole(self) -> bool:
        """Everything is right."""
        return self.right >= self.total


def check_expected(value: Any, place: str = "") -> None:
    """Whether every table with a `$` in it is one that is known. Raises InputError."""
    if isinstance(value, Mapping):
        _check_table(value, place)
        for name, inner in value.items():
            check_expected(inner, f"{place}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            check_expected(inner, f"{place}[{number}]")


def compare(actual: Any, expected: Any, leniency: Leniency = Leniency()) -> Agreement:
    """Count the leaves of `expected` that `actual` has right; each thing too much counts as one wrong leaf."""
    return _compare(actual, expected, leniency, "")


def fits(actual: Any, expected: Any, leniency: Leniency = Leniency()) -> bool:
    """Whether `actual` is what was expected, whole."""
    return compare(actual, expected, leniency).whole


def said(value: Any) -> str:
    """A value, short."""
    if value is MISSING:
        return "missing"
    try:
        text = repr(value)
    except RecursionError:
        return "something nested too deeply"
    return text if len(text) <= SAID else text[: SAID - 3] + "..."


def _compare(actual: Any, expected: Any, leniency: Leniency, place: str) -> Agreement:
    if isinstance(expected, Mapping):
        matcher = _matcher(expected)
        if matcher:
            return _leaf(_MATCHERS[matcher](actual, expected, leniency), actual, place)
        return _tables(actual, expected, leniency, place)
    if isinstance(expected, list | tuple):
        return _lists(actual, expected, leniency, place)
    return _leaf(_same(actual, expected, leniency), actual, place)


def _leaf(right: bool, actual: Any, place: str) -> Agreement:
    if right:
        return Agreement(1, 1)
    return Agreement(0, 1, (f"{place or 'it'} is {said(actual)}, which is wrong",))


def _tables(actual: Any, expected: Mapping[str, Any], leniency: Leniency, place: str) -> Agreement:
    if not isinstance(actual, Mapping):
        return _nothing(actual, expected, "a table", place)
    parts = [
        _compare(actual.get(name, MISSING), inner, leniency, f"{place}.{name}".lstrip("."))
        for name, inner in expected.items()
    ]
    extra = [name for name in actual if name not in expected]
    parts += [Agreement(0, 1, (f"{place}.{name}".lstrip(".") + " is too much",)) for name in extra]
    return _sum(parts)


def _lists(actual: Any, expected: Sequence[Any], leniency: Leniency, place: str) -> Agreement:
    if not isinstance(actual, list | tuple):
        return _nothing(actual, expected, "a list", place)
    if leniency.any_order:
        return _in_any_order(actual, expected, leniency, place)
    padded = [*actual, *[MISSING] * (len(expected) - len(actual))]
    parts = [_compare(padded[i], inner, leniency, f"{place}[{i}]") for i, inner in enumerate(expected)]
    parts += [Agreement(0, 1, (f"{place}[{i}] is too much",)) for i in range(len(expected), len(actual))]
    return _sum(parts)


def _in_any_order(
    actual: Sequence[Any], expected: Sequence[Any], leniency: Leniency, place: str
) -> Agreement:
    found = pairing(len(expected), len(actual), lambda e, a: fits(actual[a], expected[e], leniency))
    missing, extra = len(expected) - len(found), max(len(actual) - len(expected), 0)
    what = (f"{place or 'the list'}: {missing} not found, {extra} too many",)
    return Agreement(len(found), len(expected) + extra, what if missing or extra else ())


def pairing(left: int, right: int, fit: Callable[[int, int], bool]) -> dict[int, int]:
    """The largest pairing of `left` things with `right` things that fit each other (augmenting paths)."""
    edges = [[r for r in range(right) if fit(one, r)] for one in range(left)]
    taken: dict[int, int] = {}

    def find(one: int, seen: set[int]) -> bool:
        for other in edges[one]:
            if other not in seen:
                seen.add(other)
                if other not in taken or find(taken[other], seen):
                    taken[other] = one
                    return True
        return False

    for one in range(left):
        find(one, set())
    return {one: other for other, one in taken.items()}


def _nothing(actual: Any, expected: Any, kind: str, place: str) -> Agreement:
    return Agreement(0, max(_leaves(expected), 1), (f"{place or 'it'} is {said(actual)}, not {kind}",))


def _leaves(expected: Any) -> int:
    if isinstance(expected, Mapping) and not _matcher(expected):
        return sum(map(_leaves, expected.values()))
    if isinstance(expected, list | tuple):
        return sum(map(_leaves, expected))
    return 1


def _sum(parts: Sequence[Agreement]) -> Agreement:
    words = tuple(word for part in parts for word in part.differences)
    return Agreement(sum(p.right for p in parts), sum(p.total for p in parts), words[:20])


def _same(actual: Any, expected: Any, leniency: Leniency) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None or actual is None:
        return actual is expected
    if isinstance(expected, int | float):
        return _near(actual, expected, leniency.absolute, leniency.relative)
    if isinstance(expected, str) and isinstance(actual, str) and leniency.ignore_case:
        return folded(actual) == folded(expected)
    return type(actual) is type(expected) and bool(actual == expected)


def folded(text: str) -> str:
    """A text in which case and spacing do not count."""
    return " ".join(text.casefold().split())


def _near(actual: Any, expected: float, absolute: float, relative: float) -> bool:
    if isinstance(actual, bool) or not isinstance(actual, int | float):
        return False
    try:
        return actual == expected or abs(actual - expected) <= max(absolute, relative * abs(expected))
    except OverflowError:  # an integer that no float can hold
        return False


def _matcher(expected: Mapping[str, Any]) -> str | None:
    return next((name for name in expected if name in _MATCHERS), None)


def _check_table(value: Mapping[str, Any], place: str) -> None:
    marked = [str(name) for name in value if str(name).startswith("$")]
    matcher = _matcher(value)
    if not marked:
        return
    known = {matcher, *(("$absolute", "$relative") if matcher == "$about" else ())}
    strange = [str(name) for name in value if name not in known]
    if matcher is None or strange:
        what = f"{place or 'it'} has {', '.join(strange or marked)}, which means nothing there"
        raise InputError(what, hint=f"known: {', '.join(_MATCHERS)}; with $about also $absolute, $relative")
    _check_matcher(matcher, value[matcher], place)


def _check_matcher(matcher: str, value: Any, place: str) -> None:
    if matcher == "$regex":
        checked(value)
    wanted = _TYPES.get(matcher, object)
    if not isinstance(value, wanted) or (matcher == "$about" and isinstance(value, bool)):
        raise InputError(f"{place or 'it'}: {matcher} cannot be {said(value)}")


def _about(actual: Any, expected: Mapping[str, Any], leniency: Leniency) -> bool:
    absolute = expected.get("$absolute", leniency.absolute)
    return _near(actual, expected["$about"], absolute, expected.get("$relative", leniency.relative))


def _contains(actual: Any, expected: Mapping[str, Any], leniency: Leniency) -> bool:
    part = expected["$contains"]
    if isinstance(actual, str):
        whole, text = (folded(actual), folded(part)) if leniency.ignore_case else (actual, part)
        return isinstance(part, str) and text in whole
    return isinstance(actual, list | tuple) and any(fits(one, part, leniency) for one in actual)


def _unordered(actual: Any, expected: Mapping[str, Any], leniency: Leniency) -> bool:
    wanted = expected["$unordered"]
    return isinstance(actual, list | tuple) and _in_any_order(actual, wanted, leniency, "").whole


_MATCHERS: Mapping[str, Callable[[Any, Mapping[str, Any], Leniency], bool]] = {
    "$about": _about,
    "$regex": lambda a, e, _: isinstance(a, str) and matches(e["$regex"], a, full=True),
    "$text": lambda a, e, _: isinstance(a, str) and folded(a) == folded(e["$text"]),
    "$one_of": lambda a, e, how: any(fits(a, one, how) for one in e["$one_of"]),
    "$all": lambda a, e, how: all(fits(a, one, how) for one in e["$all"]),
    "$not": lambda a, e, how: not fits(a, e["$not"], how),
    "$any": lambda a, e, _: (a is not MISSING) is e["$any"],
    "$absent": lambda a, e, _: (a is MISSING) is e["$absent"],
    "$contains": _contains,
    "$unordered": _unordered,
}
_TYPES: Mapping[str, Any] = {
    "$about": int | float,
    "$text": str,
    "$one_of": list | tuple,
    "$all": list | tuple,
    "$any": bool,
    "$absent": bool,
    "$unordered": list | tuple,
}
