"""Reading the ledger: inside a transaction, in a snapshot of now, or as of an earlier head."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, bindparam, select

from fieldmark.errors import BrokenLedger, LedgerError, NotFound
from fieldmark.ledger import _schema
from fieldmark.ledger._projection import STEP
from fieldmark.ledger._record import GENESIS, Entry, Head, Record
from fieldmark.ledger.evidence import Evidence

_records = _schema.records
_before = _records.alias("before")
_placed = select(_records.c.index, _records.c.raw, _before.c.hash, _records.c.hash).join_from(
    _records, _before, _before.c.index == _records.c.index - 1, isouter=True
)
_page = (
    _placed.where(_records.c.index >= bindparam("start"), _records.c.index < bindparam("stop"))
    .order_by(_records.c.index)
    .limit(STEP)
)
_page_of_types = _page.where(_records.c.type.in_(bindparam("types", expanding=True)))
_by_id = _placed.where(_records.c.id == bindparam("record_id"))
_hash_at = select(_records.c.hash).where(_records.c.index == bindparam("at"))
_head = select(_schema.heads.c.field, _schema.heads.c.size, _schema.heads.c.hash)
_text = select(_schema.texts.c.content).where(_schema.texts.c.text_id == bindparam("text_id"))
_person = select(_schema.people.c.pseudonym).where(_schema.people.c.secret_hash == bindparam("secret_hash"))


def secret_hash(secret: str) -> bytes:
    """What is stored in place of a person's secret (SHA-256; secrets must be random, as a cookie's is)."""
    return hashlib.sha256(secret.encode()).digest()


def read_head(connection: Connection, *, lock: bool = False) -> tuple[str, int, bytes]:
    """`(field, size, hash)`; with `lock`, nobody else can append until the transaction ends.

    Raises:
        LedgerError: the database holds no ledger.
        BrokenLedger: what it says of its head cannot be one.
    """
    row = connection.execute(_head.with_for_update() if lock else _head).one_or_none()
    if row is None:
        raise LedgerError("this database holds no ledger", hint="serve the field once, or import an export")
    field, size, digest = row
    if not (isinstance(size, int) and isinstance(digest, bytes) and len(digest) == 32):
        raise BrokenLedger(f"the head is not a size and a hash but {size!r} and {digest!r}")
    return field, size, digest


def read_entries(
    connection: Connection, start: int, stop: int, types: Iterable[str | type[Evidence]] | None = None
) -> Iterator[Entry]:
    """Entries with `start <= index < stop`, in order, page by page."""
    values: dict[str, object] = {"start": start, "stop": stop}
    if types is not None:
        values["types"] = [each if isinstance(each, str) else each.type for each in types]
    statement = _page if types is None else _page_of_types
    while rows := connection.execute(statement, values).all():
        for index, raw, previous, digest in rows:
            yield _entry(index, raw, previous, digest)
        values["start"] = rows[-1][0] + 1


def _entry(index: int, raw: bytes, previous: bytes | None, digest: bytes) -> Entry:
    try:
        return Entry(index, Record.parse(raw), raw, previous or GENESIS, digest)
    except ValueError as error:
        raise BrokenLedger(str(error), index=index) from error


class Reader:
    """What can be read of a ledger. `connection` also reaches the projections' tables."""

    def __init__(self, connection: Connection, ledger: Connection) -> None:
        self.connection = connection
        self._ledger = ledger

    def _size(self) -> int:
        raise NotImplementedError

    def entries(
        self, start: int = 0, stop: int | None = None, types: Iterable[str | type[Evidence]] | None = None
    ) -> Iterator[Entry]:
        """Entries in order, from index `start` up to but not including `stop`, of some `types` or of all.

        Raises:
            BrokenLedger: a record's bytes cannot be read.
        """
        end = self._size() if stop is None else min(stop, self._size())
        return read_entries(self._ledger, start, end, types)

    def entry(self, record_id: str) -> Entry:
        """The record with that id.

        Raises:
            NotFound: there is none.
            BrokenLedger: its bytes cannot be read.
        """
        row = self._ledger.execute(_by_id, {"record_id": record_id}).one_or_none()
        if row is None or row[0] >= self._size():
            raise NotFound(f"no record has the id '{record_id}'")
        return _entry(*row)

    def text(self, text_id: str) -> str | None:
        """The text, or None when it is not held (erased, or left out of an import)."""
        content = self._ledger.execute(_text, {"text_id": text_id}).scalar_one_or_none()
        return None if content is None else content.decode()

    def pseudonym(self, secret: str) -> str | None:
        """The pseudonym of whoever holds `secret`, if they have one."""
        found: str | None = self._ledger.execute(
            _person, {"secret_hash": secret_hash(secret)}
        ).scalar_one_or_none()
        return found


class Snapshot(Reader):
    """The ledger at one head. Nothing written meanwhile shows, and nothing can be written."""

    def __init__(self, connection: Connection, ledger: Connection, head: Head) -> None:
        super().__init__(connection, ledger)
        self._head = head

    def _size(self) -> int:
        return self._head.size

    def head(self) -> Head:
        """The head this snapshot shows."""
        return self._head

    def head_at(self, size: int) -> Head:
        """The head when there were `size` records.

        Raises:
            NotFound: there are not that many.
        """
        if not 0 <= size <= self._head.size:
            raise NotFound(f"there are {self._head.size} records, not {size}")
        digest = self._ledger.execute(_hash_at, {"at": size - 1}).scalar_one_or_none() if size else GENESIS
        if digest is None:
            raise BrokenLedger("it is missing", index=size - 1)
        return Head(size, digest.hex())

    def find_head(self, text: str) -> Head:
        """The head meant by `SIZE:HASH`, `SIZE`, `HASH` or the beginning of one hash (at least 8 characters).

        Raises:
            InputError: `text` is none of these.
            NotFound: this ledger never had such a head.
        """
        if len(text) < 19 and text.isascii() and text.isdigit() and int(text) <= self._head.size:
            return self.head_at(int(text))
        if ":" in text:
            wanted = Head.parse(text)
            found = self.head_at(wanted.size)
            if found != wanted:
                raise NotFound(f"at {wanted.size} records the hash is {found.hash}, not {wanted.hash}")
            return found
        return self._find_hash(text.lower())

    def _find_hash(self, beginning: str) -> Head:
        if not 8 <= len(beginning) <= 64 or set(beginning) - set("0123456789abcdef"):
            raise NotFound(
                f"'{beginning}' names no head",
                hint="give SIZE, SIZE:HASH, or at least 8 characters of the hash",
            )
        low, high = (bytes.fromhex(beginning.ljust(64, digit)) for digit in "0f")
        statement = (
            select(_records.c.index, _records.c.hash)
            .where(_records.c.hash.between(low, high), _records.c.index < self._head.size)
            .limit(2)
        )
        found = self._ledger.execute(statement).all()
        if len(found) != 1:
            raise NotFound(f"{'several heads begin' if found else 'no head begins'} with '{beginning}'")
        index, digest = found[0]
        return Head(index + 1, digest.hex())
