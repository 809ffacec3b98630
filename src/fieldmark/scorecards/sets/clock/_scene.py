"""A trial with a clock that stands still at a moment drawn from the trial's seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field

from fieldmark.scorecards import Scene, Task, Tool, ToolRefusal, Variant

from .questions import Question

IN_WORDS = "clock-in-words"
"""Variant in which the clock answers in words."""

_ZONE = re.compile(r"(?!posix|right|localtime|Factory)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")


class ClockScene(Scene):
    """One trial."""

    def __init__(self, task: Task, variant: Variant | None, seed: int, question: Question) -> None:
        super().__init__(task, variant, seed)
        rng = Random(f"{task.id}|{seed}")
        self.question = question
        self.now = question.moment(rng)
        self.words = question.words(self.now, rng)
        self.asked_back = not question.meant
        self._called = False
        self._clock = (Tool.of(self._make_clock()),)

    @property
    def tools(self) -> Sequence[Tool]:
        return self._clock

    async def begin(self) -> str:
        return (await super().begin()).format(**self.words)

    async def hear(self, text: str) -> str | None:
        if self.asked_back or self._called or "?" not in text:
            return None
        self.asked_back = True
        return self.question.meant

    def state(self) -> Any:
        return {
            "now": self.now.isoformat(),
            "right": {
                kind: list(values) for kind, values in self.question.right(self.now, self.words).items()
            },
            "asked_back": self.asked_back,
        }

    def _make_clock(self) -> Callable[..., Any]:
        in_words = self.variant is not None and self.variant.id == IN_WORDS

        def clock(
            zone: Annotated[
                str, Field(description="zone of the IANA time zone database, such as Asia/Tokyo")
            ],
        ) -> Any:
            """Local date and time in a zone, now."""
            local = self.now.astimezone(known(zone))
            self._called = True
            offset = f"{local:%z}"
            offset = f"{offset[:3]}:{offset[3:5]}"
            if in_words:
                return f"{local:%A}, {local.day} {local:%B %Y, %I:%M %p}, UTC{offset}"
            return {"zone": zone, "time": f"{local:%Y-%m-%dT%H:%M}{offset}", "weekday": f"{local:%A}"}

        return clock


def known(zone: str) -> ZoneInfo:
    """The zone of that name. Raises ToolRefusal."""
    if _ZONE.fullmatch(zone):
        try:
            return ZoneInfo(zone)
        except (OSError, ValueError, KeyError):
            pass
    raise ToolRefusal(
        f"the IANA time zone database has no zone '{zone[:60]}'; zones look like Asia/Tokyo or UTC"
    )


def read_clock(text: str) -> datetime:
    """The moment in what the clock gave (not in words)."""
    found = re.search(r'"time": "([^"]+)"', text)
    assert found, text
    return datetime.fromisoformat(found[1]).astimezone(UTC)
