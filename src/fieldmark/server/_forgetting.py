"""Erasing while the field is served: what this process holds in memory goes with it, whichever process erased."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import FieldmarkError, NotFound
from fieldmark.ledger import Erased, Ledger, erase, replay_erasures, sweep, write_register
from fieldmark.ledger.evidence import Erasure

if TYPE_CHECKING:
    from fieldmark.server._house import House

LOG = logging.getLogger(__name__)
REGISTER = "erasures.jsonl"
"""In the field's `.fieldmark`: what was erased, for backups that are restored."""
LOOK_SECONDS = 1.0
"""How often erasures of other processes, such as the command line, are looked for."""
_AGAIN = 5


class Forgetting:
    """What a house does about erasures."""

    def __init__(self, ledger: Ledger, state: Path, forget: Callable[[str], Awaitable[int]]) -> None:
        """`forget` lets go of what is in memory of a subject; it says how many open rounds it had to end."""
        self.register = state / REGISTER
        self._ledger = ledger
        self._forget = forget
        self._seen = 0
        """Ledger index up to which erasures were looked at."""
        self._own: set[str] = set()
        self._unswept = False
        """Whether files may hold erased bytes: after every erasure that `_look` finds too, at the start all of them."""

    async def open(self) -> int:
        """At the start: erase again what a restored backup brought back. How many erasures that were."""
        replayed = await asyncio.to_thread(replay_erasures, self._ledger, self.register)
        self._seen, _ = await asyncio.to_thread(self._look, 0)
        return len(replayed)

    async def person(self, pseudonym: str) -> Erased:
        """Erase a person, on their request.

        Raises:
            NotFound: nothing is held of them.
        """
        await self._forget(pseudonym)
        done = await asyncio.to_thread(self._erase, pseudonym)
        for _ in range(_AGAIN):  # a round that was being begun meanwhile
            if not await self._forget(pseudonym):
                break
            await self._again(pseudonym)
        return done

    def _erase(self, pseudonym: str) -> Erased:
        done = erase(self._ledger, "person", pseudonym, reason="request", register=self.register)
        self._own.add(done.record)
        self._unswept = self._unswept or not done.swept
        return done

    async def _again(self, pseudonym: str) -> None:
        try:
            await asyncio.to_thread(self._erase, pseudonym)
        except NotFound:
            return

    async def follow(self) -> None:
        """For ever: forget here what another process erased, and finish what readers held up."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._once()
            except FieldmarkError as error:
                LOG.warning("erasures could not be followed: %s", error.message)

    async def _once(self) -> None:
        size, new = await asyncio.to_thread(self._look, self._seen)
        for erasure in new:
            if await self._forget(erasure.subject):
                await self._again(erasure.subject)
        if new:
            await asyncio.to_thread(write_register, self._ledger, self.register)
        self._seen = size
        if self._unswept:
            self._unswept = not await asyncio.to_thread(sweep, self._ledger)

    def _look(self, seen: int) -> tuple[int, list[Erasure]]:
        """The ledger's size, and the erasures of others since it had `seen` records."""
        with self._ledger.read() as snapshot:
            found = [(e.record.id, e.record.body) for e in snapshot.entries(seen, types=[Erasure])]
            size = snapshot.head().size
        new = [body for id_, body in found if isinstance(body, Erasure) and id_ not in self._own]
        self._own.clear()
        self._unswept = self._unswept or bool(new)
        return size, new


def forgetting(house: House, state: Path) -> Forgetting:
    """Of a house: sessions, rounds being written, cards, and what contenders keep of earlier prompts."""

    async def forget(subject: str) -> int:
        house.sessions.forget(subject)
        ended = await house.arena.forget(subject)
        house.past_cards.forget()
        house.trails.forget(subject)
        house._start(_forget_prompts(house))
        return ended

    return Forgetting(house.ledger, state, forget)


async def _forget_prompts(house: House) -> None:
    """Beside everything else, since a contender is first let finish what it writes for others."""
    for member in house.roster.members:
        await member.contender.forget()
