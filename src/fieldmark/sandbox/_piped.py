"""What commands with pipes to this process have in common, wherever they run."""

from __future__ import annotations

import asyncio
import os
import time
from abc import abstractmethod

from fieldmark.sandbox._base import Done, Limits, Running
from fieldmark.sandbox._pipes import Captured, Feed, sealed


class Piped(Running):
    """A command with bounded output. `stdin` is all of its input; None: it is sent piece by piece."""

    def __init__(self, limits: Limits, stdin: bytes | None) -> None:
        self._begun = time.monotonic()
        self.out = Captured(limits.output_kb << 10, waits=stdin is None)
        self.err = Captured(limits.output_kb << 10)
        self._feed = Feed() if stdin is None else None
        source = self._feed.source if self._feed else sealed(stdin or b"")
        try:
            self._launch(source)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(source)
            self.out.given_away()
            self.err.given_away()

    @abstractmethod
    def _launch(self, source: int) -> None:
        """Start it with that descriptor as its input, and the sinks of `out` and `err`. Raises SandboxError."""

    async def send(self, data: bytes) -> None:
        assert self._feed is not None, "its input was given at the start"
        await self._feed.send(data)

    async def line(self, *, seconds: float, limit: int = 1 << 20) -> bytes | None:
        async with asyncio.timeout(seconds):
            return await self.out.line(limit)

    def _done(self, code: int, *, late: bool, why: str = "") -> Done:
        return Done(
            code=code,
            stdout=bytes(self.out.data),
            stderr=bytes(self.err.data) + (f"{why}\n".encode() if why else b""),
            seconds=time.monotonic() - self._begun,
            timed_out=late,
            truncated=self.out.truncated or self.err.truncated,
        )

    def close(self) -> None:
        """Let go of its pipes."""
        self.out.close()
        self.err.close()
        if self._feed:
            self._feed.close()
