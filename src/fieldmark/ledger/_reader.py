"""Reading the ledger: inside a transaction, in a snapshot of now, or as of an earlier head."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from fieldmark.errors import BrokenLedger, LedgerError, NotFound
from fieldmark.ledger import _schema
from fieldmark.ledger._keys import SignedHead
from fieldmark.ledger._prepared import Prepared
from fieldmark.ledger._projection import STEP
from fieldmark.ledger._proof import ConsistencyProof, InclusionProof
from fieldmark.ledger._record import Entry, Head, Record
from fieldmark.ledger._tree import Frontier, Tree
from fieldmark.ledger.evidence import Evidence, KeyInForce

_records = _schema.records
_nodes = _schema.nodes
_placed = select(_records.c.index, _records.c.raw, _records.c.hash)
_page = (
    _placed.where(_records.c.index >= bindparam("start"), _records.c.index < bindparam("stop"))
    .order_by(_records.c.index)
    .limit(STEP)
)
_page_of_types = _page.where(_records.c.type.in_(bindparam("types", expanding=True)))
_by_id = _placed.where(_records.c.id == bindparam("record_id"))
_leaves = (
    select(_records.c.index, _records.c.hash)
    .where(_records.c.index >= bindparam("start"), _records.c.index < bindparam("stop"))
    .order_by(_records.c.index)
)
_inner = (
    select(_nodes.c.position, _nodes.c.hash)
    .where(_nodes.c.height == bindparam("height"))
    .where(_nodes.c.position >= bindparam("start"), _nodes.c.position < bindparam("stop"))
    .order_by(_nodes.c.position)
)
_heads = _schema.heads
_head = select(_heads.c.field, _heads.c.size, _heads.c.hash)
_head_locked = _head.with_for_update()
_end = select(*(_heads.c[name] for name in ("field", "size", "hash", "frontier", "key", "signature")))
_text = select(_schema.texts.c.content).where(_schema.texts.c.text_id == bindparam("text_id"))
_person = Prepared(
    select(_schema.people.c.pseudonym).where(_schema.people.c.secret_hash == bindparam("secret_hash"))
)


def secret_hash(secret: str) -> bytes:
    """What is stored in place of a person's secret (SHA-256; secrets must be random, as a cookie's is)."""
    return hashlib.sha256(secret.encode()).digest()


def read_head(connection: Connection, *, lock: bool = False) -> tuple[str, int, bytes]:
    """`(field, size, hash)`; with `lock`, nobody else can append until the transaction ends.

    Raises:
        LedgerError: the database holds no ledger.
        BrokenLedger: what it says of its head cannot be one.
    """
    row = connection.execute(_head_locked if lock else _head).one_or_none()
    if row is None:
        raise LedgerError("this database holds no ledger", hint="serve the field once, or import an export")
    field, size, digest = row
    if not (isinstance(size, int) and isinstance(digest, bytes) and len(digest) == 32):
        raise BrokenLedger(f"the head is not a size and a hash but {size!r} and {digest!r}")
    return field, size, digest


@lru_cache(64)
def _texts(count: int) -> Prepared:
    """Of so many texts: a list of any length would be compiled each time."""
    c = _schema.texts.c
    wanted = c.text_id.in_([bindparam(f"t{at}") for at in range(count)])
    return Prepared(select(c.text_id, c.content).where(wanted))


class End(NamedTuple):
    """The row of the head."""

    field: str
    size: int
    hash: bytes
    frontier: bytes
    key: str | None
    signature: bytes | None


def read_end(connection: Connection, *, lock: bool = False) -> End:
    """The head with all that stands beside it.

    Raises:
        LedgerError: the database holds no ledger.
        BrokenLedger: what it says of its head cannot be one.
    """
    read_head(connection, lock=lock)
    field, size, digest, frontier, key, signature = connection.execute(_end).one()
    try:
        root = Frontier.unpack(size, frontier or b"").root()
    except (TypeError, ValueError) as error:
        raise BrokenLedger(f"the head's peaks do not fit its size: {error}") from error
    if root != digest:
        raise BrokenLedger(f"the head's peaks do not give {digest.hex()}, as it says, but {root.hex()}")
    return End(field, size, digest, frontier or b"", key, signature)


def read_tree(connection: Connection) -> Tree:
    """The tree over the records of a database."""

    def fetch(height: int, start: int, stop: int) -> list[bytes]:
        values = {"start": start, "stop": stop} | ({"height": height} if height else {})
        rows = connection.execute(_inner if height else _leaves, values).all()
        if len(rows) != stop - start:
            there = {position for position, _ in rows}
            first = next(at for at in range(start, stop) if at not in there)
            what = f"missing: the node of height {height} over it" if height else "missing"
            raise BrokenLedger(what, index=first << height)
        return [digest for _, digest in rows]

    return Tree(fetch)


def read_entries(
    connection: Connection, start: int, stop: int, types: Iterable[str | type[Evidence]] | None = None
) -> Iterator[Entry]:
    """Entries with `start <= index < stop`, in order, page by page."""
    values: dict[str, object] = {"start": start, "stop": stop}
    if types is not None:
        values["types"] = [each if isinstance(each, str) else each.type for each in types]
    statement = _page if types is None else _page_of_types
    while rows := connection.execute(statement, values).all():
        for index, raw, digest in rows:
            yield _entry(index, raw, digest)
        values["start"] = rows[-1][0] + 1


def _entry(index: int, raw: bytes, digest: bytes) -> Entry:
    try:
        return Entry(index, Record.parse(raw), raw, digest)
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

    def texts(self, text_ids: Sequence[str]) -> dict[str, str]:
        """Those of a few texts that are held, by id."""
        if not text_ids:
            return {}
        given = {f"t{at}": text_id for at, text_id in enumerate(text_ids)}
        rows = _texts(len(given)).execute(self._ledger, given).all()
        return {text_id: content.decode() for text_id, content in rows}

    def pseudonym(self, secret: str) -> str | None:
        """The pseudonym of whoever holds `secret`, if they have one."""
        found: str | None = _person.execute(
            self._ledger, {"secret_hash": secret_hash(secret)}
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

    def signed_head(self) -> SignedHead:
        """The head of now with its signature; of an earlier snapshot (`Ledger.at`) without one."""
        end = read_end(self._ledger)
        signature = end.signature.hex() if end.signature else None
        found = SignedHead(end.field, Head(end.size, end.hash.hex()), end.key, signature)
        return found if found.head == self._head else SignedHead(end.field, self._head, None, None)

    def key_at(self, size: int) -> str | None:
        """Public key (hex) in force when there were `size` records."""
        found = None
        for entry in read_entries(self._ledger, 0, size, [KeyInForce]):
            found = entry.record.body
        return found.public if isinstance(found, KeyInForce) else None

    def prove(self, record_id: str) -> InclusionProof:
        """Proof that a record is under the signed head.

        Raises:
            NotFound: there is none with that id.
        """
        entry = self.entry(record_id)
        path = self.tree().inclusion(entry.index, self._head.size)
        return InclusionProof(entry, tuple(path), self.signed_head())

    def consistency(self, kept: Head) -> ConsistencyProof:
        """Proof that a head kept earlier is the beginning of the signed head.

        Raises:
            NotFound: it never was a head of this ledger.
        """
        found = self.find_head(str(kept))
        path = self.tree().consistency(found.size, self._head.size)
        return ConsistencyProof(found, tuple(path), self.signed_head())

    def head_at(self, size: int) -> Head:
        """The head when there were `size` records.

        Raises:
            NotFound: there are not that many.
        """
        if not 0 <= size <= self._head.size:
            raise NotFound(f"there are {self._head.size} records, not {size}")
        if size == self._head.size:
            return self._head
        return Head(size, self.tree().root(size).hex())

    def tree(self) -> Tree:
        """The tree over the records, for roots and proofs of any size up to the head's."""
        return read_tree(self._ledger)

    def find_head(self, text: str) -> Head:
        """The head meant by `SIZE`, `SIZE:HASH` or `SIZE:` and the first 8 or more characters of the hash.

        Raises:
            NotFound: `text` is none of these, or this ledger never had such a head.
        """
        found = re.fullmatch(r"(\d{1,18})(?::([0-9a-fA-F]{8,64}))?", text, re.ASCII)
        if not found:
            raise NotFound(
                f"'{text}' names no head",
                hint="give SIZE, or SIZE:HASH; of the hash the first 8 characters are enough",
            )
        head = self.head_at(int(found[1]))
        if found[2] and not head.hash.startswith(found[2].lower()):
            raise NotFound(f"at {head.size} records the hash is {head.hash}, not {found[2]}")
        return head
