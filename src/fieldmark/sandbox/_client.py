"""A command of this machine, such as `docker exec`, with bounded output."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence

from fieldmark.errors import SandboxError
from fieldmark.sandbox._base import Done, Limits, Running
from fieldmark.sandbox._pipes import Captured, Feed, sealed

Kill = Callable[[], Awaitable[None]]


class Client(Running):
    """One run of it. `kill` ends what it started elsewhere; without it only this process is killed."""

    def __init__(
        self, argv: Sequence[str], limits: Limits, stdin: bytes | None, kill: Kill | None = None
    ) -> None:
        self._begun = time.monotonic()
        self._kill = kill
        self.out = Captured(limits.output_kb << 10, waits=stdin is None)
        self.err = Captured(limits.output_kb << 10)
        self._feed = Feed() if stdin is None else None
        source = self._feed.source if self._feed else sealed(stdin or b"")
        try:
            self._process = subprocess.Popen(
                list(argv), stdin=source, stdout=self.out.sink, stderr=self.err.sink, start_new_session=True
            )
        except OSError as error:
            self._close()
            raise SandboxError(f"cannot start {argv[0]}: {error.strerror}") from None
        finally:
            os.close(source)
            self.out.given_away()
            self.err.given_away()

    async def send(self, data: bytes) -> None:
        assert self._feed is not None, "its input was given at the start"
        await self._feed.send(data)

    async def line(self, *, seconds: float, limit: int = 1 << 20) -> bytes | None:
        async with asyncio.timeout(seconds):
            return await self.out.line(limit)

    async def stop(self) -> Done:
        if self._feed:
            self._feed.close()
        return await self.done(0.5 if self.out.ended else 0.0)

    async def done(self, seconds: float) -> Done:
        """Its end; killed after so many seconds."""
        late = False
        try:
            if not await self._ended(seconds):
                late = True
                await self._end()
        except BaseException:
            self._process.kill()
            raise
        finally:
            if self._process.poll() is None:
                await asyncio.to_thread(self._process.wait)
            self._close()
        code = self._process.returncode
        return Done(
            code=137 if late else code if code >= 0 else 128 - code,
            stdout=bytes(self.out.data),
            stderr=bytes(self.err.data),
            seconds=time.monotonic() - self._begun,
            timed_out=late,
            truncated=self.out.truncated or self.err.truncated,
        )

    async def _end(self) -> None:
        if self._kill:
            await self._kill()
            await self._ended(2)
        self._process.kill()

    async def _ended(self, seconds: float) -> bool:
        end, pause = self._begun + seconds, 0.001
        end = max(end, time.monotonic() + min(seconds, 2))
        while self._process.poll() is None:
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.05)
        return True

    def _close(self) -> None:
        self.out.close()
        self.err.close()
        if self._feed:
            self._feed.close()
