"""What every load test shares: a field behind a stub endpoint, both in processes of their own, on loopback."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import aiohttp

TICK = os.sysconf("SC_CLK_TCK")
FIELD = """name = "Load"
id = "load"
{more}
[policy]
max_prompt_characters = 20000
{contenders}
"""
CONTENDER = """
[[contenders]]
name = "{name}"
kind = "endpoint"
url = "http://127.0.0.1:{port}/v1"
model = "stub"
system = "You are {name}."
"""


@contextmanager
def stub(*, tokens: int = 60, rate: float = 20.0, first: float = 100.0) -> Iterator[int]:
    """The stub endpoint; gives its port."""
    command = [sys.executable, "-m", "benchmarks._stub", "--tokens", str(tokens), "--rate", str(rate)]
    with subprocess.Popen(
        [*command, "--first", str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def write_field(folder: Path, port: int, more: str = "", contenders: int = 2) -> Path:
    """A field whose contenders all stand behind the stub at `port`."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ["alder", "birch", "cedar", "dogwood"][:contenders]
    tables = "".join(CONTENDER.format(name=name, port=port) for name in names)
    (folder / "field.toml").write_text(FIELD.format(more=more, contenders=tables))
    (folder / "prompts.toml").write_text('[[prompts]]\ntext = "Say hello."\n')
    (folder / "guidelines.md").write_text("Prefer the answer you would use.\n")
    return folder


@dataclass
class Server:
    """A served field in a process of its own."""

    process: subprocess.Popen[str]
    url: str

    def cpu_seconds(self) -> float:
        """CPU time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def server(
    folder: Path, *options: str, environment: dict[str, str] | None = None, stderr: IO[str] | None = None
) -> Iterator[Server]:
    """`python -m benchmarks._served FOLDER OPTIONS`, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._served", str(folder), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    assert process.stdout
    try:
        line = process.stdout.readline().strip()
        if not line:
            raise RuntimeError("the server did not start; it says why above")
        yield Server(process, line)
    finally:
        process.terminate()
        process.communicate(timeout=60)


class Caller:
    """One browser: its cookie and its CSRF token, over a connection pool it shares."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session, self.url = session, url
        self.headers: dict[str, str] = {}

    async def begin(self) -> Self:
        """Begin a session."""
        async with self.session.get(f"{self.url}/api/v1/session") as reply:
            token = (await reply.json())["csrf"]
            cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in reply.cookies.items())
        self.headers = {"cookie": cookie, "x-fieldmark-csrf": token}
        return self

    async def sign_in(self, name: str, password: str) -> Self:
        """Sign in to an account."""
        body = {"name": name, "password": password}
        async with self.session.post(f"{self.url}/api/v1/login", json=body, headers=self.headers) as reply:
            said = await reply.json()
            cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in reply.cookies.items())
        self.headers = {"cookie": cookie, "x-fieldmark-csrf": said["csrf"]}
        return self


def pool() -> aiohttp.ClientSession:
    """Any number of connections, no cookie jar."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=120),
    )  # fmt: skip


def run_apart(module: str, *arguments: str, timeout: float = 300.0) -> str:
    """Run a load generator in a process of its own; its standard output."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=timeout,
    )
    return done.stdout


async def until(moment: float) -> None:
    """Sleep until `time.monotonic()` says so."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
