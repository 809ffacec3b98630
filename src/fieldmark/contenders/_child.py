"""Child processes that fetch: their lines are read as they come, and they end with us."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_END_SECONDS = 5.0
_KEPT_LINES = 12
_LINE_LIMIT = 1 << 20


async def run_python(
    arguments: Sequence[str], *, line: Callable[[str], None], environment: Mapping[str, str], folder: Path
) -> tuple[int, list[str]]:
    """Run Python; each line of its output goes to `line`. Gives the exit status and the last error lines.

    A cancelled task, or an exception from `line`, interrupts the child and waits for its end.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # nothing is imported from the folder that happens to be the current one
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LINE_LIMIT,
        cwd=folder,
        env={**os.environ, **environment},
        start_new_session=True,  # Ctrl-C reaches us alone, and we end it
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_lines(process.stdout, line))
            group.create_task(_lines(process.stderr, errors.append))
        return await process.wait(), errors[-_KEPT_LINES:]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        await _end(process)


async def _lines(stream: asyncio.StreamReader, line: Callable[[str], None]) -> None:
    async for raw in stream:
        if text := raw.decode("utf-8", "replace").strip():
            line(text)


async def _end(process: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):  # SIGINT lets it clean up
        if process.returncode is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
