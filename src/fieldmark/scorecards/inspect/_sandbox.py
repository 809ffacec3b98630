"""Bubblewrap as a sandbox of Inspect's: `Task(..., sandbox="fieldmark")`, without Docker.

Inspect finds it by its entry point. The config, if any, is the kind of our sandboxes: `("fieldmark", "podman")`.
"""

from __future__ import annotations

from typing import Literal, cast, overload

from inspect_ai.util import ExecResult, SandboxEnvironment, SandboxEnvironmentConfigType, sandboxenv

from fieldmark.errors import SandboxError
from fieldmark.sandbox import SANDBOXES, WORK, Limits, Sandbox

READ_LIMIT = 100 << 20
"""Bytes; Inspect's own limit."""
EXEC_SECONDS = 600.0
"""Of a command without a timeout."""


@sandboxenv(name="fieldmark")
class FieldmarkSandbox(SandboxEnvironment):
    """One sandbox for one sample."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner

    @classmethod
    async def sample_init(
        cls,
        task_name: str,  # noqa: ARG003
        config: SandboxEnvironmentConfigType | None,
        metadata: dict[str, str],  # noqa: ARG003
    ) -> dict[str, SandboxEnvironment]:
        """A fresh sandbox of the kind that `config` names."""
        kind = SANDBOXES.get(config if isinstance(config, str) else "bubblewrap")
        if trouble := kind.trouble():
            raise SandboxError(f"no {kind.kind} sandbox: {trouble}")
        inner = kind(Limits(seconds=EXEC_SECONDS, output_kb=10 << 10))
        await inner.open()
        return {"default": cls(inner)}

    @classmethod
    async def sample_cleanup(
        cls,
        task_name: str,  # noqa: ARG003
        config: SandboxEnvironmentConfigType | None,  # noqa: ARG003
        environments: dict[str, SandboxEnvironment],
        interrupted: bool,  # noqa: ARG003
    ) -> None:
        """Throw it away, with everything that still runs in it."""
        for each in environments.values():
            await cast(FieldmarkSandbox, each)._inner.close()

    async def exec(
        self,
        cmd: list[str],
        input: str | bytes | None = None,  # noqa: A002
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        user: str | None = None,  # noqa: ARG002 (there is one user)
        timeout: int | None = None,  # noqa: ASYNC109
        timeout_retry: bool = True,  # noqa: ARG002
        concurrency: bool = True,  # noqa: ARG002
    ) -> ExecResult[str]:
        """Run a command. Raises TimeoutError."""
        given = input.encode() if isinstance(input, str) else input or b""
        done = await self._inner.exec(cmd, stdin=given, cwd=_inside(cwd), env=env, seconds=timeout)
        if done.timed_out:
            raise TimeoutError(f"the command ran for more than {timeout or EXEC_SECONDS:g} s")
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        return ExecResult(done.ok, done.code, out, err)

    async def write_file(self, file: str, contents: str | bytes) -> None:
        """Write a file of the working folder."""
        await self._inner.write(_inside(file), contents.encode() if isinstance(contents, str) else contents)

    @overload
    async def read_file(self, file: str, text: Literal[True] = True) -> str: ...
    @overload
    async def read_file(self, file: str, text: Literal[False]) -> bytes: ...
    async def read_file(self, file: str, text: bool = True) -> str | bytes:
        """Read a file of the working folder. Raises FileNotFoundError, UnicodeDecodeError."""
        content = await self._inner.read(_inside(file), limit=READ_LIMIT)
        return content.decode() if text else content


def _inside(path: str | None) -> str:
    if not path:
        return "."
    return path.removeprefix(WORK).lstrip("/") or "." if path.startswith(WORK) else path
