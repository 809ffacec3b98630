"""`calls`: the right tools were called with the right arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from fieldmark.scorecards._attempt import Attempt, ToolCall
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, wrong
from fieldmark.scorecards.verifiers._match import check_expected, compare, fits, pairing, said
from fieldmark.scorecards.verifiers._structures import Lenient


class ExpectedCall(Settings):
    """One call."""

    name: str
    """The tool."""
    arguments: Mapping[str, Any] | None = None
    """What they have to be; None: anything. An argument that is not named here must not be there."""
    result: Any = None
    """What the tool gave, as text; None: anything."""
    times: Annotated[int, Field(ge=1)] = 1
    """So often."""


class CallsSettings(Lenient):
    """Settings of `calls`."""

    expected: Sequence[ExpectedCall] = ()
    """Calls that have to be made."""
    order: Literal["any", "given"] = "any"
    """`given`: in this order, others may stand between."""
    extra: bool | Sequence[str] = False
    """Whether calls that are not expected are allowed; a list allows those of these tools."""
    forbidden: Sequence[ExpectedCall] = ()
    """Calls that must not be made, not even refused ones."""
    refused: Literal["ignored", "extra"] = "ignored"
    """What a call is that the tool refused: as if it were not made, or a call too many."""
    defaults: Mapping[str, Mapping[str, Any]] = {}
    """Tool to arguments that may be left out with this meaning: `{ clock = { zone = "UTC" } }`."""


class Calls(Check):
    """`calls`: names and arguments. The score is the share of what was expected, less what was too much."""

    kind = "calls"
    Settings = CallsSettings
    settings: CallsSettings

    def read(self, settings: CallsSettings) -> None:
        """Take the settings over."""
        self.settings = settings
        if not settings.expected and not settings.forbidden and settings.extra is not False:
            raise wrong("expected", "nothing is expected and nothing forbidden", "at least one call")
        for call in (*settings.expected, *settings.forbidden):
            check_expected(call.arguments or {}, call.name)
            check_expected(call.result, call.name)
        self._expected = [call for call in settings.expected for _ in range(call.times)]

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Compare, in a thread: a pattern may take its time."""
        return await asyncio.to_thread(self.look, attempt)

    def look(self, attempt: Attempt) -> Verdict:
        """Compare."""
        made = [call for call in attempt.calls if not call.error]
        refused = [call for call in attempt.calls if call.error]
        found = self._in_order(made) if self.settings.order == "given" else self._in_any_order(made)
        taken = set(found.values())
        extra = [call for i, call in enumerate(made) if i not in taken and not self._allowed(call)]
        if self.settings.refused == "extra":
            extra += refused
        forbidden = [c for c in attempt.calls if any(self._is(c, f) for f in self.settings.forbidden)]
        words = self._words(made, found, extra, forbidden)
        total = len(self._expected) + len(extra)
        score = 0.0 if forbidden else (len(found) / total if total else 1.0)
        return Verdict.of(not words, "; ".join(words[:10]), score=score)

    def _in_any_order(self, made: Sequence[ToolCall]) -> dict[int, int]:
        return pairing(len(self._expected), len(made), lambda e, m: self._is(made[m], self._expected[e]))

    def _in_order(self, made: Sequence[ToolCall]) -> dict[int, int]:
        """Expected to made, as many as possible without a crossing (longest common subsequence)."""
        length = [[0] * (len(made) + 1) for _ in range(len(self._expected) + 1)]
        for e in reversed(range(len(self._expected))):
            for m in reversed(range(len(made))):
                skip = max(length[e + 1][m], length[e][m + 1])
                fit = self._is(made[m], self._expected[e])
                length[e][m] = max(skip, length[e + 1][m + 1] + 1) if fit else skip
        return self._walk(made, length)

    def _walk(self, made: Sequence[ToolCall], length: Sequence[Sequence[int]]) -> dict[int, int]:
        found: dict[int, int] = {}
        e = m = 0
        while e < len(self._expected) and m < len(made):
            if length[e][m] == length[e + 1][m + 1] + 1 and self._is(made[m], self._expected[e]):
                found[e] = m
                e, m = e + 1, m + 1
            elif length[e + 1][m] >= length[e][m + 1]:
                e += 1
            else:
                m += 1
        return found

    def _is(self, call: ToolCall, expected: ExpectedCall) -> bool:
        if call.name != expected.name:
            return False
        if expected.result is not None and not fits(call.result, expected.result, self.settings.leniency):
            return False
        if expected.arguments is None:
            return True
        return fits(self._filled(call), self._expected_arguments(expected), self.settings.leniency)

    def _filled(self, call: ToolCall) -> Mapping[str, Any]:
        return {**self.settings.defaults.get(call.name, {}), **call.arguments}

    def _expected_arguments(self, expected: ExpectedCall) -> Mapping[str, Any]:
        return {**self.settings.defaults.get(expected.name, {}), **(expected.arguments or {})}

    def _allowed(self, call: ToolCall) -> bool:
        extra = self.settings.extra
        return extra if isinstance(extra, bool) else call.name in extra

    def _words(
        self,
        made: Sequence[ToolCall],
        found: Mapping[int, int],
        extra: Sequence[ToolCall],
        forbidden: Sequence[ToolCall],
    ) -> list[str]:
        words = [f"{call.name} must not be called like that" for call in forbidden]
        taken = set(found.values())
        for number, expected in enumerate(self._expected):
            if number not in found:
                words.append(self._why([c for i, c in enumerate(made) if i not in taken], expected))
        words += [f"{call.name}({said(dict(call.arguments))}) is too much" for call in extra]
        return words

    def _why(self, rest: Sequence[ToolCall], expected: ExpectedCall) -> str:
        """What is wrong with the call that comes nearest."""
        named = [call for call in rest if call.name == expected.name]
        if not named:
            return f"{expected.name} was not called" + (" as expected" if expected.arguments else "")
        wanted, leniency = self._expected_arguments(expected), self.settings.leniency
        nearest = max(
            (compare(self._filled(call), wanted, leniency) for call in named), key=lambda a: a.share
        )
        return f"{expected.name}: " + (
            "; ".join(nearest.differences[:3]) or "not in that order, or its result"
        )
