"""A sandbox of kernel namespaces: bubblewrap makes the place, a small process 1 inside starts what is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from fieldmark.errors import SandboxError
from fieldmark.sandbox import _filter, _groups, _roots
from fieldmark.sandbox._base import WORK, Limits, Mount
from fieldmark.sandbox._pipes import readable, sealed
from fieldmark.sandbox._served import PATIENCE, Served, boot, inside, rlimits

USER = 1000
"""Whoever runs code inside is this user, without any capability."""
_SHARED_MB = 64
"""Size of /dev/shm."""
_FIRST_OUTSIDE = 1_000_000_000
"""As root each sandbox has a user of its own outside too, somewhere above this: another sandbox's files and processes
would not be its own even if it saw them."""
_TEXTS = {
    "/etc/passwd": f"work:x:{USER}:{USER}:work:{WORK}:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "/etc/group": f"work:x:{USER}:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


class Bubblewrap(Served):
    """No network, the system's programs read-only, own processes, a working folder in memory of bounded size.

    Everything in it shares the namespaces, so a server started by one command can be asked by another. The kernel is
    the machine's own: see the page on sandboxes for what that means.
    """

    kind: ClassVar[str] = "bubblewrap"

    def __init__(self, limits: Limits | None = None, mounts: Sequence[Mount] = ()) -> None:
        super().__init__(limits, mounts)
        self._outer: subprocess.Popen[bytes] | None = None
        self._inner = 0

    @classmethod
    def trouble(cls) -> str | None:
        return _trouble()

    @classmethod
    def bounds(cls) -> Mapping[str, str]:
        grouped = _groups.kind() is not None
        return {
            "memory": "cgroup" if grouped else "rlimit (of each process, not of all together)",
            "processes": "cgroup" if grouped else "rlimit",
            "disk": "tmpfs",
            "network": "namespace",
            "files": "namespace",
        }

    @property
    def python(self) -> str:
        return _roots.python()

    @property
    def environment(self) -> Mapping[str, str]:
        own = os.path.dirname(_roots.python())
        return {
            "PATH": f"{own}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
            "HOME": WORK,
            "USER": "work",
            "TMPDIR": "/tmp",  # noqa: S108
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _check_mounts(self) -> None:
        """As root the code inside is another user: a temporary folder of mode 0700 would look empty to it."""
        for mount in self.mounts:
            try:
                mode = os.stat(mount.source).st_mode
            except OSError as error:
                raise SandboxError(f"cannot show {mount.source} inside: {error.strerror}") from None
            needed = 0o005 if stat.S_ISDIR(mode) else 0o004
            if os.getuid() == 0 and mode & needed != needed:
                raise SandboxError(
                    f"cannot show {mount.source} inside: not everybody may read it", hint="chmod a+rX"
                )

    async def _spawn(self, control: int) -> int:
        told, tell = os.pipe()
        held, release = os.pipe()
        ends = [told, tell, held, release]
        try:
            code = sealed(inside())
            ends.append(code)
            texts = {path: sealed(text.encode()) for path, text in _TEXTS.items()}
            ends += texts.values()
            arguments = ["bwrap", *_namespaces(), "--info-fd", str(tell)]
            arguments += ["--userns-block-fd", str(held)] if os.getuid() == 0 else []
            if filtered := _filter.program():
                ends.append(sealed(filtered))
                arguments += ["--seccomp", str(ends[-1])]
            arguments += _places(self.limits, self.mounts, texts)
            arguments += ["--", *boot(code, control)]
            self._outer = subprocess.Popen(  # noqa: ASYNC220 (2 ms; another thread's end would kill it)
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                pass_fds=[control, *ends[1:3], *ends[4:]],
            )
            os.close(tell)
            ends.remove(tell)
            self._inner = await self._told(told)
            if os.getuid() == 0:
                _map_users(self._inner)
            os.write(release, b"+")
            return self._inner
        except FileNotFoundError:
            raise SandboxError("bubblewrap is not installed", hint=_INSTALL) from None
        finally:
            for end in ends:
                os.close(end)

    async def _told(self, told: int) -> int:
        """What bubblewrap says on its pipe of information: the process id of process 1 outside."""
        data = b""
        try:
            async with asyncio.timeout(PATIENCE):
                while b"}" not in data:
                    await readable(told)
                    if not (more := os.read(told, 4096)):
                        raise self._failed()
                    data += more
        except TimeoutError:
            raise self._failed() from None
        process: int = json.loads(data)["child-pid"]
        return process

    def _settings(self, *, grouped: bool) -> tuple[str, int, list[tuple[int, int]]]:
        return WORK, USER, rlimits(self.limits, grouped=grouped, own_user=True)

    def _failed(self) -> SandboxError:
        """Bubblewrap's own words say why."""
        said = ""
        if self._outer and self._outer.stderr:
            self._kill()
            said = self._outer.stderr.read(4000).decode("utf-8", "replace").strip()
        return SandboxError(f"bubblewrap made no sandbox: {said or 'it did not answer'}")

    def _kill(self) -> None:
        """Process 1 first: the kernel then kills all others, and bubblewrap outside ends when they are gone."""
        for process in (self._inner, self._outer.pid if self._outer and not self._inner else 0):
            if process:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)

    async def _clear(self) -> None:
        outer = self._outer
        if outer is not None and outer.returncode is None:
            self._kill()
            await _ended(outer)
        self._inner = 0
        if outer is not None and outer.stderr:
            outer.stderr.close()


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait until bubblewrap has ended, which it does when all processes inside have."""
    pause = 0.0005
    for _ in range(1000):
        if process.poll() is not None:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.02)
    process.kill()
    process.wait()


def _map_users(process: int) -> None:
    """Who the users inside are outside: 0 (process 1 alone) is root without powers, `USER` is nobody at all."""
    outside = _FIRST_OUTSIDE + secrets.randbelow(1_000_000_000)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{process}/{name}", "w") as file:
            file.write(f"0 0 1\n{USER} {outside} 1\n")


@lru_cache(maxsize=1)
def _namespaces() -> tuple[str, ...]:
    known = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False).stdout
    arguments = [
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
        "--clearenv",
    ]
    arguments += ["--hostname", "sandbox", "--cap-drop", "ALL"]
    if os.getuid() == 0:  # process 1 becomes somebody else for every command
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        arguments += ["--uid", str(USER), "--gid", str(USER)]
    if "--size" not in known:
        raise SandboxError("bubblewrap is too old: it cannot bound the size of a folder", hint="0.5 or newer")
    return tuple(arguments)


def _places(limits: Limits, mounts: Sequence[Mount], texts: Mapping[str, int]) -> list[str]:
    """What is where inside; the order matters, the last line wins."""
    size = str(limits.disk_mb << 20)
    arguments = ["--tmpfs", "/tmp", *_roots.system()]  # noqa: S108
    for path, descriptor in texts.items():
        arguments += ["--perms", "0644", "--ro-bind-data", str(descriptor), path]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for place, bytes_ in (("/dev/shm", str(_SHARED_MB << 20)), ("/tmp", size), (WORK, size)):  # noqa: S108
        arguments += ["--perms", "1777", "--size", bytes_, "--tmpfs", place]
    for mount in mounts:
        arguments += _roots.bind(mount)
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK]


_INSTALL = "install it (`sudo apt install bubblewrap`), or choose another kind of sandbox"


@lru_cache(maxsize=1)
def _trouble() -> str | None:
    """Tried for real, once: many machines have bubblewrap and forbid what it needs."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux; Docker or Podman are the way here"
    if not shutil.which("bwrap"):
        return f"bubblewrap is not installed; {_INSTALL}"
    if where := _roots.trouble():
        return where
    try:
        arguments = [a for a in _namespaces() if a != "--as-pid-1"]
    except SandboxError as error:
        return f"{error.message} ({error.hint})"
    tried = subprocess.run(
        ["bwrap", *arguments, *_roots.system(), "--proc", "/proc", "--dev", "/dev", "--", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    if tried.returncode == 0:
        return None
    said = tried.stderr.decode("utf-8", "replace").strip() or f"it ended with {tried.returncode}"
    return f"bubblewrap is installed, but: {said}; perhaps this machine forbids user namespaces to it"
