"""No sandbox at all: a plain process with limits, for machines that have nothing better and code one trusts."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import ClassVar

from fieldmark.errors import SandboxError
from fieldmark.sandbox import _groups
from fieldmark.sandbox._base import Limits, Mount
from fieldmark.sandbox._pipes import sealed
from fieldmark.sandbox._served import PATIENCE, Served, boot, inside, rlimits

_log = logging.getLogger("fieldmark.sandbox")


class PlainProcess(Served):
    """A temporary folder, a bare environment, limits, and everything killed at the end. It holds nobody back.

    Code in it can read what this user can read and reach whatever network this machine reaches.
    """

    kind: ClassVar[str] = "process"
    warning: ClassVar[str] = (
        "'process' is no sandbox: what runs in it can read your files, use the network, and see hidden tests"
    )

    def __init__(self, limits: Limits | None = None, mounts: Sequence[Mount] = ()) -> None:
        super().__init__(limits, mounts)
        self._root = ""
        self._keeper: subprocess.Popen[bytes] | None = None

    @classmethod
    def trouble(cls) -> str | None:
        return (
            None
            if sys.platform.startswith("linux")
            else "'process' needs Linux; Docker or Podman are the way here"
        )

    @classmethod
    def bounds(cls) -> Mapping[str, str]:
        grouped = _groups.kind() is not None
        return {
            "memory": "cgroup" if grouped else "rlimit (of each process, not of all together)",
            "processes": "cgroup" if grouped else "nothing",
            "disk": "nothing (one file: rlimit)",
            "network": "nothing",
            "files": "nothing",
        }

    @property
    def python(self) -> str:
        return sys.executable

    @property
    def environment(self) -> Mapping[str, str]:
        own = os.path.dirname(sys.executable)
        return {
            "PATH": f"{own}:{os.environ.get('PATH', os.defpath)}",
            "HOME": f"{self._root}/task",
            "TMPDIR": f"{self._root}/tmp",  # noqa: S108
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _check_mounts(self) -> None:
        if self.mounts:
            raise SandboxError("'process' cannot show folders of the host at other places")

    async def _spawn(self, control: int) -> int:
        _log.warning("%s", self.warning)
        self._root = tempfile.mkdtemp(prefix="fieldmark-")
        for name in ("task", "tmp"):
            os.mkdir(f"{self._root}/{name}", 0o700)
        code = sealed(inside())
        try:
            self._keeper = subprocess.Popen(  # noqa: ASYNC220 (does not wait)
                boot(code, control),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={}, cwd=f"{self._root}/task", pass_fds=[control, code], start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(code)
        return self._keeper.pid

    def _settings(self, *, grouped: bool) -> tuple[str, int, list[tuple[int, int]]]:
        return f"{self._root}/task", os.getuid(), rlimits(self.limits, grouped=grouped, own_user=False)

    async def _clear(self) -> None:
        if self._keeper is not None:
            await asyncio.to_thread(self._ended, self._keeper)
            self._keeper = None
        if self._root:
            await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    @staticmethod
    def _ended(keeper: subprocess.Popen[bytes]) -> None:
        try:
            keeper.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
