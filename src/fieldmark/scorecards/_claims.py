"""Who works at a run: one process at a time, as far as one machine or one database can tell."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import delete, insert, select

from fieldmark.errors import Conflict
from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.state import leases

FOLDER = "runs"
_TRIES = 10


class Claims:
    """Claims on runs. On SQLite a locked file in `.fieldmark/runs`, which the system lets go of when the process ends;
    on PostgreSQL a lease, which any machine sees.
    """

    def __init__(self, ledger: Ledger, state: Path) -> None:
        self._ledger = ledger
        self._folder = state / FOLDER

    def taken(self, snapshot: Snapshot, run: str) -> bool:
        """Whether somebody works at a run, this process or another."""
        if self._ledger.presence.shared:
            query = select(leases.c.holder).where(leases.c.name == f"run:{run}")
            holder = snapshot.connection.execute(query).scalar_one_or_none()
            return holder is not None and self._ledger.presence.alive(snapshot.connection, holder)
        try:
            handle = os.open(self._folder / f"{run}.lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    @asynccontextmanager
    async def claim(self, run: str) -> AsyncGenerator[None, None]:
        """Work at a run.

        Raises:
            Conflict: `running`: somebody else does.
        """
        if self._ledger.presence.shared:
            await self._ledger.awrite(lambda now: self._take(now, run))
            try:
                yield
            finally:
                await self._ledger.awrite(lambda now: self._free(now, run))
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / f"{run}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await _lock(handle)
            yield
        finally:
            os.close(handle)  # the file stays: were it deleted, two could hold locks on two files of its name

    def _take(self, now: Transaction, run: str) -> None:
        query = select(leases.c.holder).where(leases.c.name == f"run:{run}")
        holder = now.connection.execute(query).scalar_one_or_none()
        if holder is not None and self._ledger.presence.alive(now.connection, holder):
            raise _running()
        now.connection.execute(delete(leases).where(leases.c.name == f"run:{run}"))
        now.connection.execute(insert(leases), {"name": f"run:{run}", "holder": self._ledger.presence.holder})

    def _free(self, now: Transaction, run: str) -> None:
        mine = (leases.c.name == f"run:{run}") & (leases.c.holder == self._ledger.presence.holder)
        now.connection.execute(delete(leases).where(mine))


async def _lock(handle: int) -> None:
    """Raises Conflict. Somebody who only looks holds the lock for a moment."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            await asyncio.sleep(0.02)
    raise _running()


def _running() -> Conflict:
    return Conflict("somebody is working at this run", code="running", hint="wait for it, or cancel it")
