"""Server processes that are up at once: a process that has imported everything forks one at each word of its standard
input, and prints its process id and address when it answers. `python -m soak._nursery FOLDER [OPTION...]`; the options
are those of `benchmarks._served`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self


class Nursery:
    """The server of one field, started again after each kill."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._command = [sys.executable, "-m", "soak._nursery", str(folder), *options]
        self._parent: subprocess.Popen[str]
        self._child = 0
        self.url = ""
        """Where it answers; empty while it is down."""

    def __enter__(self) -> Self:
        self._parent = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.close()
        self._parent.wait(60)
        self._parent.stdout.close()

    async def start(self) -> None:
        """Start the server, and wait until it answers."""
        self.url = await asyncio.to_thread(self._start)

    def _start(self) -> str:
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write("up\n")
        self._parent.stdin.flush()
        process, _, url = self._parent.stdout.readline().strip().partition(" ")
        if not url:
            raise RuntimeError("the server did not start; it says why above")
        self._child = int(process)
        return url

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the server, by default without a chance to do anything, and wait until it is gone."""
        if self._child:
            self.url = ""
            os.kill(self._child, how)
            self._down()
            self._child = 0

    def _down(self) -> None:
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write("down\n")
        self._parent.stdin.flush()
        self._parent.stdout.readline()


def main() -> None:
    """`up` forks a server, `down` waits for its end."""
    import fieldmark.server.app
    import fieldmark.server.run  # noqa: F401
    from benchmarks import _served

    given = _served.arguments()
    _served.prepare(given)
    child = 0
    for word in sys.stdin:
        if word.strip() == "down":
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
            print("down", flush=True)
            continue
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            _served.serve_until_ended(given, lambda url: print(os.getpid(), url, flush=True))
            os._exit(0)


if __name__ == "__main__":
    main()
