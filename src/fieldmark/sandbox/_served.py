"""What sandboxes with a process 1 of ours have in common: commands and files go through it."""

from __future__ import annotations

import asyncio
import errno
import marshal
import os
import resource
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from fieldmark.errors import CommandEnded, SandboxError
from fieldmark.sandbox import _files
from fieldmark.sandbox._base import Collected, Done, Limits, Running, Sandbox
from fieldmark.sandbox._pipes import sealed
from fieldmark.sandbox._wire import Command, Wire

PATIENCE = 10.0
"""Seconds that making a place may take."""


class Served(Sandbox):
    """A sandbox whose `_wire` leads to a process 1, and whose `_folder` is the working folder opened."""

    _wire: Wire | None = None
    _folder: int = -1

    @property
    def environment(self) -> Mapping[str, str]:
        """What every command finds in its environment, and nothing else."""
        raise NotImplementedError

    def _spent(self) -> str:
        """Why process 1 is dead, if what ran inside brought that about; then its commands fail, not the sandbox."""
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
        try:
            running = self._command(command, cwd, env, stdin)
            return await running.done(self.limits.seconds if seconds is None else seconds)
        except SandboxError:
            if why := self._spent():
                return Done(137, b"", f"{why}\n".encode(), 0.0)
            raise

    async def start(
        self, command: Sequence[str], *, cwd: str = ".", env: Mapping[str, str] | None = None
    ) -> Running:
        try:
            return self._command(command, cwd, env, None)
        except SandboxError:
            if why := self._spent():
                raise CommandEnded(why) from None
            raise

    def _command(
        self, command: Sequence[str], cwd: str, env: Mapping[str, str] | None, stdin: bytes | None
    ) -> Command:
        if not command:
            raise ValueError("no command")
        return Command(
            self._open_wire(), command, cwd, {**self.environment, **(env or {})}, self.limits, stdin
        )

    async def write(self, path: str, data: bytes) -> None:
        *folders, name = _files.parts(path)
        source = sealed(data)
        try:
            _, written = self._open_wire().request("put", (source,), folders, name)
        finally:
            os.close(source)
        if code := await asyncio.wait_for(written, PATIENCE):
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
