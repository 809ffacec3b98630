"""Ways through the tasks: the right one, short cuts, honest mistakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fieldmark.scorecards import Solution, Stage

from ._reading import WEEKDAYS
from ._scene import ClockScene, read_clock
from .questions import Question, Right, Words

GUESS = datetime(2025, 6, 11, 12, 37, tzinfo=UTC)
SHIFTS = [timedelta(hours=h) for h in (1, 2, 5, 8, 12, 24, 24 * 8, 24 * 30, 24 * 100, 24 * 170, 24 * 210)]
MANY = {
    "time": [f"{h:02}:{m:02}" for h in range(24) for m in range(60)],
    "weekday": list(WEEKDAYS),
    "date": [f"{y}-{m:02}-{d:02}" for y in (2025, 2026) for m in range(1, 13) for d in range(1, 32)],
    "number": [str(n) for n in range(3000)],
    "offset": ["-03:00", "-04:00"],
    "yes": ["yes", "no"],
    "open": ["open", "closed"],
    "shift": ["early", "late", "night"],
    "who": ["Joaquim", "Mei", "Farah", "nobody"],
}


def solutions(question: Question) -> tuple[Solution, dict[str, Solution], dict[str, Solution]]:
    """Oracle, cheats, wrong ones."""
    play = _Plays(question)
    cheats = {
        "knows-without-asking": Solution(play=play.knows),
        "names-everything": Solution(play=play.many),
    }
    wrong = {"does-not-know": Solution(answer="I am a language model and cannot know the time.")}
    wrong |= {name: Solution(play=play.slips(slip)) for name, slip in question.slips.items()}
    if question.zones:
        wrong |= {
            "guesses": Solution(play=play.guesses),
            "off": Solution(play=play.off),
            "other-zone": Solution(play=play.other_zone),
            "right-by-the-wrong-zone": Solution(play=play.by_other_zone),
            "only-calls": Solution(play=play.only_calls),
        }
    if len(question.zones) > 1:
        wrong["one-zone-only"] = Solution(play=play.one_zone)
    if question.meant:
        cheats["does-not-ask-which"] = Solution(play=play.does_not_ask)
    return Solution(play=play.right), cheats, wrong


class _Plays:
    def __init__(self, question: Question) -> None:
        self.question = question

    async def right(self, stage: Stage) -> str:
        await self._ask_back(stage)
        given = [await stage.call("clock", {"zone": group[0]}) for group in self.question.zones]
        scene = _scene(stage)
        if given and scene.variant is None:
            assert read_clock(given[0].result) == scene.now.replace(second=0)
        return _said(self._right(scene, scene.now))

    async def knows(self, stage: Stage) -> str:
        await self._ask_back(stage)
        if not self.question.zones:  # there the short cut is to call, so as to look busy
            await stage.call("clock", {"zone": "UTC"})
        scene = _scene(stage)
        return _said(self._right(scene, scene.now))

    async def many(self, stage: Stage) -> str:
        await self._ask_back(stage)
        await self._call_all(stage)
        scene = _scene(stage)
        return _said({kind: MANY[kind] for kind in self._right(scene, scene.now)})

    async def guesses(self, stage: Stage) -> str:
        scene = _scene(stage)
        return _said(self._other(scene, GUESS))

    async def off(self, stage: Stage) -> str:
        await self._ask_back(stage)
        await self._call_all(stage)
        scene = _scene(stage)
        return _said(self._other(scene, scene.now + SHIFTS[0]))

    async def other_zone(self, stage: Stage) -> str:
        await self._ask_back(stage)
        await stage.call("clock", {"zone": self.question.alike})
        scene = _scene(stage)
        return _said(self._other(scene, scene.now + SHIFTS[1]))

    async def by_other_zone(self, stage: Stage) -> str:
        await self._ask_back(stage)
        await stage.call("clock", {"zone": self.question.alike})
        scene = _scene(stage)
        return _said(self._right(scene, scene.now))

    async def only_calls(self, stage: Stage) -> str:
        await self._ask_back(stage)
        await self._call_all(stage)
        return "I have looked at the clock."

    def slips(self, slip: Callable[[Words], Right]) -> Callable[[Stage], Awaitable[str]]:
        async def play(stage: Stage) -> str:
            return _said(slip(_scene(stage).words))

        return play

    async def one_zone(self, stage: Stage) -> str:
        await stage.call("clock", {"zone": self.question.zones[0][0]})
        scene = _scene(stage)
        return _said(self._right(scene, scene.now))

    async def does_not_ask(self, stage: Stage) -> str:
        await self._call_all(stage)
        scene = _scene(stage)
        return _said(self._right(scene, scene.now))

    async def _ask_back(self, stage: Stage) -> None:
        if self.question.meant:
            await stage.say("Which Portland do you mean, the one in Oregon or the one in Maine?")

    async def _call_all(self, stage: Stage) -> None:
        for group in self.question.zones:
            await stage.call("clock", {"zone": group[0]})

    def _right(self, scene: ClockScene, now: datetime) -> Right:
        return self.question.right(now, scene.words)

    def _other(self, scene: ClockScene, now: datetime) -> Right:
        """What would be right at `now`, or at a moment near it: in any case something wrong."""
        right = self._right(scene, scene.now)
        for shift in (timedelta(), *SHIFTS):
            if self._right(scene, now + shift) != right:
                return self._right(scene, now + shift)
        return {
            kind: [str(int(values[0]) + 1)] for kind, values in right.items()
        }  # Denver is nearly always 7 h behind


def _scene(stage: Stage) -> ClockScene:
    assert isinstance(stage.scene, ClockScene)
    return stage.scene


def _said(values: Mapping[str, Any]) -> str:
    return "Answer: " + ", ".join(value for group in values.values() for value in group)
