"""A person who takes a task: acts come from elsewhere, one at a time, while the trial waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fieldmark.errors import Conflict, FieldmarkError, SandboxError
from fieldmark.scorecards._stage import BudgetSpent, ScriptFault, Stage
from fieldmark.scorecards.agents._base import GaveUp


@dataclass(frozen=True)
class Acted:
    """What came of an act."""

    result: str
    """What the tool gave, or what was answered."""
    error: bool = False
    over: bool = False
    """It was the last act."""


Act = Callable[[Stage], Awaitable[Acted]]
"""Something a person does on the stage. What it raises goes to whoever did it; GaveUp ends the attempt."""


class PersonAgent:
    """Waits for acts until one ends the attempt. One object takes one task."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        """Set once the task was told."""
        self.told = asyncio.Event()
        """Set then, or when it never will be."""
        self._acts: asyncio.Queue[tuple[Act, asyncio.Future[Acted]]] = asyncio.Queue()
        self._over = False

    async def take(self, stage: Stage) -> None:
        """Do what comes."""
        self.stage = stage
        self.told.set()
        try:
            while not await self._next(stage):
                pass
        finally:
            self.close()

    async def _next(self, stage: Stage) -> bool:
        act, done = await self._acts.get()
        try:
            acted = await act(stage)
        except (GaveUp, SandboxError, ScriptFault, BudgetSpent):
            _settle(done, Acted("", over=True))
            raise
        except FieldmarkError as error:
            if not done.done():
                done.set_exception(error)
            return False
        except BaseException:
            _settle(done, Acted("", error=True, over=True))
            raise
        stage.step()
        _settle(done, acted)
        return acted.over

    async def act(self, act: Act) -> Acted:
        """Do something and wait for what comes of it.

        Raises:
            Conflict: the attempt is over.
            FieldmarkError: what the act raised.
        """
        if self._over:
            raise over()
        done: asyncio.Future[Acted] = asyncio.get_running_loop().create_future()
        self._acts.put_nowait((act, done))
        return await done

    def close(self) -> None:
        """Nothing more can be done."""
        self._over = True
        self.told.set()
        while not self._acts.empty():
            done = self._acts.get_nowait()[1]
            if not done.done():
                done.set_exception(over())


def over() -> Conflict:
    """What is said to whoever acts too late."""
    return Conflict("this attempt is over", code="attempt_over", hint="its time was up, or it was ended")


def _settle(done: asyncio.Future[Acted], acted: Acted) -> None:
    if not done.done():  # whoever waited may have gone
        done.set_result(acted)
