"""What sandboxes with a process 1 of ours have in common: commands and files go through it."""

from __future__ import annotations

import asyncio
import errno
import marshal
import os
import resource
import socket
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from fieldmark.errors import SandboxError
from fieldmark.sandbox import _files, _groups, _roots
from fieldmark.sandbox._base import Collected, Done, Limits, Mount, Running, Sandbox
from fieldmark.sandbox._pipes import sealed
from fieldmark.sandbox._wire import Command, Wire

PATIENCE = 10.0
"""Seconds that making a place may take."""


class Served(Sandbox):
    """A sandbox whose `_wire` leads to a process 1, and whose `_folder` is the working folder opened.

    When what runs inside has process 1 killed by its use of memory, that is its own doing: commands end with 137,
    nothing more can be written, and what was written can still be read.
    """

    def __init__(self, limits: Limits | None = None, mounts: Sequence[Mount] = ()) -> None:
        super().__init__(limits, mounts)
        self._opened = False
        self._wire: Wire | None = None
        self._folder = -1
        self._group: _groups.Group | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What every command finds in its environment, and nothing else."""
        raise NotImplementedError

    @abstractmethod
    def _check_mounts(self) -> None:
        """Raise SandboxError when a mount cannot be had."""

    @abstractmethod
    async def _spawn(self, control: int) -> int:
        """Start process 1 with that end of the wire, up to where it waits for its settings; its process id outside.

        Raises SandboxError or OSError.
        """

    @abstractmethod
    def _settings(self, *, grouped: bool) -> tuple[str, int, list[tuple[int, int]]]:
        """What process 1 is told first: the working folder, the user, and the limits of each process."""

    @abstractmethod
    async def _clear(self) -> None:
        """Wait until all its processes are gone, and throw away what is left. Safe to call twice."""

    def _failed(self) -> SandboxError:
        """It did not start: why."""
        return SandboxError(f"'{self.kind}' made no place: process 1 did not answer")

    async def open(self) -> None:
        if self._opened:
            raise SandboxError("the sandbox was opened before")
        self._check_mounts()
        self._opened = True
        try:
            await self._open()
        except OSError as error:
            await self.close()
            raise SandboxError(f"'{self.kind}' made no place: {error}") from None
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._wire = Wire(ours)
        with theirs:
            process = await self._spawn(theirs.fileno())
        self._group = _groups.make(self.limits)
        try:
            self._wire.begin(self._settings(grouped=self._group is not None))
            # no foreign code runs yet; the kernel may take some time over moving a process
            moved = asyncio.to_thread(self._group.add, process) if self._group else asyncio.sleep(0)
            hello = asyncio.wait_for(self._wire.hello(), PATIENCE)
            self._folder, _ = await asyncio.gather(hello, moved)
        except (SandboxError, OSError):  # of which TimeoutError is one
            raise self._failed() from None

    async def close(self) -> None:
        self._hang_up()
        await self._clear()
        if self._group:
            self._group.remove()
            self._group = None

    def _spent(self) -> str:
        """Why process 1 is dead, if what ran inside brought that about; then its commands fail, not the sandbox."""
        if self._group and self._group.out_of_memory():
            return f"killed: over {self.limits.memory_mb} MB of memory"
        return ""

    async def exec(
        self,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Done:
        running = self._command(command, cwd, env, stdin)
        return await running.done(self.limits.seconds if seconds is None else seconds)

    async def start(
        self, command: Sequence[str], *, cwd: str = ".", env: Mapping[str, str] | None = None
    ) -> Running:
        return self._command(command, cwd, env, None)

    def _command(
        self, command: Sequence[str], cwd: str, env: Mapping[str, str] | None, stdin: bytes | None
    ) -> Command:
        if not command:
            raise ValueError("no command")
        known = {**self.environment, **(env or {})}
        return Command(self._open_wire(), command, cwd, known, self.limits, stdin, self._spent)

    async def write(self, path: str, data: bytes) -> None:
        *folders, name = _files.parts(path)
        source = sealed(data)
        try:
            _, written = self._open_wire().request("put", (source,), folders, name)
            code = await asyncio.wait_for(written, PATIENCE)
        except TimeoutError:
            raise SandboxError(f"process 1 did not answer within {PATIENCE:g} s") from None
        except SandboxError:
            if why := self._spent():
                raise OSError(errno.ENOMEM, why, path) from None
            raise
        finally:
            os.close(source)
        if code:
            if code in (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM):
                raise OSError(code, "the working folder is full", path)
            raise ValueError(f"{path}: {_files.reason(OSError(code, os.strerror(code)))}")

    async def read(self, path: str, *, limit: int = 1 << 20) -> bytes:
        return await asyncio.to_thread(_files.read, self._open_folder(), path, limit)

    async def collect(
        self, patterns: Sequence[str], *, max_files: int = 500, max_bytes: int = 8 << 20
    ) -> Collected:
        return await asyncio.to_thread(_files.collect, self._open_folder(), patterns, max_files, max_bytes)

    def _open_wire(self) -> Wire:
        if self._wire is None:
            raise SandboxError("the sandbox is not open")
        return self._wire

    def _open_folder(self) -> int:
        if self._folder < 0:
            raise SandboxError("the sandbox is not open")
        return self._folder

    def _hang_up(self) -> None:
        if self._wire:
            self._wire.close()
            self._wire = None
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1


def rlimits(limits: Limits, *, grouped: bool, own_user: bool) -> list[tuple[int, int]]:
    """Limits of each process: all there is where no control group counts them together.

    The number of processes is counted per user, so it means something only where a sandbox has its own.
    """
    found = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits.disk_mb << 20),
    ]
    if own_user:
        found.append((resource.RLIMIT_NPROC, limits.processes))
    if not grouped:
        found.append((resource.RLIMIT_DATA, limits.memory_mb << 20))
    return found


@lru_cache(maxsize=1)
def inside() -> bytes:
    """The program of process 1, compiled: the same interpreter runs it."""
    text = Path(__file__).with_name("_inside.py").read_text(encoding="utf-8")
    return marshal.dumps(compile(text, "fieldmark sandbox", "exec", dont_inherit=True, optimize=2))


def boot(code: int, control: int) -> list[str]:
    """The command that is process 1; `code` is a descriptor of what `inside` gives, `control` its end of the wire."""
    program = f"import marshal, os; exec(marshal.loads(os.read({code}, 1 << 20)))"
    return [_roots.interpreter(), "-I", "-S", "-c", program, str(control)]
