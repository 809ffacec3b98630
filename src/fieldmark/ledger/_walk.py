"""Walking a log from its first record: what every verification shares, of a database or of a file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as column

from fieldmark.errors import BrokenLedger
from fieldmark.ledger._ahead import Looked
from fieldmark.ledger._keys import Keys, SignedHead
from fieldmark.ledger._record import Entry, Head
from fieldmark.ledger._tree import Frontier, Kept, Memory
from fieldmark.ledger.evidence import HeadWitnessed, KeyInForce

GENESIS = bytes(32)
"""What stood before the first record in the chain of release 0.1.0."""


def chain(previous: bytes, hashed: bytes) -> bytes:
    """The hash that release 0.1.0 gave the log after the record with that leaf: SHA-256(previous || leaf)."""
    return hashlib.sha256(previous + hashed).digest()


@dataclass(frozen=True)
class Verification:
    """What was found sound."""

    field: str
    head: Head
    types: Mapping[str, int]
    """Records of each type."""
    texts_held: int
    """Texts that records commit to and that are there, each equal to its commitment."""
    texts_absent: int
    """Texts that records commit to and that are not there: erased, or not part of an import."""
    projections: tuple[str, ...] = ()
    """Projections whose tables are what the records give."""
    key: str | None = None
    """Public key (hex) whose signature of the head is sound; None when no key was ever in force."""
    keys: int = 0
    """How many keys were in force, each endorsed by the one before unless that was lost."""
    lost: int = 0
    """How many of them followed a lost one, so that nothing vouches for them but the log itself."""
    compared: int = 0
    """How many heads from elsewhere, kept or of a witness, are heads of this log."""
    witnessed: Mapping[str, int] = column(default_factory=dict)
    """Per witness, the size of the largest head that the log says it was handed."""


class Walk:
    """Takes records in order and refuses the first that does not belong where it stands."""

    def __init__(
        self,
        field: str,
        kept: Head | None = None,
        *,
        held: Sequence[SignedHead] = (),
        chained: bool = False,
    ) -> None:
        self.field = field
        self.kept = kept
        self.held = held
        """Heads that a witness holds."""
        self.frontier = Frontier()
        self.types: Counter[str] = Counter()
        self.keys = Keys(field)
        self.nodes: list[Kept] = []
        """Inner nodes that the tree keeps, as far as it has come."""
        self.chained = chained
        self.lost = 0
        self.witnessed: list[tuple[int, HeadWitnessed]] = []
        self.signed: SignedHead | None = None
        """The end, once `finish` found it sound."""
        self._chain = GENESIS
        self._chain_kept: bytes | None = GENESIS if kept and kept.size == 0 else None
        self._memory = Memory()
        self._ids: set[str] = set()

    @property
    def size(self) -> int:
        """How many were taken."""
        return self.frontier.size

    @property
    def head(self) -> Head:
        """The head after what was taken."""
        return Head(self.size, self.frontier.root().hex())

    def take(self, raws: Sequence[bytes], stated: Sequence[bytes]) -> list[Entry]:
        """The next records, each with the hash that stands beside it.

        Raises:
            BrokenLedger: one is no record of this field, not canonical, not what its hash says, its id was used
                before, or nothing vouches for the key that it puts in force.
        """
        entries = []
        for index, (raw, digest) in enumerate(zip(raws, stated, strict=True), self.size):
            try:
                entry = Entry.of(index, raw)
            except ValueError as error:
                raise BrokenLedger(str(error), index=index) from error
            self._check(entry, digest)
            entries.append(entry)
        self._accept(
            [entry.hash for entry in entries],
            [entry.record.id for entry in entries],
            [entry.record.type for entry in entries],
        )
        return entries

    def accept(self, looked: Looked) -> None:
        """The next records, that were looked at in another process.

        Raises:
            BrokenLedger: an id was used before.
        """
        if self.kept and self.size < self.kept.size:
            for index, hashed in enumerate(looked.leaves, self.size):
                self._follow_chain(index, hashed)
        self._accept(looked.leaves, looked.ids, looked.types)

    def _accept(self, leaves: Sequence[bytes], ids: Sequence[str], types: Sequence[str]) -> None:
        self._check_ids(ids)
        kept = self.frontier.extend(leaves)
        self._memory.take(leaves, kept)
        self.nodes += kept
        self.types.update(types)

    def _follow_chain(self, index: int, hashed: bytes) -> None:
        """The chain of 0.1.0, as far as the head that was kept, which may be one of its."""
        if self.chained or (self.kept and index < self.kept.size):
            self._chain = chain(self._chain, hashed)
            if self.kept and index + 1 == self.kept.size:
                self._chain_kept = self._chain

    def _check(self, entry: Entry, stated: bytes) -> None:
        index = entry.index
        if self.chained or self.kept:
            self._follow_chain(index, entry.hash)
        found = self._chain if self.chained else entry.hash
        if found != stated:
            raise BrokenLedger(
                "does not chain to the one before: it was changed, or a record dropped, added or moved here"
                if self.chained
                else "its bytes do not give the hash beside it: it was changed",
                index=index,
            )
        record = entry.record
        if record.field != self.field:
            said = f"the header says field '{self.field}', but the record '{record.field}'"
            raise BrokenLedger(said, index=index or None)
        if record.type == "key":
            self.keys.take(entry)
            self.lost += isinstance(record.body, KeyInForce) and record.body.reason == "lost"
        elif record.type == "head" and isinstance(record.body, HeadWitnessed):
            self.witnessed.append((index, record.body))

    def _check_ids(self, ids: Sequence[str]) -> None:
        if len(set(ids)) == len(ids) and self._ids.isdisjoint(ids):
            self._ids.update(ids)
            return
        for index, record_id in enumerate(ids, self.size):
            if record_id in self._ids:
                raise BrokenLedger(f"the id {record_id} was used before", index=index)
            self._ids.add(record_id)

    def finish(self, stated: Head, key: str | None = None, signature: str | None = None) -> None:
        """The end, with the head, key and signature that stand there.

        Raises:
            BrokenLedger: it is another head or not signed by the key in force; records are missing against the
                head that was kept, or are others; a head that was witnessed is not this log's.
        """
        if self.chained:
            if stated != Head(self.size, self._chain.hex()):
                raise BrokenLedger(
                    f"the records end at {self.size}:{self._chain.hex()}, but the head says {stated}"
                )
        elif stated != self.head:
            raise BrokenLedger(f"the records end at {self.head}, but the head says {stated}")
        self.signed = SignedHead(self.field, self.head, key, signature)
        if not self.chained:
            self._check_signature(self.signed)
        self._check_kept()
        for each in self.held:
            self._check_held(each)
        for index, body in self.witnessed:
            self._check_witnessed(index, body)

    def _check_signature(self, signed: SignedHead) -> None:
        if signed.key != self.keys.current:
            raise BrokenLedger(
                f"the head names the key {signed.key or 'none'}, but {self.keys.current or 'none'} is in force"
            )
        if signed.key is not None and not signed.sound:
            raise BrokenLedger(f"the head {signed.head} is not signed by the key in force, {signed.key}")
        if signed.key is None and signed.signature is not None:
            raise BrokenLedger("the head has a signature, but no key was ever in force")

    def _check_kept(self) -> None:
        kept = self.kept
        if kept is None:
            return
        if kept.size > self.size:
            raise BrokenLedger(f"there are {self.size} records, but the head kept earlier says {kept}")
        found = self.root(kept.size)
        if kept.hash not in (found, (self._chain_kept or b"").hex()):
            raise BrokenLedger(
                f"the first {kept.size} records give {found}, but the head kept earlier says "
                f"{kept}: one of them was replaced, dropped, added or moved, and what follows was made to fit"
            )

    def _check_held(self, signed: SignedHead) -> None:
        head = signed.head
        if signed.key not in self.keys.known or not signed.sound:
            raise BrokenLedger(f"the head {head} that the witness holds is not signed by a key of this log")
        if head.size > self.size:
            raise BrokenLedger(f"there are {self.size} records, but the witness holds the head {head}")
        if self.root(head.size) != head.hash:
            raise BrokenLedger(
                f"the first {head.size} records give {self.root(head.size)}, but the witness holds {head}: "
                "one of them was replaced, dropped, added or moved, and what follows was made to fit"
            )

    def _check_witnessed(self, index: int, body: HeadWitnessed) -> None:
        signed = SignedHead(self.field, Head(body.size, body.root), body.key, body.signature)
        if body.size > index or self.root(body.size) != body.root:
            raise BrokenLedger(f"the head {signed.head} that was witnessed is not this log's", index=index)
        if body.key not in self.keys.known or not signed.sound:
            raise BrokenLedger(
                f"the head {signed.head} that was witnessed has no sound signature", index=index
            )

    def root(self, size: int) -> str:
        """Root (hex) over the first `size` of what was taken."""
        return self._memory.tree.root(size).hex()

    def verification(self, held: int = 0, absent: int = 0, projections: tuple[str, ...] = ()) -> Verification:
        """What was found, after `finish`."""
        witnessed: dict[str, int] = {}
        for _, body in self.witnessed:
            witnessed[body.witness] = max(body.size, witnessed.get(body.witness, 0))
        return Verification(
            self.field, self.head, dict(self.types), held, absent, projections,
            key=self.keys.current, keys=len(self.keys.known), lost=self.lost, witnessed=witnessed,
            compared=len(self.held) + (self.kept is not None),
        )  # fmt: skip
