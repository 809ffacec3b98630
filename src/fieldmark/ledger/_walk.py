"""Walking a log from its first record: what every verification shares, of a database or of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fieldmark.errors import BrokenLedger
from fieldmark.ledger._record import GENESIS, Entry, Head


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


class Walk:
    """Takes records in order and refuses the first that does not belong where it stands."""

    def __init__(self, field: str, kept: Head | None = None) -> None:
        self.field = field
        self.kept = kept
        self.size = 0
        self.hash = GENESIS
        self.types: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._compare_kept()

    @property
    def head(self) -> Head:
        """The head after what was taken."""
        return Head(self.size, self.hash.hex())

    def take(self, raw: bytes, stated: bytes) -> Entry:
        """The next record, with the hash that stands beside it.

        Raises:
            BrokenLedger: it is no record of this field, not canonical, not next in the chain, or its id
                was used before; or the log is not the one whose head was kept.
        """
        index = self.size
        try:
            entry = Entry.of(index, raw, self.hash)
        except ValueError as error:
            raise BrokenLedger(str(error), index=index) from error
        if entry.hash != stated:
            raise BrokenLedger(
                "does not chain to the one before: it was changed, or a record dropped, added or moved here",
                index=index,
            )
        if entry.record.field != self.field:
            said = f"the header says field '{self.field}', but the record '{entry.record.field}'"
            raise BrokenLedger(said, index=index or None)
        if entry.record.id in self._ids:
            raise BrokenLedger(f"the id {entry.record.id} was used before", index=index)
        self._ids.add(entry.record.id)
        self.types[entry.record.type] += 1
        self.size, self.hash = index + 1, entry.hash
        self._compare_kept()
        return entry

    def finish(self, stated: Head) -> None:
        """The end, with the head that stands there.

        Raises:
            BrokenLedger: it is another head, or records are missing against the head that was kept.
        """
        if stated != self.head:
            raise BrokenLedger(f"the records end at {self.head}, but the head says {stated}")
        if self.kept and self.kept.size > self.size:
            raise BrokenLedger(f"there are {self.size} records, but the head kept earlier says {self.kept}")

    def _compare_kept(self) -> None:
        if self.kept and self.kept.size == self.size and self.kept != self.head:
            raise BrokenLedger(
                f"the first {self.size} records give {self.head.hash}, but the head kept earlier says "
                f"{self.kept}: one of them was replaced, and everything after it chained anew"
            )
