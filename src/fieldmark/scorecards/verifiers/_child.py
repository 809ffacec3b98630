"""Runs a function of a task set's file in a process of its own, so that one that throws or hangs is a void."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from fieldmark.scorecards._attempt import Attempt

_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "SYSTEMROOT")
"""What the child sees of the environment: no keys."""
_MAIN = Path(__file__).with_name("_child_main.py")
_OUTPUT = 4 << 20


class ChildFailed(Exception):
    """The function threw, hung, or ended its process."""


async def run_function(file: Path, name: str, attempt: Attempt, *, seconds: float) -> dict[str, Any]:
    """What the function said of the attempt: a table with `passed`, `score` and `explanation`. Raises ChildFailed."""
    token = secrets.token_hex(16)
    asked = {"file": str(file), "function": name, "attempt": _plain(attempt), "token": token}
    read, write = os.pipe()
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-B",
            str(_MAIN),
            str(write),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={n: os.environ[n] for n in _ENVIRONMENT if n in os.environ},
            pass_fds=(write,),
            start_new_session=True,
        )
    finally:
        os.close(write)
    try:
        async with asyncio.timeout(seconds):
            said = await _talk(child, read, json.dumps(asked).encode())
    except TimeoutError:
        raise ChildFailed(f"it said nothing for {seconds:g} s") from None
    finally:
        await _end(child)
    return _checked(said, token)


async def _talk(child: asyncio.subprocess.Process, read: int, asked: bytes) -> bytes:
    assert child.stdin is not None
    reader = asyncio.StreamReader(limit=_OUTPUT)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
    )
    try:
        with suppress(OSError):
            child.stdin.write(asked)
            await child.stdin.drain()
            child.stdin.close()
        return await reader.readline()  # not to the end: a process that it left may hold the pipe
    finally:
        transport.close()


async def _end(child: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()
    child._transport.close()  # type: ignore[attr-defined]


def _checked(said: bytes, token: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        raise ChildFailed("its process ended without a word") from None
    if found.get("token") != token:
        raise ChildFailed("its process said something else")
    if "error" in found:
        raise ChildFailed(str(found["error"]))
    return found


def _plain(attempt: Attempt) -> Mapping[str, Any]:
    files = {path: base64.b64encode(data).decode() for path, data in attempt.files.items()}
    said = {name: value for name, value in vars(attempt).items() if name not in ("files", "events", "calls")}
    lists = {"calls": [asdict(c) for c in attempt.calls], "events": [asdict(e) for e in attempt.events]}
    plain: Mapping[str, Any] = to_jsonable_python({**said, **lists, "files": files}, fallback=str)
    return plain
