"""Runs monitors in a child process, so that one that hangs or crashes takes nothing with it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from fieldmark.monitors._base import CaseFacts, fingerprint

_START_SECONDS = 20.0
_ANSWER_BYTES = 1 << 20
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "SYSTEMROOT")
"""What the child sees of the environment: no keys of contenders."""


class Wanted(Protocol):
    """What has to be known of a monitor to run it."""

    @property
    def kind(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...
    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class Report:
    """What came of running a monitor once."""

    version: str
    """Fingerprint of what it runs."""
    ms: int
    passed: bool | None = None
    """None: it failed itself."""
    score: float | None = None
    explanation: str = ""
    error: str | None = None
    """Name of the exception, `timeout`, or `crashed`."""


class MonitorProcess:
    """One child, started with the first case and again after each time it had to be killed."""

    def __init__(self) -> None:
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def run(self, monitor: Wanted, folder: Path, facts: CaseFacts) -> Report:
        """Run one monitor on one case. Whatever happens in it is the report."""
        version = await asyncio.to_thread(fingerprint, monitor.kind, monitor.settings, folder)
        asked = {
            "kind": monitor.kind,
            "settings": monitor.settings,
            "folder": str(folder),
            "version": version,
            "facts": asdict(facts),
        }
        async with self._turn:
            child = await self._started()
            began = time.monotonic()
            try:
                async with asyncio.timeout(monitor.seconds):
                    said = await _ask(child, asked)
            except TimeoutError:
                said = {"error": "timeout"}
            except (OSError, ValueError):
                said = {"error": "crashed"}
            except (
                BaseException
            ):  # cancelled: the answer that is still to come would be taken for the next one's
                await self._kill()
                raise
            ms = round((time.monotonic() - began) * 1000)
            if said.get("error") in ("timeout", "crashed"):
                await self._kill()
        return Report(version=version, ms=ms, **said)

    async def close(self) -> None:
        """End the child."""
        await self._kill()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._child is None or self._child.returncode is not None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "fieldmark.monitors",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                limit=_ANSWER_BYTES,
            )
            assert self._child.stdout is not None
            with suppress(TimeoutError):
                async with asyncio.timeout(_START_SECONDS):
                    await self._child.stdout.readline()  # it says when it is ready
        return self._child

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            child._transport.close()  # type: ignore[attr-defined]


async def _ask(child: asyncio.subprocess.Process, asked: Mapping[str, Any]) -> dict[str, Any]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(asked).encode() + b"\n")
    await child.stdin.drain()
    line = await child.stdout.readline()
    if not line:
        raise OSError("the process ended")
    said: dict[str, Any] = json.loads(line)
    return said
