"""What a server keeps in the field's `.fieldmark`: its claim to be the only one, and the secret of its cookies."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fieldmark.errors import ServeError

_SECRET_CHARACTERS = 32


@contextmanager
def only_server(state: Path, address: str) -> Iterator[None]:
    """Be the only server of this field: a second one would end the rounds that are open in the first.

    The lock is the process's own, so that it is free again however the process ends; reading commands do not ask.

    Raises:
        ServeError: another one serves it; names its address.
    """
    state.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(state / "serving.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            place, _, process = file.read().strip().partition(" ")
            raise ServeError(
                f"this field is served already, on {place or 'another port'} (process {process or 'unknown'})",
                hint="open that address, or stop that server first",
            ) from None
        file.truncate()
        file.write(f"{address} {os.getpid()}\n")
        file.flush()
        yield


def cookie_secret(path: Path) -> str:
    """A random secret of this field, made once, readable by its owner only.

    Raises:
        ServeError: what is there is too short to be one.
    """
    if not path.exists():
        _write_once(path, secrets.token_urlsafe(32))
    found = path.read_text("utf-8", "replace").strip()
    if len(found) < _SECRET_CHARACTERS:
        raise ServeError(
            f"{path} holds no secret: it has fewer than {_SECRET_CHARACTERS} characters",
            hint="delete it, and a new one is made; each browser is then a new voter",
        )
    return found


def _write_once(path: Path, text: str) -> None:
    """Whole and on disk, or not at all; of several processes that start at once, the first one's."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its secret is the one that counts
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
