"""Types a command: `main` does in this process what the program does, without loading it anew for every command."""

from __future__ import annotations

import contextlib
import sys
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from typer.testing import CliRunner

from fieldmark import cli

_groups = cache(cli._add_groups)
"""A program adds them once; so must this process."""


def fieldmark(*words: str | Path, cwd: Path | None = None, typed: str = "") -> CompletedProcess[str]:
    """Run `fieldmark WORDS` in a folder, with `typed` on standard input: how it ended and what it printed."""
    line = ["fieldmark", *map(str, words)]
    with (
        mock.patch.object(cli, "_add_groups", _groups),
        mock.patch.object(sys, "argv", line),
        contextlib.chdir(cwd or Path.cwd()),
        CliRunner().isolation(input=typed) as (out, err, _),
    ):
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
        return CompletedProcess(line, status, out.getvalue().decode(), err.getvalue().decode())
