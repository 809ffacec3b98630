"""Writing: the log's open end, and what one piece of work may do to it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, update

from fieldmark.errors import InputError, LedgerUnavailable
from fieldmark.ledger import _schema
from fieldmark.ledger._ahead import Looked
from fieldmark.ledger._erase import Reason, Trail, erase_in
from fieldmark.ledger._ids import random_id, record_id
from fieldmark.ledger._keys import SignedHead, Signer, checkpoint
from fieldmark.ledger._many import Piece, append_many
from fieldmark.ledger._prepared import Prepared
from fieldmark.ledger._projection import Batch, Projection
from fieldmark.ledger._reader import Reader, read_end, secret_hash
from fieldmark.ledger._record import Commitment, Entry, Head, Record, timestamp
from fieldmark.ledger._tree import Frontier, Kept
from fieldmark.ledger._upkeep import catch_up, settle
from fieldmark.ledger.evidence import Erasure, Evidence, KeyInForce

_insert_record = insert(_schema.records)
_insert_one = Prepared(_insert_record, _schema.records.columns.keys())
_settle_head = Prepared(
    update(_schema.heads).values(
        {name: bindparam(name) for name in ("size", "hash", "frontier", "key", "signature")}
    )
)
_insert_node = insert(_schema.nodes)
_insert_text = Prepared(insert(_schema.texts), _schema.texts.columns.keys())
_insert_person = Prepared(insert(_schema.people), _schema.people.columns.keys())


class Log:
    """The log's end in one database transaction: the head is read when it opens, written when it settles."""

    def __init__(
        self, connection: Connection, projections: Sequence[Projection], signer: Signer | None = None
    ) -> None:
        self.connection = connection
        self.projections = projections
        end = read_end(connection, lock=True)
        self.field = end.field
        self.key = end.key
        """The public key in force (hex)."""
        self.signed: SignedHead | None = None
        """A head whose signature came with it (from an import)."""
        self._frontier = Frontier.unpack(end.size, end.frontier)
        self._signer = signer
        self._batches: list[Batch] = []
        self._written = self._end = end.size, end.hash
        if signer is not None and end.key is not None and not (signer.lost and not signer.holds(end.key)):
            signature = end.signature.hex() if end.signature else None
            _recognise(signer, SignedHead(end.field, self.head, end.key, signature))
        catch_up(connection, projections, self.size)

    @property
    def size(self) -> int:
        """Records so far."""
        return self._frontier.size

    @property
    def hash(self) -> bytes:
        """Root of the tree over them."""
        if self._end[0] != self.size:
            self._end = self.size, self._frontier.root()
        return self._end[1]

    @property
    def head(self) -> Head:
        """Both."""
        return Head(self.size, self.hash.hex())

    def mark(self) -> object:
        """What `reset` goes back to."""
        return self.size, tuple(self._frontier.peaks), self.key

    def reset(self, mark: object) -> None:
        """Forget what was appended since; the database has rolled it back."""
        assert isinstance(mark, tuple)
        size, peaks, self.key = mark
        self._frontier = Frontier(size, peaks)
        self._end = size, self._frontier.root()
        self._batches = []

    def append(self, raw: bytes) -> Entry:
        """Put a record's bytes at the end and show it to every projection.

        Raises:
            ValueError: the bytes are no record, so they could never be read back.
        """
        entry = Entry.of(self.size, raw)
        _insert_one.execute(self.connection, _row(entry))
        self._keep(self._frontier.append(entry.hash))
        self._note(entry)
        self.flush()
        for projection in self.projections:
            projection.take(self.connection, entry)
        return entry

    def extend(self, entries: Sequence[Entry]) -> None:
        """Put many entries, numbered on from the end, in one go."""
        if not entries:
            return
        self.connection.execute(_insert_record, [_row(entry) for entry in entries])
        self._keep(self._frontier.extend([entry.hash for entry in entries]))
        for entry in entries:
            self._note(entry)
        self._batches = self._batches or [each.batch(self.connection) for each in self.projections]
        for batch in self._batches:
            batch.take(entries)

    def extend_looked(self, raws: Sequence[bytes], looked: Looked) -> None:
        """The same of a page that was looked at in another process."""
        rows = [
            {"index": index, "id": each[0], "type": each[1], "hash": each[2], "raw": each[3]}
            for index, each in enumerate(
                zip(looked.ids, looked.types, looked.leaves, raws, strict=True), self.size
            )
        ]
        self.connection.execute(_insert_record, rows)
        self._keep(self._frontier.extend(looked.leaves))
        self._batches = self._batches or [each.batch(self.connection) for each in self.projections]
        for batch, fold in zip(self._batches, looked.folds, strict=True):
            batch.add(fold)

    def flush(self) -> None:
        """Let the projections write what waits after `extend`."""
        for batch in self._batches:
            batch.close()
        self._batches = []

    def _keep(self, nodes: Sequence[Kept]) -> None:
        if nodes:
            names = "height", "position", "hash"
            self.connection.execute(_insert_node, [dict(zip(names, each, strict=True)) for each in nodes])

    def _note(self, entry: Entry) -> None:
        if entry.record.type == "key" and isinstance(entry.record.body, KeyInForce):
            self.key = entry.record.body.public

    def settle(self) -> None:
        """Write the signed head and how far the projections are, before the commit.

        Raises:
            LedgerUnavailable: the key in force is not at hand.
        """
        self.flush()
        if (self.size, self.hash) == self._written and self.signed is None:
            return
        signature = bytes.fromhex(self._sign()) if self.key else None
        _settle_head.execute(
            self.connection,
            {
                "size": self.size,
                "hash": self.hash,
                "frontier": self._frontier.pack(),
                "key": self.key,
                "signature": signature,
            },
        )
        settle(self.connection, self.projections, self.size)

    def _sign(self) -> str:
        assert self.key is not None
        given = self.signed
        if given and given.signature and (given.head, given.key) == (self.head, self.key):
            return given.signature
        if self._signer is None:
            raise LedgerUnavailable(
                f"the heads of this ledger are signed by the key {self.key[:16]}",
                hint="open it with that key: Ledger.open(..., signer=Signer(FIELD/.fieldmark/head.key))",
            )
        signature = self._signer.sign(self.key, checkpoint(self.field, self.head))
        self._signer.seen = self.key, self.hash
        return signature


