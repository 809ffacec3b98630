"""Argon2 (the library's defaults: RFC 9106's second recommended option), a few at once, never on the event loop."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from argon2 import PasswordHasher

AT_ONCE = 2
"""Each takes 64 MiB of memory and about a tenth of a second."""
WAITING = 32
"""More than so many wait their turn: the next is told to come again."""


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys() -> str:
    return hash_password("the password of nobody at all")


def hash_password(password: str) -> str:
    """The Argon2id hash that is kept, salt and parameters included."""
    return _hasher().hash(password.encode("utf-8", "surrogatepass"))


def matches(hashed: str | None, password: str) -> bool:
    """Whether it is the password. For nobody (None) it takes as long, so that names cannot be found out."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        right = _hasher().verify(hashed or _nobodys(), password.encode("utf-8", "surrogatepass"))
    except (Argon2Error, InvalidHashError):
        return False
    return right and hashed is not None


class Passwords:
    """Hashing for a server: bounded in how many at once, so that sign-ins cannot take its memory."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """As `hash_password`; 429 when too many wait."""
        await self._turn()
        try:
            return await asyncio.to_thread(hash_password, password)
        finally:
            self._turns.release()

    async def matches(self, hashed: str | None, password: str) -> bool:
        """As `matches`; 429 when too many wait."""
        await self._turn()
        try:
            return await asyncio.to_thread(matches, hashed, password)
        finally:
            self._turns.release()

    async def _turn(self) -> None:
        if self._waiting >= WAITING:
            raise HTTPException(429, "too many sign-ins at once", headers={"retry-after": "5"})
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
