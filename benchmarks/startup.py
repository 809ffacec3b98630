"""From a clone to a page that answers, as a newcomer does it: empty HOME, bare environment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks._row import Row, at_most, benchmark

ROOT = Path(__file__).parent.parent
KEPT = ("PATH", "LANG", "PIP_CERT", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy")


@benchmark("clone to page with `make up` in a bare environment, and a later start")
def run(fault: bool) -> Iterator[Row]:
    """With `fault`, the clock starts five minutes early."""
    early = 300.0 if fault else 0.0
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "fieldmark"
        home = Path(folder) / "home"
        home.mkdir()
        start = time.perf_counter() - early
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        with _up(clone, home, patience=600):
            yield at_most("clone to page", time.perf_counter() - start, "s", 180)
        start = time.perf_counter() - early
        with _up(clone, home, patience=60):
            yield at_most("later start", time.perf_counter() - start, "s", 5)


@contextmanager
def _up(clone: Path, home: Path, *, patience: float) -> Iterator[None]:
    """`make up` until the page answers; ended by Ctrl+C."""
    port = _free_port()
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"HOME": str(home)}
    process = subprocess.Popen(
        ["make", "up", f"PORT={port}"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        _await(f"http://127.0.0.1:{port}/", process, patience)
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)


def _await(url: str, process: subprocess.Popen[str], patience: float) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"make up ended: {process.communicate()[0][-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                if reply.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"no page after {patience:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
