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
from fieldmark.gateway._recorder import Case, Recorder
from fieldmark.ledger import Commitment

LOG = logging.getLogger(__name__)
MOST_WAITING = 50


@dataclass(frozen=True)
class _Job:
    case: Case
    served: Exchange
    answer: Commitment


class Shadows:
    """Asks a second contender about cases that were drawn for it."""

    def __init__(self, recorder: Recorder, roster: Roster, field: Field) -> None:
        self.field = field
        self.done = self.dropped = 0
        self._recorder = recorder
        self._roster = roster
        self._waiting: deque[_Job] = deque()
        self._running: set[asyncio.Task[None]] = set()

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
            task = asyncio.create_task(self._answer(self._waiting.popleft()))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self.dropped += 1
            known = isinstance(error, FieldmarkError)
            LOG.warning("a shadow battle could not be had: %s", error, exc_info=None if known else error)
        self._start()

    async def _answer(self, job: _Job) -> None:
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
