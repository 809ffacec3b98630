"""What `fieldmark doctor` looks at."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "missing", "optional"]
_MARK = {"ok": "ok", "missing": "MISSING", "optional": "not here (optional)"}


@dataclass(frozen=True)
class Finding:
    """One thing that is or is not here."""

    what: str
    state: State
    detail: str
    get: str = ""
    """How to get it."""


def findings(folder: Path | None) -> list[Finding]:
    """Everything that was looked at."""
    return [
        *_machine(),
        *_parts(),
        *_sandbox(),
        *_browser(),
        *_models(),
        *_port(),
        *(_field(folder) if folder else []),
    ]


def _machine() -> Iterator[Finding]:
    enough = sys.version_info >= (3, 11)
    yield Finding("Python", "ok" if enough else "missing", platform.python_version(), "Python 3.11 or newer")
    new = sqlite3.sqlite_version_info >= (3, 35)
    yield Finding(
        "SQLite",
        "ok" if new else "missing",
        sqlite3.sqlite_version,
        "a Python built with SQLite 3.35 or newer",
    )
    free = shutil.disk_usage(Path.home() if Path.home().exists() else "/").free
    yield Finding(
        "Disk", "ok" if free > 1e9 else "missing", f"{free / 1e9:.1f} GB free in the home folder", "1 GB free"
    )
    yield Finding(
        "Cores",
        "ok",
        str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
    )


def _parts() -> Iterator[Finding]:
    from fieldmark.server._page import FOLDER

    built = (FOLDER / "index.html").exists()
    yield Finding(
        "Page",
        "ok" if built else "missing",
        "built" if built else "not built",
        "pip install . without FIELDMARK_SKIP_PAGE",
    )
    embedded = importlib.util.find_spec("xllamacpp") is not None
    yield Finding(
        "Embedded llama.cpp",
        "ok" if embedded else "missing",
        "xllamacpp" if embedded else "",
        "pip install xllamacpp",
    )
    hub = importlib.util.find_spec("huggingface_hub") is not None
    yield Finding(
        "Model hub",
        "ok" if hub else "optional",
        "huggingface_hub" if hub else "",
        "pip install 'fieldmark[hub]'",
    )


def _sandbox() -> Iterator[Finding]:
    from fieldmark.sandbox import Bubblewrap

    get = 'sudo apt install bubblewrap; or Docker or Podman, with sandbox = "docker" in field.toml'
    if trouble := Bubblewrap.trouble():
        yield Finding("Sandbox", "optional", trouble, get)
        return
    bounds = Bubblewrap.bounds()
    yield Finding(
        "Sandbox", "ok", "bubblewrap: " + ", ".join(f"{what} by {how}" for what, how in bounds.items())
    )
    if bounds["memory"] != "cgroup":
        yield Finding(
            "Sandbox memory",
            "optional",
            "nothing here bounds the memory of all processes of a sandbox together, only of each",
            "run as root or below systemd with Delegate=yes (control groups); or Docker",
        )


def _browser() -> Iterator[Finding]:
    from fieldmark.sandbox import BROWSER

    if trouble := BROWSER.trouble():
        what, _, get = trouble.partition(": ")
        yield Finding("Browser", "optional", what, get)
    else:
        yield Finding("Browser", "ok", f"Chromium for websites; pages are kept in by {BROWSER.confined()}")


def _models() -> Iterator[Finding]:
    from fieldmark.contenders import CATALOGUE, Shelf

    shelf = Shelf()
    for known in CATALOGUE.values():
        here = shelf.has(known.name)
        accept = " --accept-licence" if known.ask_licence else ""
        where = str(shelf.find(known.name).path) if here else known.about
        state: State = "ok" if here else "optional"
        yield Finding(f"Model {known.name}", state, where, f"fieldmark models pull {known.name}{accept}")


def _port() -> Iterator[Finding]:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", 8421)) == 0
    yield Finding("Port 8421", "ok", "in use (perhaps by Fieldmark)" if taken else "free")


def _field(folder: Path) -> Iterator[Finding]:
    from fieldmark.errors import FieldError
    from fieldmark.fields import load_field

    try:
        field = load_field(folder)
    except FieldError as error:
        for problem in error.problems:
            yield Finding("Field", "missing", str(problem), "fieldmark field check")
        return
    yield Finding(
        "Field", "ok", f"{field.name}: {len(field.contenders)} contenders, {len(field.prompts)} prompts"
    )


def show(found: list[Finding], format_: str) -> None:
    """Print the findings."""
    if format_ == "json":
        print(json.dumps([asdict(f) for f in found], indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in found:
        get = "" if finding.state == "ok" else finding.get
        style = {"ok": "green", "missing": "bold red", "optional": "dim"}[finding.state]
        table.add_row(finding.what, f"[{style}]{_MARK[finding.state]}[/{style}]", finding.detail, get)
    Console().print(table)
