"""Handing signed heads to a witness, and reading back what a file or a git repository holds of them."""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError

from sqlalchemy import func, select

from fieldmark.errors import InputError, LedgerError
from fieldmark.ledger import _schema
from fieldmark.ledger._canonical import decode, encode
from fieldmark.ledger._keys import SignedHead
from fieldmark.ledger._ledger import Ledger
from fieldmark.ledger._proof import read_signed
from fieldmark.ledger._reader import Snapshot
from fieldmark.ledger.evidence import HeadWitnessed

WitnessKind = Literal["file", "git", "http"]
PATIENCE = 30.0
"""Seconds for git, and for an address to answer."""
_records = _schema.records


def witness(ledger: Ledger, name: str, kind: WitnessKind, target: str) -> SignedHead | None:
    """Hand the signed head to a witness and record that; None when nothing was recorded since the last time.

    Raises:
        LedgerError: no key is in force, or the witness did not take it.
    """
    with ledger.read() as snapshot:
        signed = snapshot.signed_head()
        if not signed.sound:
            raise LedgerError(
                "the head is not signed", hint="open the field once with its key: `fieldmark up`"
            )
        if not _is_new(snapshot, name):
            return None
    hand_over(signed, kind, target)
    body = HeadWitnessed(
        size=signed.head.size,
        root=signed.head.hash,
        key=str(signed.key),
        signature=str(signed.signature),
        witness=name,
    )
    ledger.write(lambda now: now.append(body, actor="system"))
    return signed


def _is_new(snapshot: Snapshot, name: str) -> bool:
    """Whether there is more since the last head of this witness than records of heads."""
    last = 0
    for entry in snapshot.entries(types=[HeadWitnessed]):
        body = entry.record.body
        if isinstance(body, HeadWitnessed) and body.witness == name:
            last = body.size
    where = _records.c.index >= last, _records.c.type != HeadWitnessed.type
    count = select(func.count()).select_from(_records).where(*where)
    return bool(snapshot.connection.execute(count).scalar_one())


def hand_over(signed: SignedHead, kind: WitnessKind, target: str) -> None:
    """Give a signed head to a witness: one line of JSON.

    Raises:
        LedgerError: it did not take it.
    """
    line = encode(signed.as_json()) + b"\n"
    try:
        if kind == "http":
            _post(target, line)
        elif kind == "git":
            _commit(Path(target), signed, line)
        else:
            _append(Path(target), line)
    except (OSError, HTTPException, subprocess.SubprocessError, ValueError) as error:
        said = getattr(error, "stderr", None) or error
        raise LedgerError(
            f"the witness {target} did not take the head: {_said(said)}", hint="it is tried again"
        ) from error


def _said(error: object) -> str:
    return (error.decode(errors="replace") if isinstance(error, bytes) else str(error)).strip()


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _commit(folder: Path, signed: SignedHead, line: bytes) -> None:
    if not (folder / ".git").exists():
        raise LedgerError(f"{folder} is no git repository", hint=f"make one: `git init {folder}`")
    path = folder / file_name(signed.field)
    held = path.read_bytes() if path.exists() else b""
    if not held.endswith(line):  # a commit that failed has left it there
        _append(path, line)
    _git(folder, "add", "--", path.name)
    who = []
    for name, value in (("user.name", "Fieldmark"), ("user.email", "fieldmark@localhost")):
        if _git(folder, "config", name, check=False).returncode:
            who += ["-c", f"{name}={value}"]
    message = f"Head of {signed.field}: {signed.head}"
    _git(folder, *who, "commit", "--quiet", "--allow-empty", "-m", message, "--", path.name)


def _git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(
        command, capture_output=True, check=check, timeout=PATIENCE, stdin=subprocess.DEVNULL
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The address that the operator named, or none."""

    def redirect_request(self, *_: object) -> None:
        return None


def _post(address: str, line: bytes) -> None:
    headers = {"content-type": "application/json", "user-agent": "fieldmark"}
    request = urllib.request.Request(address, data=line, headers=headers, method="POST")  # noqa: S310
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE) as answer:
            answer.read(1024)
    except HTTPError as error:
        error.close()
        raise OSError(f"it answered {error.code}") from error


def file_name(field: str) -> str:
    """Name of the file in a git witness's repository."""
    return f"{field}.heads.jsonl"


def witnessed_heads(place: Path, field: str) -> Iterator[SignedHead]:
    """What a file, or a git repository's folder, holds of a field's heads.

    Raises:
        InputError: it cannot be read, or a line is no head.
    """
    path = place / file_name(field) if place.is_dir() else place
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            signed = read_signed(decode(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: not a signed head: {error}") from error
        if signed.field == field:
            yield signed
