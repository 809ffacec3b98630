"""Second answers to real cases, beside the way of the first: few at once, few waiting, the rest dropped and counted."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from fieldmark.errors import ContenderFailure, FieldmarkError
from fieldmark.fields import Field, Roster
from fieldmark.gateway._exchange import Exchange
from fieldmark.gateway._policy import draw_other
from fieldmark.gateway._recorder import Case, Recorder, erased
from fieldmark.ledger import Commitment, Ledger

LOG = logging.getLogger(__name__)
MOST_WAITING = 50


@dataclass(frozen=True)
class _Job:
    case: Case
    served: Exchange
    answer: Commitment


class Shadows:
    """Asks a second contender about cases that were drawn for it."""

    def __init__(self, ledger: Ledger, recorder: Recorder, roster: Roster, field: Field) -> None:
        self.field = field
        self.done = self.dropped = 0
        self._ledger = ledger
        self._recorder = recorder
        self._roster = roster
        self._waiting: deque[_Job] = deque()
        self._running: dict[asyncio.Task[None], str] = {}
        """By task, the id of the case that it answers."""

    @property
    def running(self) -> int:
        """Second answers being written now."""
        return len(self._running)

    def offer(self, case: Case, served: Exchange, answer: Commitment) -> None:
        """Have a case answered a second time, when there is room."""
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(_Job(case, served, answer))
        self._start()

    def forget(self, case: str) -> None:
        """Let go of a case whose texts were erased: it gets no second answer, and one that is being written ends."""
        self._waiting = deque(job for job in self._waiting if job.case.id != case)
        for task in [task for task, answered in self._running.items() if answered == case]:
            task.cancel()

    async def settled(self) -> None:
        """Return once no case waits for a second answer."""
        while self._running:
            await asyncio.wait(list(self._running))

    async def close(self) -> None:
        """Give up what is being written, and what waits."""
        self.dropped += len(self._waiting) + len(self._running)
        self._waiting.clear()
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self) -> None:
        while self._waiting and len(self._running) < self.field.gateway.max_shadows_at_once:
            job = self._waiting.popleft()
            task = asyncio.create_task(self._answer(job))
            self._running[task] = job.case.id
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.dropped += 1
            known = isinstance(error, FieldmarkError)
            LOG.warning("a shadow battle could not be had: %s", error, exc_info=None if known else error)
        self._start()

    async def _answer(self, job: _Job) -> None:
        if await erased(self._ledger, job.case):
            return
        drawn = draw_other(self.field, self._roster, job.served.member)
        if drawn is None:
            self.dropped += 1
            return
        member, propensity = drawn
        shadow = Exchange(job.served.request, [member])
        try:
            async for _ in shadow.chunks():
                pass
        except ContenderFailure:
            pass  # it stands in the reply
        await self._recorder.keep_shadow(job.case, job.served, job.answer, shadow, propensity)
        self.done += 1
