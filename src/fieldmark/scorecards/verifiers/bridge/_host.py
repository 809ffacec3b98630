"""The trusted end: starts the code's side in a sandbox, asks it, and ends it when it hangs or talks nonsense."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from types import TracebackType
from typing import Any, Self

from fieldmark.errors import CommandEnded, SandboxError
from fieldmark.sandbox import Running, Sandbox

_LINE = 16 << 20
"""Longest answer in bytes."""
_START_SECONDS = 20.0
_KILLED = 137
"""Exit of a command that was killed."""
_STARTS = 5
"""How often code that hangs or dies is started again."""


class Gone(Exception):
    """The code did not answer: it hung, died, or wrote nonsense. The words are for people."""


class CodeSide:
    """The code under test in its sandbox. Started with the first question, and again after it was lost."""

    def __init__(self, sandbox: Sandbox, *, paths: Sequence[str] = (".",), seconds: float = 10.0) -> None:
        """`paths` are folders, relative to the working one, from which its modules are imported."""
        self.sandbox = sandbox
        self.paths = paths
        self.seconds = seconds
        self._running: Running | None = None
        self._starts = 0
        self._number = 0
        self._open: list[int] = []  # questions that wait for what they call back

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End it."""
        running, self._running = self._running, None
        self._open.clear()
        if running is not None:
            await running.stop()

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What comes of one request: a table with `returned` or `raised`, or `call_back`. Raises Gone."""
        running = await self._started()
        said = dict(request)
        if "back" not in said:
            self._number += 1
            said["n"] = self._number
            self._open.append(self._number)
        try:
            await running.send(json.dumps(said).encode() + b"\n")
            answer = self._read(await running.line(seconds=self.seconds, limit=_LINE))
        except TimeoutError:
            await self.stop()
            raise Gone(f"it said nothing for {self.seconds:g} s") from None
        except ValueError:
            await self.stop()
            raise Gone("it wrote what is no answer") from None
        except CommandEnded:
            await self.stop()
            raise Gone("its process ended") from None
        except Gone:
            await self.stop()
            raise
        return answer

    def _read(self, line: bytes | None) -> dict[str, Any]:
        if line is None:
            raise Gone("its process ended")
        try:
            answer = json.loads(line)
        except RecursionError:
            raise ValueError("too deep") from None
        if not isinstance(answer, dict) or not self._open:
            raise ValueError("no answer")
        if "call_back" not in answer and answer.get("n") != self._open.pop():
            raise ValueError("an answer to something else")
        return answer

    async def _started(self) -> Running:
        if self._running is not None:
            return self._running
        if self._starts == _STARTS:
            raise Gone(f"it was started {_STARTS} times and lost every time")
        self._starts += 1
        command = [self.sandbox.python, "-I", "-B", "-c", _source(self.paths)]
        self._running = await self.sandbox.start(command)
        try:
            ready = await self._running.line(seconds=_START_SECONDS)
        except (TimeoutError, ValueError):
            ready = None
        if ready is None:
            done = await self._running.stop()
            self._running = None
            if (
                self._starts > 1 and done.code == _KILLED
            ):  # its code, run before, took the memory of everything here
                raise Gone("its process ended")
            raise SandboxError(f"Python did not start: {done.stderr.decode(errors='replace')[-300:]}")
        return self._running


def _source(paths: Sequence[str]) -> str:
    """Both files as one program, which is not in the sandbox's working folder."""
    here = files(__package__)
    plain, side = ((here / name).read_text("utf-8") for name in ("plain.py", "code_side.py"))
    side = side.replace("from __future__ import annotations\n", "")
    return f"{plain}\n{side}\nmain({list(paths)!r})\n"
