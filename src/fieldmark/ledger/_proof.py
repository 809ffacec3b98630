"""Proofs that stand without the ledger: one record is in it, or an earlier head is its beginning."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fieldmark.errors import BrokenLedger
from fieldmark.ledger._canonical import decode, encode
from fieldmark.ledger._keys import SignedHead
from fieldmark.ledger._record import Entry, Head, Record
from fieldmark.ledger._tree import extends, includes, leaf

INCLUSION = "fieldmark-proof/1"
CONSISTENCY = "fieldmark-consistency/1"


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A record, its place, and the hashes that lead from its leaf to the root of a signed head."""

    entry: Entry
    path: tuple[bytes, ...]
    """From the leaf's sibling upwards, 32 bytes each."""
    signed: SignedHead

    def as_json(self) -> dict[str, Any]:
        """What `verify_proof` reads."""
        return {
            "format": INCLUSION,
            "index": self.entry.index,
            "leaf": self.entry.hash.hex(),
            "path": [each.hex() for each in self.path],
            "record": decode(self.entry.raw),
            "head": self.signed.as_json(),
        }


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """The hashes that show that a head kept earlier is the beginning of a signed head."""

    kept: Head
    path: tuple[bytes, ...]
    signed: SignedHead

    def as_json(self) -> dict[str, Any]:
        """What `verify_consistency` reads."""
        return {
            "format": CONSISTENCY,
            "kept": {"size": self.kept.size, "hash": self.kept.hash},
            "path": [each.hex() for each in self.path],
            "head": self.signed.as_json(),
        }


def verify_proof(given: Mapping[str, Any]) -> tuple[Record, SignedHead]:
    """Check an inclusion proof as `fieldmark ledger prove ID` prints it: the record and the head that covers it.

    Whoever reads it must know the head's key, or the head itself, from elsewhere.

    Raises:
        BrokenLedger: it proves nothing.
    """
    try:
        _is(given, INCLUSION)
        raw = encode(given["record"])
        record, signed = Record.parse(raw), read_signed(given["head"])
        index, path = _number(given["index"]), _path(given["path"])
        stated = given["leaf"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenLedger(f"not a proof: {error}") from error
    if leaf(raw).hex() != stated:
        raise BrokenLedger("the record's bytes do not give the leaf: it was changed", index=index)
    if record.field != signed.field:
        raise BrokenLedger(f"the record is of field '{record.field}', the head of '{signed.field}'")
    if not includes(leaf(raw), index, signed.head.size, path, bytes.fromhex(signed.head.hash)):
        raise BrokenLedger(f"the path does not lead from the leaf to the head {signed.head}", index=index)
    _need_signature(signed)
    return record, signed


def verify_consistency(given: Mapping[str, Any]) -> tuple[Head, SignedHead]:
    """Check a consistency proof: the head that was kept, and the one whose beginning it is.

    Raises:
        BrokenLedger: it proves nothing.
    """
    try:
        _is(given, CONSISTENCY)
        kept = Head.parse(f"{given['kept']['size']}:{given['kept']['hash']}")
        signed, path = read_signed(given["head"]), _path(given["path"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokenLedger(f"not a proof: {error}") from error
    old, root = bytes.fromhex(kept.hash), bytes.fromhex(signed.head.hash)
    if not extends(kept.size, old, signed.head.size, root, path):
        raise BrokenLedger(f"the head {kept} is not shown to be the beginning of {signed.head}")
    _need_signature(signed)
    return kept, signed


def _need_signature(signed: SignedHead) -> None:
    if (signed.key or signed.signature) and not signed.sound:
        raise BrokenLedger(f"the head {signed.head} is not signed by the key it names, {signed.key}")


def _is(given: Mapping[str, Any], what: str) -> None:
    if given["format"] != what:
        raise ValueError(f"its format is {given['format']!r}, not {what!r}")


def read_signed(given: Mapping[str, Any]) -> SignedHead:
    """A signed head as `SignedHead.as_json` gives it.

    Raises:
        ValueError: it is none.
    """
    if given.keys() != {"field", "size", "hash", "key", "signature"} or not isinstance(given["field"], str):
        raise ValueError("a head has field, size, hash, key and signature")
    head = Head.parse(f"{_number(given['size'])}:{given['hash']}")
    return SignedHead(given["field"], head, given["key"], given["signature"])


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _path(value: Sequence[str]) -> tuple[bytes, ...]:
    if not isinstance(value, list) or not all(re.fullmatch("[0-9a-f]{64}", each) for each in value):
        raise ValueError("a path is a list of hashes of 64 hexadecimal digits")
    return tuple(bytes.fromhex(each) for each in value)
