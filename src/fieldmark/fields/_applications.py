"""Keys of applications: who may ask through `/v1` and say what became of a case. Only their SHA-256 is kept."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Row, insert, select, update

from fieldmark.errors import Conflict, Forbidden, InputError, NotFound, NotSignedIn
from fieldmark.ledger import Ledger, Snapshot, Transaction, timestamp
from fieldmark.ledger.evidence import AdminAct
from fieldmark.ledger.state import application_keys as keys

Scope = Literal["ask", "outcome", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KEY_AGE = 1.0
"""Seconds for which what was read about keys is believed: a key revoked by another process ends within them."""
USED_EVERY = 60.0
"""Seconds between two notes of when a key was used."""
_NAME_LENGTH = 100


@dataclass(frozen=True)
class Application:
    """An application as its key says."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created: str
    used: str | None
    revoked: str | None

    def check(self, scope: Scope) -> None:
        """Raise Forbidden unless the key has that scope."""
        if scope not in self.scopes:
            raise Forbidden(
                f"this key may not do that: it lacks the scope '{scope}'", hint="make a key that has it"
            )


class KeyRefused(NotSignedIn):
    """There is no such key, or it was revoked (HTTP 401)."""


def create_key(
    now: Transaction, name: str, scopes: Iterable[Scope], *, actor: str
) -> tuple[Application, str]:
    """Make a key; returns the application and its secret, which is kept nowhere.

    Raises:
        InputError: no name, or an unknown scope or none.
    """
    name, wanted = name.strip(), sorted(set(scopes))
    if not name or len(name) > _NAME_LENGTH or not name.isprintable():
        raise InputError("an application needs a name", hint=f"one line of up to {_NAME_LENGTH} characters")
    if not wanted or set(wanted) - set(SCOPES):
        raise InputError("a key needs scopes", hint="some of: " + ", ".join(SCOPES))
    secret, identifier = f"fm_{secrets.token_urlsafe(32)}", f"app_{secrets.token_hex(10)}"
    created = timestamp(now.now())
    row = {"id": identifier, "name": name, "scopes": wanted, "created": created}
    now.connection.execute(insert(keys), {**row, "secret_hash": _hash(secret)})
    act = AdminAct(act="key_created", subject=identifier, details={"scopes": " ".join(wanted)})
    now.append(act, actor=actor)
    return Application(identifier, name, frozenset(wanted), created, None, None), secret


def revoke_key(now: Transaction, identifier: str, *, actor: str) -> Application:
    """End a key, by its id or its name; what is being answered with it ends too.

    Raises:
        NotFound: no key has that id or name.
        Conflict: several have that name.
    """
    found = [a for a in _read(now) if identifier in (a.id, a.name)]
    alive = [a for a in found if a.revoked is None] or found[:1]
    if not alive:
        raise NotFound(f"no key has the id or name '{identifier}'", hint="see `fieldmark keys list`")
    if len(alive) > 1:
        raise Conflict(f"several keys are called '{identifier}'", code="ambiguous", hint="give the id")
    if alive[0].revoked is None:
        values = {"revoked": timestamp(now.now())}
        now.connection.execute(update(keys).where(keys.c.id == alive[0].id).values(**values))
        now.append(AdminAct(act="key_revoked", subject=alive[0].id), actor=actor)
    return next(a for a in _read(now) if a.id == alive[0].id)


def list_keys(snapshot: Snapshot) -> list[Application]:
    """Every key, oldest first, revoked ones too."""
    return _read(snapshot)


def _read(reader: Snapshot | Transaction) -> list[Application]:
    rows = reader.connection.execute(select(keys).order_by(keys.c.created, keys.c.id))
    return [_application(row) for row in rows]


def _application(row: Row[Any]) -> Application:
    return Application(row.id, row.name, frozenset(row.scopes), row.created, row.used, row.revoked)


def _hash(secret: str) -> bytes:
    """Keys are random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


class Applications:
    """Checks keys from memory; what it believes is at most `KEY_AGE` seconds old."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._by_hash: dict[bytes, Application] = {}
        self._alive: set[str] = set()
        self._read_at = self._forgotten = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._noted: dict[str, float] = {}

    async def any(self) -> bool:
        """Whether there ever was a key: from then on `/v1` is closed to everybody else."""
        await self._fresh()
        return bool(self._by_hash)

    async def identify(self, authorization: str | None, scope: Scope) -> Application | None:
        """Whose key an `Authorization` header holds; None as long as there are no keys.

        Raises:
            KeyRefused: it is missing, unknown or revoked.
            Forbidden: it lacks the scope.
        """
        await self._fresh()
        if not self._by_hash:
            return None
        kind, _, secret = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise KeyRefused("this field asks for an application key", hint="send it as the API key")
        found = self._by_hash.get(_hash(secret.strip()))
        if found is None:
            raise KeyRefused("there is no such application key", hint="make one: `fieldmark keys create`")
        if found.revoked is not None:
            raise KeyRefused("this application key was revoked", hint="make one: `fieldmark keys create`")
        found.check(scope)
        self._note_use(found)
        return found

    def holds(self, application: Application) -> bool:
        """Whether its key still holds, without waiting: for use between two pieces of an answer."""
        self._read_ahead()
        return application.id in self._alive

    def names(self) -> dict[str, str]:
        """Names of all applications by id, as last read."""
        return {a.id: a.name for a in self._by_hash.values()}

    def forget(self) -> None:
        """Read the keys anew before the next one is checked."""
        self._forgotten = time.monotonic()

    @property
    def _stale(self) -> bool:
        return self._read_at <= max(time.monotonic() - KEY_AGE, self._forgotten)

    async def _fresh(self) -> None:
        self._read_ahead()
        while self._stale:
            await asyncio.shield(self._reading or self._read_anew())

    def _read_ahead(self) -> None:
        """Begin to read before what was read is too old, so that hardly any request waits for it."""
        if self._reading is None and (self._stale or self._read_at <= time.monotonic() - KEY_AGE / 2):
            self._read_anew()

    def _read_anew(self) -> asyncio.Task[None]:
        self._reading = reading = asyncio.create_task(self._read())
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return reading

    async def _read(self) -> None:
        try:
            began = time.monotonic()
            rows = await asyncio.to_thread(self._rows)
            self._by_hash = {row.secret_hash: _application(row) for row in rows}
            self._alive = {row.id for row in rows if row.revoked is None}
            self._read_at = began
        finally:
            self._reading = None

    def _rows(self) -> Sequence[Row[Any]]:
        with self._ledger.read() as snapshot:
            return snapshot.connection.execute(select(keys)).all()

    def _note_use(self, application: Application) -> None:
        now = time.monotonic()
        if now - self._noted.get(application.id, float("-inf")) < USED_EVERY:
            return
        self._noted[application.id] = now

        def note(transaction: Transaction) -> None:
            at = timestamp(transaction.now())
            transaction.connection.execute(update(keys).where(keys.c.id == application.id).values(used=at))

        self._noting = asyncio.ensure_future(self._ledger.awrite(note))
        self._noting.add_done_callback(lambda done: done.cancelled() or done.exception())
