"""Control groups: memory and processes of everything in one sandbox together, where this process may make groups."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fieldmark.sandbox._base import Limits

ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Kind:
    """Where groups can be made: one folder (version 2) or one per controller (version 1)."""

    version: int
    folders: tuple[Path, ...]


class Group:
    """The group of one sandbox. Made by `make`; `remove` when its processes are dead."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders

    def add(self, process: int) -> None:
        """Put a process, and so its future children, under the limits."""
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(process))

    def out_of_memory(self) -> bool:
        """Whether something was killed for using too much memory."""
        for name in ("memory.events", "memory.oom_control"):
            for folder in self._folders:
                with contextlib.suppress(OSError):
                    for line in (folder / name).read_text().splitlines():
                        if line.startswith("oom_kill ") and line.split()[1] != "0":
                            return True
        return False

    def remove(self) -> None:
        """Kill what is left in the group and take it away; the kernel may need a moment after the last process."""
        for folder in self._folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    _kill(folder)
                    time.sleep(0.002)
                else:
                    break


def _kill(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for process in map(int, (folder / "cgroup.procs").read_text().split()):
            if process > 0:  # 0: one that cannot be seen from here
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def make(limits: Limits) -> Group | None:
    """A new group with these limits; None where this machine lets us make none."""
    where = kind()
    if where is None:
        return None
    name = f"fieldmark-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    group = Group(tuple(folder / name for folder in where.folders))
    try:
        _make(where, name, limits)
    except OSError:
        group.remove()
        return None
    return group


def _make(where: Kind, name: str, limits: Limits) -> None:
    memory = str(limits.memory_mb << 20)
    for folder in where.folders:
        (folder / name).mkdir()
    for folder in where.folders:
        for setting, value, needed in (
            ("memory.max", memory, True),
            ("memory.swap.max", "0", False),
            ("memory.limit_in_bytes", memory, True),
            ("memory.memsw.limit_in_bytes", memory, False),
            ("pids.max", str(limits.processes), True),
        ):
            file = folder / name / setting
            if file.exists():
                with contextlib.nullcontext() if needed else contextlib.suppress(OSError):
                    file.write_text(value)


@lru_cache(maxsize=1)
def kind() -> Kind | None:
    """Where groups can be made on this machine, tried once."""
    for found in (_second(), _first()):
        if found and _works(found):
            _sweep(found)
            return found
    return None


def _sweep(where: Kind) -> None:
    """Take away empty groups that processes left which were killed."""
    for folder in where.folders:
        for left in folder.glob("fieldmark-[0-9]*-*"):
            if not Path("/proc", left.name.split("-")[1]).exists():
                with contextlib.suppress(OSError):
                    left.rmdir()


def _own(controller: str) -> list[str]:
    """Paths to try for a controller ("" for version 2): this process's group, the one above, the root."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return list(dict.fromkeys([path, os.path.dirname(path) or "/", "/"]))
    return []


def _second() -> Kind | None:
    for path in _own(""):
        folder = ROOT / path.strip("/")
        with contextlib.suppress(OSError):
            given = (folder / "cgroup.subtree_control").read_text().split()
            offered = (folder / "cgroup.controllers").read_text().split()
            if not {"memory", "pids"} <= set(offered):
                continue
            if not {"memory", "pids"} <= set(given):  # refused where the group has processes of its own
                (folder / "cgroup.subtree_control").write_text("+memory +pids")
            if os.access(folder, os.W_OK):
                return Kind(2, (folder,))
    return None


def _first() -> Kind | None:
    found = []
    for controller in ("memory", "pids"):
        writable = [f for p in _own(controller) if os.access(f := ROOT / controller / p.strip("/"), os.W_OK)]
        if not writable:
            return None
        found.append(writable[0])
    return Kind(1, tuple(found))


def _works(where: Kind) -> bool:
    name = f"fieldmark-try-{uuid.uuid4().hex[:12]}"
    group = Group(tuple(folder / name for folder in where.folders))
    try:
        _make(where, name, Limits())
        files = ("memory.max", "pids.max") if where.version == 2 else ("memory.limit_in_bytes",)
        return all((where.folders[0] / name / file).exists() for file in files)
    except OSError:
        return False
    finally:
        group.remove()