def _recognise(signer: Signer, signed: SignedHead) -> None:
    """Never put a signature over what somebody without the key has written."""
    key, root = signed.key or "", bytes.fromhex(signed.head.hash)
    if signer.seen == (key, root):
        return
    if not signed.sound:
        raise LedgerUnavailable(
            f"the head {signed.head} is not signed by the key in force, {key[:16]}: something wrote past it",
            hint="compare with a head kept earlier (`fieldmark ledger verify --head`), or restore a backup",
        )
    signer.seen = key, root


def store_text(connection: Connection, text_id: str, salt: bytes, utf8: bytes) -> None:
    """Keep a text beside the log."""
    _insert_text.execute(connection, {"text_id": text_id, "salt": salt, "content": utf8})


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
        return self.log.head

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

    def append_many(self, pieces: Iterable[Piece], refs: Mapping[str, str] | None = None) -> int:
        """Append very many records at a fraction of the cost, each with `refs`; how many. Raises as `append`."""
        return append_many(self.log, pieces, self._now, refs or {})

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
        _insert_person.execute(self.connection, {"secret_hash": secret_hash(secret), "pseudonym": made})
        return made

    def erase(
        self, *, person: str | None = None, case: str | None = None, reason: Reason = "request"
    ) -> Erasure:
        """Delete texts, salts and links of a person (pseudonym) or one case (id), and record that.

        The bytes leave the database's files with `fieldmark.ledger.sweep`; `fieldmark.ledger.erase` does both.

        Raises:
            NotFound: nothing is held of them, or not any more.
        """
        if (person is None) == (case is None):
            raise ValueError("give a person or a case")
        trail = Trail("case", case) if case is not None else Trail("person", str(person))
        return erase_in(self, trail, reason)[1]
