"""Checks of one text: `exact`, `number`, `regex`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import Field

from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Subject, wrong
from fieldmark.scorecards.verifiers._match import folded, said
from fieldmark.scorecards.verifiers._patterns import checked, matches
from fieldmark.scorecards.verifiers._subject import Missing, check_place, text_of

_NUMBER = re.compile(
    r"(?<![\w.,])[-+\u2212]?"
    r"(?:\d{1,3}(?:[,\u00a0\u202f']\d{3})+(?!\d)|\d+)?"  # whole part, thousands set apart or not
    r"(?:(?<=\d)\.\d+|(?<!\d)\.\d+)?"
    r"(?:(?<=\d)[eE][-+]?\d{1,4}(?!\w))?"
    r"(?!\d|[.,]\d)"  # `2,5` and `3.14.15` are no numbers that everybody reads alike
)


class ExactSettings(Subject):
    """Settings of `exact`."""

    equals: str | Sequence[str]
    """The right text, or several of which each is right."""
    ignore_case: bool = False
    """Upper and lower case are the same, and so is any spacing."""
    strip: bool = True
    """Spaces and line ends around the text do not count."""


class Exact(Check):
    """`exact`: a text is the right one."""

    kind = "exact"
    Settings = ExactSettings
    settings: ExactSettings

    def read(self, settings: ExactSettings) -> None:
        """Take the settings over."""
        check_place(settings.of)
        self.settings = settings
        right = [settings.equals] if isinstance(settings.equals, str) else settings.equals
        if not right:
            raise wrong("equals", "'equals' names no text", "at least one")
        self._right = {self._plain(text) for text in right}

    def look(self, attempt: Attempt) -> Verdict:
        """Compare."""
        try:
            text = text_of(attempt, self.settings.of)
        except Missing as missing:
            return Verdict.of(False, str(missing))
        right = self._plain(text) in self._right
        return Verdict.of(right, "" if right else f"{self.settings.of}: {said(text)} is not right")

    def _plain(self, text: str) -> str:
        text = text.strip() if self.settings.strip else text
        return folded(text) if self.settings.ignore_case else text


class NumberSettings(Subject):
    """Settings of `number`."""

    equals: float
    """The right number, in the first of the `units` if there are any."""
    absolute: Annotated[float, Field(ge=0)] = 0.0
    """It may differ by this."""
    relative: Annotated[float, Field(ge=0)] = 0.0
    """It may differ by this share of the right one."""
    units: Mapping[str, float] = {}
    """Unit to how many of the first unit it is: `{ km = 1, m = 0.001 }`. With units, only numbers with one count."""
    take: Literal["every", "first", "last"] = "every"
    """Which numbers of the text are looked at; every one has to be right, so naming many numbers does not pass."""


class Number(Check):
    """`number`: a number in a text is right, within a tolerance and in any of the units."""

    kind = "number"
    Settings = NumberSettings
    settings: NumberSettings

    def read(self, settings: NumberSettings) -> None:
        """Take the settings over."""
        check_place(settings.of)
        self.settings = settings
        units = sorted(settings.units, key=len, reverse=True)
        if any(not unit.strip() or factor <= 0 for unit, factor in settings.units.items()):
            raise wrong("units", "a unit is blank, or not more than 0 of the first", "{ km = 1, m = 0.001 }")
        any_unit = "|".join(map(re.escape, units))
        self._after = re.compile(rf"\s{{0,3}}({any_unit})(?!\w)") if units else None
        self._before = re.compile(rf"(?<!\w)({any_unit})\s{{0,3}}$") if units else None

    def look(self, attempt: Attempt) -> Verdict:
        """Find the numbers and compare."""
        try:
            text = text_of(attempt, self.settings.of)
        except Missing as missing:
            return Verdict.of(False, str(missing))
        found = self._found(text)
        if not found:
            units = " with a unit of " + ", ".join(self.settings.units) if self.settings.units else ""
            return Verdict.of(False, f"{self.settings.of} has no number{units}")
        taken = {"every": found, "first": found[:1], "last": found[-1:]}[self.settings.take]
        off = [shown for shown, value in taken if not self._near(value)]
        return Verdict.of(not off, f"{', '.join(off[:5])}: not right" if off else "")

    def _found(self, text: str) -> list[tuple[str, Decimal]]:
        found: list[tuple[str, Decimal]] = []
        for match in _NUMBER.finditer(text):
            factor = self._factor(text, match)
            if factor is not None and any(c.isdigit() for c in match[0]):
                found.append((match[0], _decimal(match[0]) * factor))
        return found

    def _factor(self, text: str, match: re.Match[str]) -> Decimal | None:
        if self._after is None or self._before is None:
            return Decimal(1)
        unit = self._after.match(text, match.end()) or self._before.search(text[: match.start()][-40:])
        return Decimal(str(self.settings.units[unit[1]])) if unit else None

    def _near(self, value: Decimal) -> bool:
        right = Decimal(str(self.settings.equals))
        allowed = max(Decimal(str(self.settings.absolute)), Decimal(str(self.settings.relative)) * abs(right))
        return value.is_finite() and abs(value - right) <= allowed


class RegexSettings(Subject):
    """Settings of `regex`."""

    pattern: str = ""
    """What the text has to match, in Python's syntax."""
    patterns: Sequence[str] = ()
    """Several: each has to."""
    forbidden: Sequence[str] = ()
    """None of these may be found."""
    full: bool = False
    """The whole text has to match, not only a part of it."""


class Regex(Check):
    """`regex`: a text matches patterns, and has nothing that is forbidden."""

    kind = "regex"
    Settings = RegexSettings
    settings: RegexSettings

    def read(self, settings: RegexSettings) -> None:
        """Take the settings over."""
        check_place(settings.of)
        self.settings = settings
        self._wanted = [*([settings.pattern] if settings.pattern else []), *settings.patterns]
        if not self._wanted and not settings.forbidden:
            raise wrong("pattern", "'pattern' is missing", 'pattern = "..."')
        for pattern in (*self._wanted, *settings.forbidden):
            checked(pattern)

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Search, in a thread: a pattern may take its time."""
        return await asyncio.to_thread(self.look, attempt)

    def look(self, attempt: Attempt) -> Verdict:
        """Search."""
        try:
            text = text_of(attempt, self.settings.of).strip()
        except Missing as missing:
            return Verdict.of(False, str(missing))
        found = [matches(p, text, full=self.settings.full) for p in self._wanted]
        found += [not matches(p, text) for p in self.settings.forbidden]
        words = "" if all(found) else f"{self.settings.of}: {said(text)} does not match"
        return Verdict.of(all(found), words, score=sum(found) / len(found))


def _decimal(text: str) -> Decimal:
    plain = re.sub(r"[,\u00a0\u202f']", "", text).replace("\u2212", "-")
    try:
        return Decimal(plain)
    except InvalidOperation:
        return Decimal("NaN")
