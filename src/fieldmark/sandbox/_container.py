"""Docker and Podman by their command line: one container per sandbox, `exec` per command."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import ClassVar

from fieldmark.errors import SandboxError
from fieldmark.sandbox import _files
from fieldmark.sandbox._base import WORK, Collected, Done, Limits, Mount, Running, Sandbox
from fieldmark.sandbox._client import Client
from fieldmark.sandbox._tar import taken

IMAGE_SETTING = "FIELDMARK_SANDBOX_IMAGE"
"""Environment variable that names the image; it needs `sh`, `cat`, `tar` and Python with pytest for code tasks."""
IMAGE = "python:3.12-slim"
USER = "1000:1000"
"""Whoever runs code inside. Process 1 is another user, so that killing all of this one's leaves the container."""
_PATIENCE = 120.0


class Container(Sandbox):
    """A container without a network, root read-only, no capabilities, limits of the engine's control group.

    A command over its time is killed together with everything else that runs in the container.
    """

    engine: ClassVar[str]

    def __init__(self, limits: Limits | None = None, mounts: Sequence[Mount] = ()) -> None:
        super().__init__(limits, mounts)
        self.name = f"fieldmark-{uuid.uuid4().hex[:16]}"
        self._holder: subprocess.Popen[bytes] | None = None

    @classmethod
    def trouble(cls) -> str | None:
        if not shutil.which(cls.engine):
            return f"{cls.engine} is not installed"
        try:
            asked = subprocess.run(
                [cls.engine, "info", "--format", "{{.ID}}" if cls.engine == "docker" else "{{.Host.Arch}}"],
                capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"{cls.engine} did not answer within 20 s"
        if asked.returncode == 0:
            return None
        said = asked.stderr.decode("utf-8", "replace").strip().splitlines()
        return f"{cls.engine} is installed, but: {said[-1] if said else 'it does not work'}"

    @classmethod
    def bounds(cls) -> Mapping[str, str]:
        return {
            "memory": "cgroup",
            "processes": "cgroup",
            "disk": "tmpfs",
            "network": "namespace",
            "files": "namespace",
        }

    def command(self) -> list[str]:
        """What makes the container. It ends when its standard input does: with this process, at the latest."""
        limits = self.limits
        size = f"size={limits.disk_mb}m"
        arguments = [self.engine, "run", "--rm", "--interactive", "--init", "--name", self.name]
        arguments += ["--label", "fieldmark.sandbox=1", "--network", "none", "--read-only"]
        arguments += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        arguments += ["--pids-limit", str(limits.processes)]
        arguments += ["--memory", f"{limits.memory_mb}m", "--memory-swap", f"{limits.memory_mb}m"]
        arguments += ["--ulimit", "core=0", "--shm-size", "64m", "--hostname", "sandbox"]
        for folder in (WORK, "/tmp"):  # noqa: S108
            arguments += ["--tmpfs", f"{folder}:rw,exec,nosuid,nodev,mode=1777,{size}"]
        for mount in self.mounts:
            arguments += ["--mount", f"type=bind,source={mount.source},target={mount.target},readonly"]
        arguments += ["--workdir", WORK, "--entrypoint", "cat"]
        return [*arguments, os.environ.get(IMAGE_SETTING) or IMAGE]

    def exec_command(self, command: Sequence[str], cwd: str, env: Mapping[str, str]) -> list[str]:
        """What runs a command in it."""
        arguments = [self.engine, "exec", "--interactive", "--user", USER]
        arguments += ["--workdir", cwd if cwd.startswith("/") else os.path.normpath(f"{WORK}/{cwd}")]
        for name, value in {"HOME": WORK, "TMPDIR": "/tmp", **env}.items():  # noqa: S108
            arguments += ["--env", f"{name}={value}"]
        return [*arguments, self.name, *command]

    async def open(self) -> None:
        if self._holder is not None:
            raise SandboxError("the sandbox was opened before")
        try:
            self._holder = subprocess.Popen(  # noqa: ASYNC220 (does not wait)
                self.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(f"cannot start {self.engine}: {error.strerror}") from None
        try:
            await self._up(self._holder)
        except BaseException:
            await self.close()
            raise

    async def _up(self, holder: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + _PATIENCE  # an image may have to be fetched
        while time.monotonic() < end:
            if holder.poll() is not None:
                said = holder.stderr.read(4000).decode("utf-8", "replace").strip() if holder.stderr else ""
                raise SandboxError(f"{self.engine} made no container: {said or holder.returncode}")
            if (await self.exec(["true"], seconds=30)).ok:
                return
            await asyncio.sleep(0.05)
        raise SandboxError(f"{self.engine} made no container within {_PATIENCE:g} s")

    async def close(self) -> None:
        holder = self._holder
        if holder is None:
            return
        if holder.stderr:
            holder.stderr.close()
        if holder.returncode is not None:
            if holder.stdin:
                holder.stdin.close()
            return
        await self._engine("rm", "--force", self.name)
        if holder.stdin:
            holder.stdin.close()
        try:
            await asyncio.to_thread(holder.wait, 20)
        except subprocess.TimeoutExpired:
            holder.kill()
            await asyncio.to_thread(holder.wait)

    async def _engine(self, *arguments: str) -> None:
        await Client([self.engine, *arguments], self.limits, b"").done(30)

    def _client(
        self, command: Sequence[str], cwd: str, env: Mapping[str, str] | None, stdin: bytes | None
    ) -> Client:
        if self._holder is None or self._holder.poll() is not None:
            raise SandboxError("the container is not running")
        return Client(self.exec_command(command, cwd, env or {}), self.limits, stdin, self._kill)

    async def _kill(self) -> None:
        await self._engine("exec", "--user", USER, self.name, "sh", "-c", "kill -9 -1")

    async def exec(
        self,
        command: Sequence[str],
        *,
        stdin: bytes = b"",
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Done:
        running = self._client(command, cwd, env, stdin)
        return await running.done(self.limits.seconds if seconds is None else seconds)

    async def start(
        self, command: Sequence[str], *, cwd: str = ".", env: Mapping[str, str] | None = None
    ) -> Running:
        return self._client(command, cwd, env, None)

    async def write(self, path: str, data: bytes) -> None:
        target = "/".join(_files.parts(path))
        folder = os.path.dirname(target) or "."
        # a link in the way leads to nowhere but the container's own files
        script = f"mkdir -p -- {shlex.quote(folder)} && cat > {shlex.quote('./' + target)}"
        done = await self.exec(["sh", "-c", script], stdin=data, seconds=30)
        if not done.ok:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise (OSError(28, said, path) if "space" in said else ValueError(f"{path}: {said or done.code}"))

    async def read(self, path: str, *, limit: int = 1 << 20) -> bytes:
        name = "/".join(_files.parts(path))
        found = await self._take([name], 1, limit, name)
        if name in found.files:
            return found.files[name]
        if name in found.left:
            raise ValueError(f"{path}: {found.left[name]}")
        raise FileNotFoundError(2, "no such file in the working folder", path)

    async def collect(
        self, patterns: Sequence[str], *, max_files: int = 500, max_bytes: int = 8 << 20
    ) -> Collected:
        return await self._take(patterns, max_files, max_bytes, ".")

    async def _take(self, patterns: Sequence[str], max_files: int, max_bytes: int, below: str) -> Collected:
        command = self.exec_command(["tar", "-cf", "-", "--", below], ".", {})
        most = (self.limits.disk_mb << 20) + (16 << 20)
        return await asyncio.to_thread(taken, command, patterns, max_files, max_bytes, most)


class Docker(Container):
    """By `docker`."""

    kind: ClassVar[str] = "docker"
    engine: ClassVar[str] = "docker"


class Podman(Container):
    """By `podman`."""

    kind: ClassVar[str] = "podman"
    engine: ClassVar[str] = "podman"
