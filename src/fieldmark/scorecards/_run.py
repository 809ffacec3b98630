"""A run under way: workers that take what has no verdict yet, and what makes them stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from fieldmark.errors import Conflict, LedgerError
from fieldmark.ledger.evidence import RunEnded
from fieldmark.scorecards._entrants import Entrant
from fieldmark.scorecards._ground import Ground, play_planned
from fieldmark.scorecards._pace import Pace
from fieldmark.scorecards._plan import ATTEMPTS
from fieldmark.scorecards._records import end_run, written
from fieldmark.scorecards._stopping import Precision
from fieldmark.scorecards._trial import TrialKey

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 10.0
"""How often it is looked whether contenders and set are what they were."""
REFRESH_SECONDS = 2.0
"""How often it is looked what contenders have cost in other processes."""

Reason = Literal["complete", "precise", "cancelled", "contender_changed", "failed"]


@dataclass
class Stop:
    """Why a run is over, or pauses."""

    reason: Reason | None
    """None: it pauses and can be continued."""
    detail: str = ""


async def _unchanged(_: Ground) -> str:
    return ""


async def fresh() -> None:
    """Nobody else spends anything."""


@dataclass
class Run:
    """The work at one run in this process. `go` once."""

    ground: Ground
    workers: int
    look: Callable[[Ground], Awaitable[str]] = _unchanged
    """Why set or contenders are no longer what they were when the run began; empty while they are. Raises Conflict when
    they cannot be read now."""
    refresh: Callable[[], Awaitable[None]] = fresh
    """Has contenders know what they have cost in other processes, and may cost."""
    changed: Callable[[], None] = lambda: None
    pace: Callable[[str], Pace] = Pace
    look_seconds: float = LOOK_SECONDS
    doing: dict[TrialKey, str] = field(default_factory=dict)
    done: int = 0
    """Trials with a pass or a fail, of earlier sittings too."""
    void: int = 0
    stop: Stop | None = None
    """Set once it is known why it stops."""
    paces: dict[str, Pace] = field(default_factory=dict)
    _tried: Counter[TrialKey] = field(default_factory=Counter)
    _passed: dict[TrialKey, bool] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _precision: Precision | None = None

    @property
    def planned(self) -> int:
        """Trials of the plan."""
        return self.ground.started.planned

    async def go(self) -> Stop:
        """Work until nothing is left, or something makes it stop; writes down that it is over when it is."""
        try:
            await asyncio.to_thread(self._remember)
            changed = await self._look()
            if changed and self.stop is None:
                self.stop = Stop("contender_changed", changed)
            stop = self.stop or await self._work()
            stop = await self._last_look(stop)
            if stop.reason is not None:
                end = RunEnded(reason=stop.reason, detail=stop.detail)
                await self.ground.ledger.awrite(lambda now: end_run(now, self.ground.run, end))
        except LedgerError as error:
            stop = Stop(None, " ".join(filter(None, (error.message, error.hint))))
        self.stop = stop
        self.changed()
        return stop

    def note(self, words: str) -> None:
        """Say what is done before the first trial; empty: nothing any more."""
        key = TrialKey(self.ground.run, "", "", "", 0)
        self.doing.pop(key, None)
        if words:
            self.doing[key] = words
        self.changed()

    def cancel(self, reason: Reason | None = "cancelled", detail: str = "") -> None:
        """Stop now: what is being tried is given up, what has its verdict stays. None: it only pauses."""
        if self.stop is None:
            self.stop = Stop(reason, detail)
        self._stopping.set()

    async def unless_stopped(self, work: Awaitable[str]) -> str:
        """What comes of work before the first trial; given up, and empty, as soon as the run is stopped."""
        working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            return await working if self.stop is None else ""
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    def _remember(self) -> None:
        with self.ground.ledger.read() as snapshot:
            for key, passed in written(snapshot, self.ground.run):
                self._take(key, passed)
        if self.ground.started.until is not None:
            self._precision = Precision(self.ground.plan, self.ground.started)
            self._precision.begin(self._passed, self._is_over)

    def _take(self, key: TrialKey, passed: bool | None) -> None:
        trial = plain(key)
        self._tried[trial] += 1
        if passed is None:
            self.void += 1
        elif trial not in self._passed:
            self._passed[trial] = passed
            self.done += 1

    def _is_over(self, key: TrialKey) -> bool:
        return key in self._passed or self._tried[key] >= ATTEMPTS

    async def _work(self) -> Stop:
        if self._precision is not None and self._precision.enough():  # earlier sittings did it
            return self._ending()
        room = asyncio.Semaphore(self.workers)
        everybody = (self._contender(each, room) for each in self.ground.entrants.values())
        working: asyncio.Future[Any] = asyncio.ensure_future(asyncio.gather(*everybody))
        watching = self._watch(), self._stopping.wait()
        others: list[asyncio.Future[Any]] = [asyncio.ensure_future(each) for each in watching]
        try:
            await asyncio.wait([working, *others], return_when=asyncio.FIRST_COMPLETED)
            for each in (working, *others):
                if self.stop is None and each.done():
                    await each  # raises what a worker or the watch raised: nobody may take that for the end
        finally:
            for task in (working, *others):
                task.cancel()
            await asyncio.gather(working, *others, return_exceptions=True)
        return self.stop or self._ending()

    def _ending(self) -> Stop:
        if self._precision is not None and self._precision.enough():
            return Stop("precise", self._precision.said())
        given_up = [pace.given_up for pace in self.paces.values() if pace.given_up]
        if given_up:
            return Stop(None, "; ".join(given_up))
        stays = sum(n >= ATTEMPTS and key not in self._passed for key, n in self._tried.items())
        return Stop("complete", f"{stays} trials stay void after {ATTEMPTS} attempts each" if stays else "")

    async def _contender(self, entrant: Entrant, room: asyncio.Semaphore) -> None:
        pace = self.paces[entrant.digest] = self.pace(entrant.name)
        left = (key for key in self.ground.plan.of(entrant.digest) if not self._is_over(key))
        hands = min(entrant.at_once or self.workers, self.workers)
        async with asyncio.TaskGroup() as group:
            for _ in range(hands):
                group.create_task(self._hand(left, pace, room))

    async def _hand(self, left: Iterable[TrialKey], pace: Pace, room: asyncio.Semaphore) -> None:
        for key in left:
            while not self._is_over(key):
                lock = await pace.turn()
                try:
                    if pace.given_up or self._stopping.is_set():
                        return
                    async with room:
                        if await self._try(key, pace):
                            return
                except (
                    LedgerError
                ) as error:  # nothing was acknowledged; nobody goes on until it can be written
                    self.cancel(None, " ".join(filter(None, (error.message, error.hint))))
                    return
                finally:
                    if lock is not None:
                        lock.release()

    async def _try(self, key: TrialKey, pace: Pace) -> bool:
        """One attempt. Whether the run is over for this hand."""
        self.doing[key] = self._said(key)
        try:
            outcome = await play_planned(self.ground, key, pace=pace)
        finally:
            self.doing.pop(key, None)
        if outcome in {"pass", "fail", "void"}:
            self._take(key, None if outcome == "void" else outcome == "pass")
            self.changed()
        elif outcome == "known":  # somebody else did it: what came of it is in the ledger
            await asyncio.to_thread(self._catch_up, key)
        elif outcome == "over":
            self.cancel(None, "the run was ended elsewhere")
        if self._precision is not None and self._precision.heard(key, self._passed, self._is_over):
            self.stop = self.stop or Stop("precise", self._precision.said())
            self._stopping.set()
        return outcome == "over"

    def _catch_up(self, key: TrialKey) -> None:
        with self.ground.ledger.read() as snapshot:
            found = [(k, passed) for k, passed in written(snapshot, key.run) if plain(k) == plain(key)]
        for _, passed in found[self._tried[plain(key)] :]:
            self._take(key, passed)
        if not self._is_over(plain(key)):  # nothing more can be done about it
            self._tried[plain(key)] = ATTEMPTS

    def _said(self, key: TrialKey) -> str:
        task = self.ground.task_set.task(key.task)
        what = "a sealed task" if task.sealed else (task.title or task.id)
        wording = f", wording {key.variant}" if key.variant else ""
        return f"{self.ground.entrants[key.contender].name}: {what}{wording}, trial {key.trial}"

    async def _watch(self) -> None:
        looked = time.monotonic()
        while True:
            await asyncio.sleep(min(REFRESH_SECONDS, self.look_seconds))
            await self.refresh()
            if time.monotonic() - looked < self.look_seconds:
                continue
            if changed := await self._look():
                self.stop = self.stop or Stop("contender_changed", changed)
                return
            looked = time.monotonic()

    async def _look(self) -> str:
        try:
            return await self.look(self.ground)
        except Conflict as error:
            return error.message

    async def _last_look(self, stop: Stop) -> Stop:
        if stop.reason in {"complete", "precise"} and (changed := await self._look()):
            return Stop("contender_changed", changed)
        return stop


def plain(key: TrialKey) -> TrialKey:
    """The trial, whichever attempt at it the key names."""
    return key if key.attempt == 1 else TrialKey(key.run, key.task, key.variant, key.contender, key.trial)
