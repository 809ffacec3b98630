"""What the ledger is made of: records, their place in the log, and the head that stands for all of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from fieldmark.errors import InputError
from fieldmark.ledger._canonical import decode, encode
from fieldmark.ledger._tree import leaf
from fieldmark.ledger.evidence import TYPES, Evidence

_STRINGS = ("type", "id", "field", "at", "actor")
_KEYS = {*_STRINGS, "v", "refs", "commitments", "body"}
_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_AT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
_SHAPE = re.compile(f"{_ID} {_AT}", re.ASCII)
_PARTS = re.compile(rb'\{"actor":"([ !#-\[\]-~]+)","at":(.*),"id":"(%s)","refs":\{(.*)' % _ID.encode())
"""A record as actor and id, two texts that JSON writes as they are, and the rest."""
_ALIKE = b'"source":"imported"'
"""What is in records of which many differ in actor and id alone: votes of a file."""
_SHORT = 1000
"""Bytes of the longest of them."""
_KINDS = 8192
"""How many that differ otherwise are kept in mind."""


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and `Z`: always 27 characters, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Commitment:
    """Stands in a record for a text kept elsewhere: `commitment` = SHA-256(salt || UTF-8 text), hex."""

    text_id: str
    commitment: str

    @classmethod
    def of(cls, text_id: str, salt: bytes, utf8: bytes) -> Commitment:
        """Commit to `utf8` under `salt`."""
        return cls(text_id, hashlib.sha256(salt + utf8).hexdigest())


@dataclass(frozen=True, slots=True)
class Record:
    """One piece of evidence."""

    v: int
    """Schema of `type`."""
    type: str
    id: str
    """UUIDv7."""
    field: str
    at: str
    """RFC 3339, UTC, microseconds. The order of records is their index, whatever the clock did."""
    actor: str
    """Pseudonym of a person, or what part of the program wrote it."""
    refs: Mapping[str, str]
    """Ids of records this one is about, by role."""
    commitments: Mapping[str, Commitment]
    """Texts this record stands for, by role."""
    body: Evidence | dict[str, Any]
    """A dict when this program does not know the type in that schema."""

    def encode(self) -> bytes:
        """The record's bytes: canonical JSON."""
        body = self.body.model_dump(mode="json") if isinstance(self.body, Evidence) else self.body
        return encode(
            {
                "v": self.v,
                "type": self.type,
                "id": self.id,
                "field": self.field,
                "at": self.at,
                "actor": self.actor,
                "refs": dict(self.refs),
                "commitments": {name: asdict(each) for name, each in self.commitments.items()},
                "body": body,
            }
        )

    @classmethod
    def parse(cls, raw: bytes) -> Record:
        """The record that these bytes say.

        Raises:
            ValueError: they are not canonical JSON, not a record, or not what their type and schema allow.
        """
        return _parse_alike(raw) or _parse(raw)


def _parse(raw: bytes) -> Record:
    value = decode(raw)
    if value.keys() != _KEYS:
        raise ValueError(f"not a record: it must have exactly the keys {', '.join(sorted(_KEYS))}")
    _check(value)
    committed = value["commitments"]
    if committed:
        committed = {name: Commitment(**each) for name, each in committed.items()}
    body, v, name = value["body"], value["v"], value["type"]
    kind = TYPES.get(name)
    if kind is not None and kind.v == v:
        body = kind.__pydantic_validator__.validate_python(body)
    return Record(
        v, name, value["id"], value["field"], value["at"], value["actor"], value["refs"], committed, body
    )


def _parse_alike(raw: bytes) -> Record | None:
    """The record, if it is a vote of a file, by the one that differs in actor and id alone; None: parse it.

    Canonical JSON with one plain text in place of another is canonical, and as good a record. What is taken for the id
    is the record's own: it is the last that `refs` with an object follows, and within its refs there are no objects.
    """
    if not isinstance(raw, bytes) or len(raw) > _SHORT or raw.rfind(_ALIKE) < 0:
        return None
    found = _PARTS.fullmatch(raw)
    if not found:
        return None
    actor, middle, id_, end = found.groups()
    try:
        alike = _of_kind(middle, end)
    except ValueError:
        return None
    return Record(
        alike.v, alike.type, id_.decode(), alike.field, alike.at, actor.decode(),
        alike.refs, alike.commitments, alike.body,
    )  # fmt: skip


@lru_cache(_KINDS)
def _of_kind(middle: bytes, end: bytes) -> Record:
    some = b'{"actor":"-","at":%s,"id":"00000000-0000-7000-8000-000000000000","refs":{%s'
    return _parse(some % (middle, end))


def _check(value: dict[str, Any]) -> None:
    if type(value["v"]) is not int or value["v"] < 1:
        raise ValueError("v must be a positive integer")
    for key in _STRINGS:
        if type(value[key]) is not str or not value[key]:
            raise ValueError(f"{key} must be a text that is not empty")
    if not _SHAPE.fullmatch(f"{value['id']} {value['at']}"):
        raise ValueError("id must be a UUIDv7 and at a UTC time such as 2026-01-31T09:30:00.000000Z")
    for key in ("refs", "commitments", "body"):
        if type(value[key]) is not dict:
            raise ValueError(f"{key} must be an object")
    if value["refs"]:
        _check_texts("refs", value["refs"])
    for each in value["commitments"].values():
        if type(each) is not dict or each.keys() != {"text_id", "commitment"}:
            raise ValueError("a commitment must have exactly text_id and commitment")
        _check_texts("a commitment", each)


def _check_texts(what: str, value: dict[str, Any]) -> None:
    if not all(type(each) is str for each in value.values()):
        raise ValueError(f"{what} must hold texts only")


@dataclass(frozen=True, slots=True)
class Entry:
    """A record in its place. `index` counts from 0; `hash` is the leaf of `raw` in the tree (32 bytes)."""

    index: int
    record: Record
    raw: bytes
    hash: bytes

    @classmethod
    def of(cls, index: int, raw: bytes) -> Entry:
        """Parse `raw` and hash it.

        Raises:
            ValueError: see `Record.parse`.
        """
        return cls(index, Record.parse(raw), raw, leaf(raw))


@dataclass(frozen=True, slots=True)
class Head:
    """How many records there are, and the root (hex) of the tree over them. Kept elsewhere, it proves them."""

    size: int
    hash: str

    def __str__(self) -> str:
        return f"{self.size}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read `SIZE:HASH`.

        Raises:
            InputError: it is not of that form.
        """
        if not re.fullmatch(r"\d{1,18}:[0-9a-f]{64}", text):
            raise InputError(
                f"'{text}' is not a head", hint="a head is SIZE:HASH, as `fieldmark ledger head` prints it"
            )
        size, digest = text.split(":")
        return cls(int(size), digest)
