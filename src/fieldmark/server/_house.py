"""A field as it is served: its ledger, contenders and arena, kept equal to its folder while people work in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fieldmark.arena import Arena, spent
from fieldmark.errors import ContenderError, FieldmarkError, LedgerError
from fieldmark.fields import Field, FieldWatch, Roster, open_ledger
from fieldmark.ledger import Ledger
from fieldmark.server._jobs import Jobs
from fieldmark.server._sessions import Sessions
from fieldmark.server._shared import PastCards, Places, Shared
from fieldmark.server._state import cookie_secret, only_server

LOG = logging.getLogger(__name__)
POLL_SECONDS = 1.0
"""How often the field folder is looked at."""
EXPIRY_SECONDS = 600.0
"""How often rounds that nobody came back to are closed."""
STREAMS = 200
"""Most event streams at once."""


class House:
    """Everything one server process holds. `open` and `close` belong to the application's lifespan."""

    def __init__(self, watch: FieldWatch, ledger: Ledger, secret: str, held: ExitStack) -> None:
        self.watch = watch
        self.ledger = ledger
        self.roster = Roster(ledger)
        self.arena = Arena(ledger, self.roster, watch.current)
        self.sessions = Sessions(ledger, secret)
        self.jobs = Jobs()
        self.changed = Bell()
        self.news = Shared[BaseModel]()
        self.past_cards = PastCards()
        self.streams = Places(STREAMS)
        self.stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._syncing = asyncio.Lock()
        self._held = held

    @property
    def field(self) -> Field:
        """The field as last read without a problem."""
        return self.watch.current

    @classmethod
    async def open(cls, folder: Path, address: str = "") -> House:
        """Serve the field in `folder`; `address` is told to whoever tries to serve it too.

        Raises:
            FieldError: the folder is wrong.
            LedgerError: its ledger cannot be opened.
            ServeError: another server has the field.
        """
        watch = FieldWatch(folder)
        state = watch.current.state
        with ExitStack() as opened:
            opened.enter_context(only_server(state, address))
            secret = cookie_secret(state / "cookie.key")
            ledger = opened.enter_context(await asyncio.to_thread(open_ledger, watch.current))
            house = cls(watch, ledger, secret, opened.pop_all())
        try:
            await house.sync()
            interrupted = await house.arena.recover()
        except BaseException:
            await house.close()
            raise
        if interrupted:
            LOG.warning("%d answers were being written when the server went down", interrupted)
        house._start(house._follow_folder())
        house._start(house._expire())
        house._start(house._warm())
        return house

    async def sync(self) -> None:
        """Make contenders and rules those of the folder."""
        async with self._syncing:
            self.arena.field = self.field
            await self.roster.sync(self.field)
            costs = await asyncio.to_thread(self._spent)
            for member in self.roster.members:
                member.spent = max(member.spent, costs.get(member.digest, 0.0))
        self.changed.ring()

    def _spent(self) -> dict[str, float]:
        with self.ledger.read() as snapshot:
            return spent(snapshot)

    async def refresh(self) -> None:
        """Read the folder now instead of at the next look, and make contenders and rules those of it."""
        await asyncio.to_thread(self.watch.poll)
        await self._sync_and_warm()

    async def _sync_and_warm(self) -> None:
        await self.sync()
        self._start(self._warm())

    async def close(self) -> None:
        """Stop everything; what was received is kept."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with AsyncExitStack() as last:  # from the last line up, each whatever the others raise
            last.push_async_callback(asyncio.to_thread, self._held.close)
            last.push_async_callback(self.roster.close)
            last.push_async_callback(self._close_arena)
            last.push_async_callback(self.jobs.close)

    async def _close_arena(self) -> None:
        try:
            await self.arena.close()
        except LedgerError as error:
            LOG.error("what was being written could not be kept: %s", error.message)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("background work ended", exc_info=task.exception())

    async def _follow_folder(self) -> None:
        stale = False
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                stale = await asyncio.to_thread(self.watch.poll) or stale
                stale = stale or await asyncio.to_thread(self.roster.arrived)
                if stale:
                    await self._sync_and_warm()
                    stale = False
            except Exception as error:  # whatever it was, the next look may go well
                LOG.warning("the field folder could not be followed: %s", error, exc_info=not _known(error))

    async def _expire(self) -> None:
        while True:
            try:
                await self.arena.expire()
            except Exception as error:
                LOG.warning("old rounds could not be closed: %s", error, exc_info=not _known(error))
            await asyncio.sleep(EXPIRY_SECONDS)

    async def _warm(self) -> None:
        """Load weights before the first question, one contender after the other."""
        for member in self.roster.members:
            try:
                await member.contender.start()
            except ContenderError as error:
                LOG.warning("%s cannot answer yet: %s", member.name, error.message)
        self.changed.ring()


class Bell:
    """Lets many wait for the next change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.rung = 0

    def ring(self) -> None:
        """Something changed."""
        self.rung += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, seen: int, seconds: float) -> int:
        """Return the number of rings once it is more than `seen`, or after so many seconds."""
        if self.rung == seen:
            try:
                async with asyncio.timeout(seconds):
                    await self._event.wait()
            except TimeoutError:
                pass
        return self.rung


def _known(error: Exception) -> bool:
    return isinstance(error, FieldmarkError)
