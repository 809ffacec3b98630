"""Writing: the log's open end, and what one piece of work may do to it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, update

from fieldmark.errors import InputError
from fieldmark.ledger import _schema
from fieldmark.ledger._ids import random_id, record_id
from fieldmark.ledger._projection import Projection
from fieldmark.ledger._reader import Reader, read_head, secret_hash
from fieldmark.ledger._record import Commitment, Entry, Head, Record, timestamp
from fieldmark.ledger._upkeep import catch_up, settle
from fieldmark.ledger.evidence import Evidence

_insert_record = insert(_schema.records)
_insert_text = insert(_schema.texts)
_insert_person = insert(_schema.people)


class Log:
    """The log's end in one database transaction: the head is read when it opens, written when it settles."""

    def __init__(self, connection: Connection, projections: Sequence[Projection]) -> None:
        self.connection = connection
        self.projections = projections
        self.field, self.size, self.hash = read_head(connection, lock=True)
        self._written = self.size
        catch_up(connection, projections, self.size)

    def append(self, raw: bytes) -> Entry:
        """Put a record's bytes at the end and show it to every projection.

        Raises:
            ValueError: the bytes are no record, so they could never be read back.
        """
        entry = Entry.of(self.size, raw, self.hash)
        self.connection.execute(_insert_record, _row(entry))
        self._take(entry)
        return entry

    def extend(self, entries: Sequence[Entry]) -> None:
        """Put many entries, already chained to the end, in one go."""
        if entries:
            self.connection.execute(_insert_record, [_row(entry) for entry in entries])
        for entry in entries:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        self.size, self.hash = entry.index + 1, entry.hash
        for projection in self.projections:
            projection.take(self.connection, entry)

    def settle(self) -> None:
        """Write the head and how far the projections are, before the commit."""
        if self.size != self._written:
            self.connection.execute(update(_schema.heads).values(size=self.size, hash=self.hash))
            settle(self.connection, self.projections, self.size)


def store_text(connection: Connection, text_id: str, salt: bytes, utf8: bytes) -> None:
    """Keep a text beside the log."""
    connection.execute(_insert_text, {"text_id": text_id, "salt": salt, "content": utf8})


def _row(entry: Entry) -> dict[str, object]:
    record = entry.record
    return {
        "index": entry.index,
        "id": record.id,
        "type": record.type,
        "hash": entry.hash,
        "raw": entry.raw,
    }


class Transaction(Reader):
    """What a piece of work may read and write: all of it happens, or none.

    A work must let errors of the database through, and neither commit nor roll back its connection.
    """

    def __init__(self, log: Log, now: datetime) -> None:
        super().__init__(log.connection, log.connection)
        self.log = log
        """The open end itself, for the ledger's own modules."""
        self._now = now

    def _size(self) -> int:
        return self.log.size

    @property
    def head(self) -> Head:
        """The head after what was appended so far."""
        return Head(self.log.size, self.log.hash.hex())

    def now(self) -> datetime:
        """When this work began, in UTC; every record it appends says the same."""
        return self._now

    def append(
        self,
        evidence: Evidence,
        *,
        actor: str,
        refs: Mapping[str, str] | None = None,
        texts: Mapping[str, str] | None = None,
        commitments: Mapping[str, Commitment] | None = None,
    ) -> Entry:
        """Append a record. `texts` are stored and committed to; `commitments` are to texts stored before.

        Raises:
            ValueError: a name is both a text and a commitment, or the body holds what JSON cannot say.
            InputError: a text is not valid Unicode.
        """
        committed = dict(commitments or {})
        for name, content in (texts or {}).items():
            if name in committed:
                raise ValueError(f"'{name}' is given both as a text and as a commitment")
            committed[name] = self.put_text(content)
        record = Record(
            v=evidence.v,
            type=evidence.type,
            id=record_id(),
            field=self.log.field,
            at=timestamp(self._now),
            actor=actor,
            refs=refs or {},
            commitments=committed,
            body=evidence,
        )
        return self.log.append(record.encode())

    def put_text(self, content: str) -> Commitment:
        """Store a text under a random id and salt.

        Raises:
            InputError: it is not valid Unicode (a lone surrogate).
        """
        try:
            utf8 = content.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"the text is not valid Unicode: {error.reason}") from error
        text_id, salt = random_id("t"), secrets.token_bytes(32)
        store_text(self.connection, text_id, salt, utf8)
        return Commitment.of(text_id, salt, utf8)

    def pseudonym(self, secret: str) -> str:
        """The pseudonym of whoever holds `secret`, made and linked now if there is none."""
        known = super().pseudonym(secret)
        if known is not None:
            return known
        made = random_id("p")
        self.connection.execute(_insert_person, {"secret_hash": secret_hash(secret), "pseudonym": made})
        return made
