"""The host's side of a sandbox's process 1 (`_inside`): commands, files and their ends over one socket."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fieldmark.errors import SandboxError
from fieldmark.sandbox._base import Done, Limits
from fieldmark.sandbox._piped import Piped
from fieldmark.sandbox._pipes import sealed

_LONGEST = 60_000
"""Bytes of a request that go over the socket itself."""


class Wire:
    """Requests and their replies. `lost` is set when process 1 is gone."""

    def __init__(self, ours: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = ours
        self._socket.setblocking(False)
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._next = 1
        self._hello: asyncio.Future[int] = self._loop.create_future()
        self.lost = False
        self.commands: set[Command] = set()
        """Those whose pipes are open."""
        self._loop.add_reader(ours.fileno(), self._read)

    def begin(self, settings: tuple[Any, ...]) -> None:
        """Its first message."""
        self._socket.send(marshal.dumps(settings))

    async def hello(self) -> int:
        """Its answer: a descriptor of the working folder. Raises SandboxError when it died before."""
        return await self._hello

    def request(self, what: str, descriptors: Sequence[int], *rest: Any) -> tuple[int, asyncio.Future[int]]:
        """Send a request; its number, and its value when that comes. Both raise SandboxError when process 1 is dead."""
        number, self._next = self._next, self._next + 1
        future = self._loop.create_future()
        self._waiting[number] = future
        self._send((what, number, *rest), descriptors)
        return number, future

    def kill(self, number: int) -> None:
        """Kill that command with everything below it."""
        with contextlib.suppress(SandboxError):
            self._send(("kill", number), ())

    def _send(self, request: tuple[Any, ...], descriptors: Sequence[int]) -> None:
        if self.lost:
            raise SandboxError("the sandbox is gone")
        data, extra = marshal.dumps(request), -1
        if len(data) > _LONGEST:
            extra, data = sealed(data), b"+"
        try:
            socket.send_fds(self._socket, [data], [*([extra] if extra >= 0 else []), *descriptors])
        except OSError as error:
            self._gone()
            raise SandboxError(f"the sandbox is gone ({error.strerror})") from None
        finally:
            if extra >= 0:
                os.close(extra)

    def _read(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 16, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if len(data) != 16:
            self._gone()
            return
        number, value = struct.unpack("qq", data)
        if number == 0 and descriptors and not self._hello.done():
            self._hello.set_result(descriptors[0])
        elif (future := self._waiting.pop(number, None)) and not future.done():
            future.set_result(value)

    def _gone(self) -> None:
        if self.lost:
            return
        self.lost = True
        self._loop.remove_reader(self._socket.fileno())
        for future in (self._hello, *self._waiting.values()):
            if not future.done():
                future.set_exception(SandboxError("the sandbox died"))
                future.exception()  # perhaps nobody waits for it
        self._waiting.clear()

    def close(self) -> None:
        """Hang up: process 1 ends, and everything with it."""
        self._gone()
        for command in list(self.commands):
            command.close()
        self._socket.close()


class Command(Piped):
    """A command in a sandbox that has a process 1. `spent` says why that is dead, if what ran inside killed it."""

    def __init__(
        self,
        wire: Wire,
        argv: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        limits: Limits,
        stdin: bytes | None,
        spent: Callable[[], str],
    ) -> None:
        self._wire = wire
        self._asked = list(argv), cwd, dict(env)
        self._spent = spent
        wire.commands.add(self)
        super().__init__(limits, stdin)

    def _launch(self, source: int) -> None:
        try:
            self._number, self.exited = self._wire.request(
                "run", (source, self.out.sink, self.err.sink), *self._asked
            )
        except SandboxError as error:
            if not self._spent():
                raise
            self._number, self.exited = 0, asyncio.get_running_loop().create_future()
            self.exited.set_exception(error)
            self.exited.exception()  # perhaps nobody waits for it

    async def stop(self) -> Done:
        if self._feed:
            self._feed.close()
        if self.out.ended:  # it is about to end by itself: its own status says more than being killed
            await asyncio.wait({self.exited}, timeout=0.5)
        if not self.exited.done():
            self._wire.kill(self._number)
        return await self.done(None)

    async def done(self, seconds: float | None) -> Done:
        """Its end; killed after so many seconds."""
        late, why = False, ""
        try:
            try:
                code = await asyncio.wait_for(asyncio.shield(self.exited), seconds)
            except TimeoutError:
                late = True
                self._wire.kill(self._number)
                code = await asyncio.wait_for(asyncio.shield(self.exited), 30)
        except TimeoutError:
            raise SandboxError("a command cannot be killed") from None
        except SandboxError:
            if not (why := self._spent()):
                raise
            code = 137
        except asyncio.CancelledError:
            self._wire.kill(self._number)
            raise
        finally:
            self.close()
        return self._done(code, late=late, why=why)

    def close(self) -> None:
        self._wire.commands.discard(self)
        super().close()
