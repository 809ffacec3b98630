"""Checks of structured results: `json_schema` with expected values, and `state`."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, Subject, wrong
from fieldmark.scorecards.verifiers._match import MISSING, Agreement, Leniency, check_expected, compare, said
from fieldmark.scorecards.verifiers._subject import Missing, at, check_place, text_of, too_deep

_FENCE = re.compile(r"\s*```(?:json)?[ \t]*\n(.*)\n\s*```\s*", re.DOTALL)
_NONE = "\0none"


class Lenient(Settings):
    """What counts as equal."""

    absolute: Annotated[float, Field(ge=0)] = 0.0
    """Numbers may differ by this."""
    relative: Annotated[float, Field(ge=0)] = 0.0
    """Numbers may differ by this share of the right one."""
    ignore_case: bool = False
    """Texts in any case and spacing."""
    any_order: bool = False
    """Lists in any order."""

    @property
    def leniency(self) -> Leniency:
        """As a `Leniency`."""
        return Leniency(self.absolute, self.relative, self.ignore_case, self.any_order)


class JsonSettings(Subject, Lenient):
    """Settings of `json_schema`."""

    schema_: Annotated[bool | Mapping[str, Any] | str, Field(alias="schema")] = True
    """A JSON schema, or a file with one, that the answer has to fit."""
    expected: Any = _NONE
    """The right value; tables with `$about`, `$regex`, `$one_of` and so on stand for every value they describe."""
    expected_file: str = ""
    """A file of the task with the right value, in place of `expected`."""


class JsonSchema(Check):
    """`json_schema`: a text is JSON, fits a schema, and says what is expected. The score is the share that is right."""

    kind = "json_schema"
    Settings = JsonSettings
    settings: JsonSettings

    def read(self, settings: JsonSettings) -> None:
        """Take the settings over."""
        check_place(settings.of)
        self.settings = settings
        schema = settings.schema_
        self._schema = self._json(schema, "schema") if isinstance(schema, str) else schema
        if not isinstance(self._schema, Mapping | bool):
            raise wrong("schema", "'schema' is no JSON schema", "a table, or the name of a file with one")
        self._expected = settings.expected
        if settings.expected_file:
            self._expected = self._json(settings.expected_file, "expected_file")
        check_expected(self._expected)
        try:
            self._validator  # noqa: B018 (made here, so that a wrong schema is found with the set)
        except ValueError as error:
            raise wrong("schema", f"'schema' is no JSON schema: {error}"[:300], "JSON schema") from None
        if self._schema is True and self._expected == _NONE:
            raise wrong("schema", "neither 'schema' nor 'expected' is there", 'schema = "answer.schema.json"')

    def decides(self) -> Sequence[Path]:
        """The files that are named."""
        named = [self.settings.schema_, self.settings.expected_file]
        return [self.folder / name for name in named if isinstance(name, str) and name]

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Compare, in a thread: a pattern may take its time."""
        return await asyncio.to_thread(self.look, attempt)

    def look(self, attempt: Attempt) -> Verdict:
        """Read, check, compare."""
        try:
            value = read_json(text_of(attempt, self.settings.of))
        except Missing as missing:
            return Verdict.of(False, str(missing))
        except ValueError as error:
            return Verdict.of(False, f"it is not JSON: {error}")
        try:
            misfit = next(iter(self._validator.iter_errors(value)), None)
        except ValueError as error:  # half a surrogate pair, which JSON can spell and no text can hold
            return Verdict.of(False, f"it holds what is no text: {error}"[:200])
        agreement = self._agreement(value)
        if misfit is None and agreement.whole:
            return Verdict.of(True)
        words = list(agreement.differences)
        if misfit is not None:
            place = "".join(f"[{part!r}]" for part in misfit.instance_path)
            words.insert(0, f"the answer{place}: {misfit.message}"[:300])
        score = 0.0 if self._expected == _NONE else agreement.share * (0.5 if misfit is not None else 1)
        return Verdict.of(False, "; ".join(words[:10]), score=score)

    def _agreement(self, value: Any) -> Agreement:
        if self._expected == _NONE:
            return Agreement(1, 1)
        return compare(value, self._expected, self.settings.leniency)

    @cached_property
    def _validator(self) -> Any:
        import jsonschema_rs

        schema: Any = self._schema
        return jsonschema_rs.validator_for(schema)

    def _json(self, name: str, key: str) -> Any:
        try:
            return json.loads(self.text(name, key))
        except (ValueError, RecursionError) as error:
            raise wrong(key, f"'{name}' is not JSON: {error}", "JSON") from None


class StateSettings(Lenient):
    """Settings of `state`."""

    is_: Annotated[Any, Field(alias="is")] = _NONE
    """What the whole state has to be at the end."""
    at: Mapping[str, Any] = {}
    """Dotted place to what has to stand there: `{ "orders.17.status" = "refunded" }`."""


class State(Check):
    """`state`: what is so at the end is what should be. The score is the share that is right."""

    kind = "state"
    Settings = StateSettings
    settings: StateSettings

    def read(self, settings: StateSettings) -> None:
        """Take the settings over."""
        self.settings = settings
        if settings.is_ == _NONE and not settings.at:
            raise wrong("at", "neither 'is' nor 'at' is there", 'at = { "order.status" = "sent" }')
        check_expected(settings.is_)
        for place, value in settings.at.items():
            check_expected(value, place)

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Compare, in a thread: a pattern may take its time."""
        return await asyncio.to_thread(self.look, attempt)

    def look(self, attempt: Attempt) -> Verdict:
        """Compare."""
        parts: list[Agreement] = []
        if self.settings.is_ != _NONE:
            parts.append(compare(attempt.state, self.settings.is_, self.settings.leniency))
        for place, expected in self.settings.at.items():
            actual = _at(attempt.state, place)
            found = compare(actual, expected, self.settings.leniency)
            off = () if found.whole else (f"{place} is {said(actual)}",)
            parts.append(Agreement(found.right, found.total, off))
        right, total = sum(p.right for p in parts), sum(p.total for p in parts)
        words = tuple(word for part in parts for word in part.differences)
        agreement = Agreement(right, total, words)
        return Verdict.of(agreement.whole, "; ".join(words[:10]), score=agreement.share)


def read_json(text: str) -> Any:
    """JSON, also inside one fence. Raises ValueError, also for a key that stands twice, NaN, and too deep a value."""
    fenced = _FENCE.fullmatch(text)
    try:
        value = json.loads(
            fenced[1] if fenced else text,
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if too_deep(value):
        raise ValueError("it is nested too deeply")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key stands twice")
    return table


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _at(state: Any, place: str) -> Any:
    try:
        return at(state, place)
    except Missing:
        return MISSING
