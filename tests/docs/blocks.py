"""Runs the commands in Markdown files.

A comment before a fenced block says what is done with it; the blocks of one file run in order in one folder.

    <!-- test: run -->          the block is a shell script that must succeed
    <!-- test: python -->       the block is a Python program that must succeed
    <!-- test: file NAME -->    the block becomes that file
    <!-- test: serve -->        the block is a `fieldmark up`, kept running; later blocks reach it at its address
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from fieldmark.contenders import Shelf

ADDRESS = "http://127.0.0.1:8421"
_BLOCK = re.compile(
    r"^(?P<indent> *)<!-- test: (?P<what>\w+) ?(?P<name>\S*) -->\n *```\w*\n(?P<body>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One block to test."""

    what: str
    name: str
    body: str


def blocks(markdown: str) -> list[Block]:
    """The marked blocks of a file, without the indentation they have in lists."""
    return [Block(m["what"], m["name"], textwrap.dedent(m["body"])) for m in _BLOCK.finditer(markdown)]


@dataclass
class Reader:
    """Somebody who follows a page in an empty home, with the models of this machine."""

    folder: Path
    address: str = ADDRESS
    printed: str = ""
    _serving: list[subprocess.Popen[str]] = field(default_factory=list)

    def follow(self, markdown: str) -> None:
        """Do what the page says. AssertionError, with what was printed, when a step fails."""
        for block in blocks(markdown):
            body = block.body.replace(ADDRESS, self.address)
            match block.what:
                case "file":
                    (self.folder / block.name).write_text(body, "utf-8")
                case "run":
                    self._run(["bash", "-euo", "pipefail", "-c", body], body)
                case "python":
                    self._run([sys.executable, "-c", body], body)
                case "serve":
                    self._serve(body)
                case other:
                    raise AssertionError(f"nobody knows how to '{other}'")

    def _run(self, command: list[str], body: str) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{body}\n{done.stdout}{done.stderr}"
        self.printed += done.stdout

    def _serve(self, body: str) -> None:
        command = ["bash", "-c", f"exec {body.strip()} --port 0"]
        started = subprocess.Popen(
            command, cwd=self.folder, env=self._environment(), stderr=subprocess.PIPE, text=True, bufsize=1
        )
        self._serving.append(started)
        assert started.stderr
        said = []
        for line in started.stderr:
            said.append(line)
            if found := re.search(r"served on (http://\S+)", line):
                self.address = found[1]
                return
        raise AssertionError(f"{body}\n{''.join(said)}")

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("FIELDMARK_", "XDG_", "COLUMNS"))}
        models = str(Shelf().folder)
        return {**kept, "PATH": path, "HOME": str(self.folder), "FIELDMARK_MODELS": models, "COLUMNS": "200"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for serving in self._serving:
            serving.terminate()
            serving.communicate(timeout=30)


@contextmanager
def reader(folder: Path, address: str = ADDRESS) -> Iterator[Reader]:
    """A reader who begins in `folder`."""
    with Reader(folder, address) as one:
        yield one
