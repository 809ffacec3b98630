"""A field as it is served: its ledger, contenders and arena, kept equal to its folder while people work in it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from fieldmark.arena import Arena, spent
from fieldmark.errors import ContenderError, FieldmarkError, LedgerError
from fieldmark.fields import Field, FieldWatch, Roster, open_ledger
from fieldmark.ledger import Ledger
from fieldmark.server._jobs import Jobs
from fieldmark.server._sessions import Sessions

LOG = logging.getLogger(__name__)
POLL_SECONDS = 1.0
"""How often the field folder is looked at."""
EXPIRY_SECONDS = 600.0
"""How often rounds that nobody came back to are closed."""


class House:
    """Everything one server process holds. `open` and `close` belong to the application's lifespan."""

    def __init__(self, watch: FieldWatch, ledger: Ledger) -> None:
        self.watch = watch
        self.ledger = ledger
        self.roster = Roster(ledger)
        self.arena = Arena(ledger, self.roster, watch.current)
        self.sessions = Sessions(ledger, _secret(watch.current.state / "cookie.key"))
        self.jobs = Jobs()
        self.changed = Bell()
        self.stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._syncing = asyncio.Lock()

    @property
    def field(self) -> Field:
        """The field as last read without a problem."""
        return self.watch.current

    @classmethod
    async def open(cls, folder: Path) -> House:
        """Serve the field in `folder`.

        Raises:
            FieldError: the folder is wrong.
            LedgerError: its ledger cannot be opened.
        """
        watch = FieldWatch(folder)
        house = cls(watch, await asyncio.to_thread(open_ledger, watch.current))
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
            with self.ledger.read() as snapshot:
                costs = spent(snapshot)
            for member in self.roster.members:
                member.spent = max(member.spent, costs.get(member.digest, 0.0))
        self.changed.ring()

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
        await self.jobs.close()
        try:
            await self.arena.close()
        except LedgerError as error:
            LOG.error("what was being written could not be kept: %s", error.message)
        await self.roster.close()
        await asyncio.to_thread(self.ledger.close)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow_folder(self) -> None:
        stale = False
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                stale = await asyncio.to_thread(self.watch.poll) or stale or self.roster.arrived()
                if stale:
                    await self._sync_and_warm()
                    stale = False
            except FieldmarkError as error:
                LOG.warning("the field folder could not be followed: %s", error.message)

    async def _expire(self) -> None:
        while True:
            try:
                await self.arena.expire()
            except LedgerError as error:
                LOG.warning("old rounds could not be closed: %s", error.message)
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


def _secret(path: Path) -> str:
    """A random secret of this field, made once, readable by its owner only."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(file, "w") as opened:
        opened.write(secrets.token_urlsafe(32))
    return path.read_text()
