"""Appending very many records of few different bodies, such as the votes of an imported file."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert

from fieldmark.ledger import _schema
from fieldmark.ledger._ahead import uncollected
from fieldmark.ledger._canonical import encode
from fieldmark.ledger._ids import random_id, record_id
from fieldmark.ledger._record import Commitment, Entry, Record, timestamp
from fieldmark.ledger._tree import leaf
from fieldmark.ledger.evidence import Evidence

if TYPE_CHECKING:
    from fieldmark.ledger._transaction import Log

_STEP = 5000
_insert_text = insert(_schema.texts)


class Piece(NamedTuple):
    """One record to be. Give the same object as `evidence` wherever the body is the same."""

    evidence: Evidence
    actor: str
    texts: Mapping[str, str] = {}


def append_many(log: Log, pieces: Iterable[Piece], now: datetime, refs: Mapping[str, str]) -> int:
    """Append them in order, each with `refs`; how many. See `Transaction.append` for what is refused."""
    making = _Making(log.field, timestamp(now), refs)
    first, source = log.size, iter(pieces)
    with uncollected():
        while some := list(islice(source, _STEP)):
            log.extend(list(making.entries(some, log.size)))
            if making.rows:
                log.connection.execute(_insert_text, making.rows)
                making.rows = []
        log.flush()
    return log.size - first


class _Making:
    """Writes the bytes of records whose bodies repeat: each body is encoded once.

    Canonical parts put together in the order of their keys are canonical, so nothing is encoded again as a whole.
    """

    def __init__(self, field: str, at: str, refs: Mapping[str, str]) -> None:
        self.rows: list[dict[str, object]] = []
        """Texts to be stored."""
        self._field, self._at, self._refs = field, at, refs
        self._bodies: dict[int, tuple[Evidence, bytes]] = {}
        self._actors: dict[str, bytes] = {}
        self._middle = b',"field":%s,"id":"' % _quoted(field)
        self._refs_part = b'","refs":%s,"type":' % encode(dict(refs))

    def entries(self, pieces: Iterable[Piece], start: int) -> Iterator[Entry]:
        """Their entries, numbered from `start`."""
        for index, piece in enumerate(pieces, start):
            committed = {name: self._commit(text) for name, text in piece.texts.items()}
            yield self._entry(index, piece, committed)

    def _entry(self, index: int, piece: Piece, committed: Mapping[str, Commitment]) -> Entry:
        evidence = piece.evidence
        id_ = record_id()
        record = Record(
            evidence.v,
            evidence.type,
            id_,
            self._field,
            self._at,
            piece.actor,
            self._refs,
            committed,
            evidence,
        )
        raw = b"".join(
            (
                b'{"actor":',
                self._actors.get(piece.actor) or self._actors.setdefault(piece.actor, _quoted(piece.actor)),
                self._body(evidence),
                encode({name: asdict(each) for name, each in committed.items()}) if committed else b"{}",
                self._middle,
                id_.encode(),
                self._refs_part,
                b'"%s","v":%d}' % (evidence.type.encode(), evidence.v),
            )
        )
        return Entry(index, record, raw, leaf(raw))

    def _body(self, evidence: Evidence) -> bytes:
        found = self._bodies.get(id(evidence))
        if found is None:  # the object is kept too, so that its id stays its own
            body = encode(_whole(evidence.model_dump(mode="json")))
            part = b',"at":"%s","body":%s,"commitments":' % (self._at.encode(), body)
            found = self._bodies[id(evidence)] = evidence, part
        return found[1]

    def _commit(self, text: str) -> Commitment:
        text_id, salt, utf8 = random_id("t"), secrets.token_bytes(32), text.encode()
        self.rows.append({"text_id": text_id, "salt": salt, "content": utf8})
        return Commitment.of(text_id, salt, utf8)


def _whole(body: Mapping[str, object]) -> dict[str, object]:
    """Whole floats as integers, which JCS writes alike, and our encoder is sure of."""
    return {
        k: int(v) if type(v) is float and v.is_integer() and abs(v) < 2**53 else v for k, v in body.items()
    }


def _quoted(text: str) -> bytes:
    return encode({"": text})[4:-1]
