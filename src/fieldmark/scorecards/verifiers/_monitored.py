"""`monitor`: a monitor of live cases judges a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from fieldmark.errors import InputError, NotFound
from fieldmark.fields import nearest
from fieldmark.monitors import MONITORS, CaseFacts, MonitorProcess, fingerprint
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, wrong


class MonitorSettings(Settings):
    """Settings of `monitor`."""

    monitor: str
    """Kind of the monitor: `citation`, `forbidden`, `json_schema`, `python`, or one that a plug-in adds."""
    settings: Mapping[str, Any] = {}
    """Its own settings."""
    seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Time it may take; afterwards the trial is void."""


class _Wanted:
    def __init__(self, settings: MonitorSettings) -> None:
        self.kind, self.settings, self.seconds = settings.monitor, settings.settings, settings.seconds


class Monitored(Check):
    """`monitor`: it runs in a process of its own, as it does beside live answers."""

    kind = "monitor"
    Settings = MonitorSettings
    settings: MonitorSettings

    def read(self, settings: MonitorSettings) -> None:
        """Take the settings over, and let the monitor check its own."""
        self.settings = settings
        try:
            MONITORS.get(settings.monitor)(settings.settings, self.folder)
        except NotFound:
            right = nearest(settings.monitor, MONITORS.names())
            raise wrong("monitor", f"no kind of monitor is called '{settings.monitor}'", right) from None
        except InputError as error:
            raise wrong("settings", error.message, error.hint) from None
        self.given = {**self.given, "version": fingerprint(settings.monitor, settings.settings, self.folder)}

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Run it once."""
        process = MonitorProcess()
        try:
            report = await process.run(_Wanted(self.settings), self.folder, _facts(attempt))
        finally:
            await process.close()
        if report.error is not None or report.passed is None:
            return Verdict.nothing("verifier", f"the monitor failed: {report.error}")
        return Verdict.of(report.passed, report.explanation, score=report.score)


def _facts(attempt: Attempt) -> CaseFacts:
    """A trial, as a monitor is shown a case."""
    asked = [m for m in attempt.messages if m.get("role") != "assistant"]
    calls = [
        {"type": "function", "function": {"name": c.name, "arguments": dict(c.arguments)}}
        for c in attempt.calls
    ]
    return CaseFacts(messages=asked, answer=attempt.answer, tool_calls=calls)
