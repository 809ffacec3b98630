"""A command of this machine, such as `docker exec`, with bounded output."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence

from fieldmark.errors import SandboxError
from fieldmark.sandbox._base import Done, Limits
from fieldmark.sandbox._piped import Piped

Kill = Callable[[], Awaitable[None]]


class Client(Piped):
    """One run of it. `kill` ends what it started elsewhere; without it only this process is killed."""

    def __init__(
        self, argv: Sequence[str], limits: Limits, stdin: bytes | None, kill: Kill | None = None
    ) -> None:
        self._argv = list(argv)
        self._kill = kill
        super().__init__(limits, stdin)

    def _launch(self, source: int) -> None:
        try:
            self._process = subprocess.Popen(
                self._argv, stdin=source, stdout=self.out.sink, stderr=self.err.sink, start_new_session=True
            )
        except OSError as error:
            raise SandboxError(f"cannot start {self._argv[0]}: {error.strerror}") from None

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
            self.close()
        code = self._process.returncode
        return self._done(137 if late else code if code >= 0 else 128 - code, late=late)

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
