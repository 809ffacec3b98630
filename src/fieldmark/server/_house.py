"""A field as it is served: its ledger, contenders and arena, kept equal to its folder while people work in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from fieldmark.arena import Arena, Shadows
from fieldmark.errors import ContenderError, FieldmarkError, LedgerError
from fieldmark.fields import Field, FieldWatch, Roster, accounts, has_server, open_ledger
from fieldmark.gateway import Drift, Gateway
from fieldmark.ledger import Ledger
from fieldmark.reports import count_costs
from fieldmark.scorecards import Cards, People, Runs
from fieldmark.server._attempts import Attempts
from fieldmark.server._calls import Calls
from fieldmark.server._elsewhere import follow
from fieldmark.server._forgetting import forgetting
from fieldmark.server._front import Front
from fieldmark.server._jobs import Jobs
from fieldmark.server._metrics import Meter
from fieldmark.server._passwords import Passwords
from fieldmark.server._provider import Provider
from fieldmark.server._sessions import Sessions
from fieldmark.server._shared import PastCards, Places, Shared
from fieldmark.server._state import cookie_secret, only_server
from fieldmark.server._stories import Trails
from fieldmark.server._witnesses import follow_witnesses

LOG = logging.getLogger(__name__)
POLL_SECONDS = 1.0
"""How often the field folder is looked at."""
EXPIRY_SECONDS = 600.0
"""How often rounds that nobody came back to are closed."""
STREAMS = 200
"""Most event streams at once."""
_ROUNDS = 5


class House:
    """Everything one server process holds. `open` and `close` belong to the application's lifespan."""

    def __init__(
        self, watch: FieldWatch, ledger: Ledger, secret: str, held: ExitStack, front: Front | None = None
    ) -> None:
        self.front = front or Front()
        self.watch = watch
        self.ledger = ledger
        self.roster = Roster(ledger)
        self.roster.trusting = not self.front.public
        self.arena = Arena(ledger, self.roster, watch.current)
        self.shadows = Shadows(ledger, lambda: watch.current, self.arena.boards, secret)
        self.sessions = Sessions(ledger, secret, secure=self.front.secure, public=self.front.public)
        self.passwords = Passwords()
        self.attempts = Attempts()
        self.provider: Provider | None = None
        self.calls = Calls()
        self.meter = Meter()
        self.jobs = Jobs()
        self.changed = Bell()
        self.gateway = Gateway(ledger, self.roster, watch.current, secret, self.changed.ring)
        self.drift = Drift(ledger, self.roster, watch.current, self.changed.ring)
        self.runs = Runs(ledger, self.roster, watch.current, self.changed.ring)
        self.cards = Cards(ledger, self.runs.catalogue)
        self.people = People(ledger, self.runs.catalogue.get, lambda: self.runs.bench)
        self.news = Shared[BaseModel]()
        self.past_cards = PastCards()
        self.streams = Places(STREAMS)
        self.trails = Trails()
        self.forgetting = forgetting(self, watch.current.state)
        self.stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._syncing = asyncio.Lock()
        self._held = held
        self._evicted: set[str] = set()

    @property
    def field(self) -> Field:
        """The field as last read without a problem."""
        return self.watch.current

    @classmethod
    async def open(cls, folder: Path, address: str = "", front: Front | None = None) -> House:
        """Serve the field in `folder`; `address` is told to whoever tries to serve it too.

        Raises:
            FieldError: the folder is wrong.
            LedgerError: its ledger cannot be opened.
            ServeError: another server has the field.
        """
        watch = FieldWatch(folder)
        state = watch.current.state
        with ExitStack() as opened:
            state.mkdir(mode=0o700, exist_ok=True)
            if not has_server(folder):
                opened.enter_context(only_server(state, address))
            secret = cookie_secret(state / "cookie.key")
            ledger = opened.enter_context(await asyncio.to_thread(open_ledger, watch.current))
            house = cls(watch, ledger, secret, opened.pop_all(), front)
        try:
            await house.forgetting.open()
            await asyncio.to_thread(ledger.presence.show)
            await house.sync()
            interrupted = await house.arena.recover()
            interrupted += await house.gateway.recover()
        except BaseException:
            await house.close()
            raise
        if interrupted:
            LOG.warning("%d answers were being written when the server went down", interrupted)
        house._start(house._follow_folder())
        house._start(follow(house))
        house._start(house._expire())
        house._start(follow_witnesses(house))
        house._start(house.drift.follow())
        house._start(house.forgetting.follow())
        house._start(house._follow_accounts())
        house._start(house._warm())
        return house

    async def sync(self) -> None:
        """Make contenders and rules those of the folder."""
        async with self._syncing:
            self.arena.field = self.gateway.field = self.drift.field = self.runs.field = self.field
            self.cards.follow(self.field)
            await self.roster.sync(self.field)
            await count_costs(self.ledger, self.roster)
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
        async with AsyncExitStack() as last:  # from the last line up, each whatever the others raise
            last.push_async_callback(asyncio.to_thread, self._held.close)
            last.push_async_callback(self.roster.close)
            last.push_async_callback(self._close_arena)
            last.push_async_callback(self.gateway.close)
            last.push_async_callback(self.drift.close)
            last.push_async_callback(self.runs.close)
            last.push_async_callback(self.people.close)
            last.push_async_callback(self.jobs.close)

    async def _close_arena(self) -> None:
        try:
            await self.arena.close()
        except LedgerError as error:
            LOG.error("what was being written could not be kept: %s", error.message)

    @staticmethod
    def address_of(request: Request) -> str:
        """The caller's address; behind a trusted proxy the one it tells."""
        return request.client.host if request.client else "?"

    async def evict(self, account: str, pseudonym: str) -> None:
        """An account was revoked: its streams end, and its open round with them. What was written is kept."""
        self._evicted.add(account)
        self.calls.cut(account)
        for _ in range(_ROUNDS):
            try:
                found = await self.arena.current(pseudonym)
                if found is None or found.state != "open":
                    return
                await self.arena.abandon(found.id, pseudonym)
            except FieldmarkError as error:
                LOG.warning("the open round of a revoked account could not be ended: %s", error.message)
                return

    async def _follow_accounts(self) -> None:
        """Evict whom another process, such as the command line, has revoked."""
        while True:
            try:
                if await self.sessions.needed():
                    await self._trust_less()
                    revoked = await asyncio.to_thread(self._revoked)
                    for account in revoked.keys() - self._evicted:
                        await self.evict(account, revoked[account])
            except Exception as error:
                LOG.warning("accounts could not be followed: %s", error, exc_info=not _known(error))
            await asyncio.sleep(POLL_SECONDS)

    async def _trust_less(self) -> None:
        """With accounts, not everybody who may add contenders is at home on this machine."""
        if self.roster.trusting:
            self.roster.trusting = False
            await self.sync()

    def _revoked(self) -> dict[str, str]:
        with self.ledger.read() as snapshot:
            return accounts.revoked_accounts(snapshot)

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
