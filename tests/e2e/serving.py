"""`fieldmark up` as a process, as people start it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_ADDRESS = re.compile(r"\b127\.0\.0\.1:(\d+)")


@dataclass
class Process:
    """A running server."""

    process: subprocess.Popen[str]
    port: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """As the kernel does it when memory runs out: no goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def children(self) -> list[int]:
        """Processes that it started (Linux)."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


@contextlib.contextmanager
def up(
    folder: Path | None,
    *,
    port: int = 0,
    environment: dict[str, str] | None = None,
    command: list[str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Process]:
    """Serve until the block ends; without a folder, the starter field of whoever HOME belongs to."""
    process = subprocess.Popen(
        [
            *(command or [sys.executable, "-m", "fieldmark"]),
            "up",
            *([str(folder)] if folder else []),
            "--port",
            str(port),
        ],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment or dict(os.environ),
    )
    running, found = Process(process), threading.Event()
    reader = threading.Thread(target=_listen, args=(running, found))
    reader.start()
    try:
        found.wait(90)
        assert running.port, "".join(running.said)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()
        assert process.stderr
        process.stderr.close()


def _listen(running: Process, found: threading.Event) -> None:
    assert running.process.stderr
    for line in running.process.stderr:
        running.said.append(line)
        if address := _ADDRESS.search(line):
            running.port = int(address[1])
            found.set()
    found.set()
