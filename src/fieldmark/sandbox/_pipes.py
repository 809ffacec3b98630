"""Pipes to and from a command, read by the event loop: whatever it writes, memory stays bounded."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os

from fieldmark.errors import CommandEnded

_CHUNK = 1 << 16
_SEALS = 0x000F
"""No more seals, shrinking, growing, writing: fcntl(2)."""


class Captured:
    """What comes out of a pipe. With `waits` a full buffer makes the command wait; else what is over is thrown away."""

    def __init__(self, limit: int, *, waits: bool = False) -> None:
        self.data = bytearray()
        self.truncated = False
        self.ended = False
        self._limit = limit
        self._waits = waits
        self._paused = False
        self._new = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._source, self.sink = os.pipe()
        os.set_blocking(self._source, False)
        self._loop.add_reader(self._source, self._read)

    def given_away(self) -> None:
        """The command has its end now."""
        os.close(self.sink)

    def _read(self) -> bool:
        try:
            data = os.read(self._source, _CHUNK)
        except BlockingIOError:
            return False
        room = self._limit - len(self.data)
        self.data += data[:room] if not self._waits else data
        self.truncated |= len(data) > room and not self._waits
        self._new.set()
        if not data:
            self._end()
        elif self._waits and len(self.data) >= self._limit:
            self._loop.remove_reader(self._source)
            self._paused = True
        return bool(data)

    def _end(self) -> None:
        self.ended = True
        self._loop.remove_reader(self._source)
        self._new.set()

    async def line(self, limit: int) -> bytes | None:
        """The next line without its end; None at the end. Raises ValueError for one over `limit`."""
        searched = 0
        while (end := self.data.find(b"\n", searched)) < 0 and not self.ended:
            if len(self.data) > limit:
                break
            searched = len(self.data)
            self._new.clear()
            self._resume(limit + 1)
            await self._new.wait()
        if end > limit or (end < 0 and len(self.data) > limit):
            raise ValueError(f"a line of more than {limit} bytes")
        if end < 0:
            rest = bytes(self.data)
            self.data.clear()
            return rest or None
        line = bytes(self.data[:end])
        del self.data[: end + 1]
        return line

    def _resume(self, wanted: int) -> None:
        self._limit = max(self._limit, wanted)
        if self._paused and not self.ended:
            self._paused = False
            self._loop.add_reader(self._source, self._read)

    def close(self) -> None:
        """Take what is already there, at most about as much as a pipe holds, and let go."""
        if self._source < 0:
            return
        for _ in range(32):
            if self.ended or self._paused or not self._read():
                break
        self._end()
        os.close(self._source)
        self._source = -1


class Feed:
    """A command's standard input."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.source, self._sink = os.pipe()
        os.set_blocking(self._sink, False)
        self._room: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> None:
        """Write all of it, waiting where the command does not read. Raises CommandEnded when nobody can."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._sink, rest) :]
            except BlockingIOError:
                await self._wait()
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.EBADF):
                    raise
                raise CommandEnded("the command has ended, or closed its input") from None

    async def _wait(self) -> None:
        self._room = self._loop.create_future()
        self._loop.add_writer(self._sink, self._tell)
        try:
            await self._room
        finally:
            if self._sink >= 0:
                self._loop.remove_writer(self._sink)

    def _tell(self) -> None:
        if self._room and not self._room.done():
            self._room.set_result(None)

    def close(self) -> None:
        """No more will come."""
        if self._sink >= 0:
            self._loop.remove_writer(self._sink)
            os.close(self._sink)
            self._sink = -1
            self._tell()


async def readable(descriptor: int) -> None:
    """Wait until something can be read there, or nothing ever will."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: None if done.done() else done.set_result(None))
    try:
        await done
    finally:
        loop.remove_reader(descriptor)


def sealed(data: bytes) -> int:
    """A descriptor of a file in memory that nobody can change or make bigger."""
    descriptor = os.memfd_create("fieldmark", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
