"""The export file: a ledger as lines that anybody can verify; see `docs/reference/ledger-format.md`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from fieldmark.errors import BrokenLedger, InputError
from fieldmark.ledger import _schema
from fieldmark.ledger._ahead import PAGE, Looked, Page, ahead
from fieldmark.ledger._canonical import decode, encode
from fieldmark.ledger._keys import SignedHead
from fieldmark.ledger._projection import STEP, Progress, Projection
from fieldmark.ledger._reader import Snapshot, read_entries, read_tree
from fieldmark.ledger._record import Commitment, Entry, Head
from fieldmark.ledger._transaction import Log, store_text
from fieldmark.ledger._walk import Verification, Walk
from fieldmark.ledger.evidence import Erasure

FORMAT = "fieldmark-ledger/2"
CHAINED = "fieldmark-ledger/1"
"""What release 0.1.0 wrote: a chain of hashes in place of the tree, no keys."""

_record_lines = {
    FORMAT: re.compile(
        rb'\{"hash":"([0-9a-f]{64})","index":(0|[1-9]\d{0,17}),"record":(\{.*\})\}\n', re.DOTALL
    ),
    CHAINED: re.compile(rb'\{"hash":"([0-9a-f]{64})"()(?:,"record":)(\{.*\})\}\n', re.DOTALL),
}
_HEAD = rb'\{"head":\{"hash":"([0-9a-f]{64})","size":(0|[1-9]\d{0,17})\}'
_tail_lines = {
    FORMAT: re.compile(
        _HEAD + rb',"key":(?:null|"([0-9a-f]{64})"),"signature":(?:null|"([0-9a-f]{128})")\}\n'
    ),
    CHAINED: re.compile(_HEAD + rb"()()\}\n"),
}
_texts = _schema.texts


def write_export(
    snapshot: Snapshot,
    signed: SignedHead,
    records: BinaryIO,
    texts: BinaryIO | None,
    progress: Progress | None,
) -> None:
    """Write the records up to a signed head, and the texts they commit to if `texts` is given."""
    seen: set[str] = set()
    head = signed.head
    records.write(encode({"field": signed.field, "format": FORMAT}) + b"\n")
    for entry in snapshot.entries(stop=head.size):
        line = entry.hash.hex().encode(), entry.index, entry.raw
        records.write(b'{"hash":"%s","index":%d,"record":%s}\n' % line)
        if texts is not None:
            _write_texts(snapshot, entry, texts, seen)
        if progress and (entry.index + 1) % STEP == 0:
            progress(entry.index + 1, head.size)
    tail = {"head": asdict(head), "key": signed.key, "signature": signed.signature}
    records.write(encode(tail) + b"\n")


def _write_texts(snapshot: Snapshot, entry: Entry, stream: BinaryIO, seen: set[str]) -> None:
    for each in entry.record.commitments.values():
        if each.text_id in seen:
            continue
        seen.add(each.text_id)
        row = snapshot.connection.execute(
            select(_texts).where(_texts.c.text_id == each.text_id)
        ).one_or_none()
        if row is not None:
            text = {"salt": row.salt.hex(), "text": row.content.decode(), "text_id": each.text_id}
            stream.write(encode(text) + b"\n")


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only once it is whole and on disk."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@dataclass
class Export:
    """Reading an export file: iterate over its entries, each checked, and know more when they end."""

    path: Path
    beside: Path | None = None
    """The file of texts."""
    kept: Head | None = None
    held: Sequence[SignedHead] = ()
    """Heads that a witness holds."""
    progress: Progress | None = None
    format: str = FORMAT
    """As the header says."""
    commitments: int = 0
    """How many the records read so far hold."""
    _committed: dict[str, list[tuple[int, Commitment]]] = field(default_factory=dict)

    def open_walk(self) -> Walk:
        """Read the header alone.

        Raises:
            BrokenLedger: it is not the header of an export.
            InputError: it is an export in another format.
        """
        with self.path.open("rb") as stream:
            header = stream.readline()
        try:
            value = decode(header.removesuffix(b"\n"))
        except ValueError:
            value = {}
        if value.keys() != {"field", "format"} or not header.endswith(b"\n"):
            raise BrokenLedger(f"line 1: not the header of an export ({FORMAT})")
        self.format = str(value["format"])
        if self.format not in _record_lines:
            raise InputError(
                f"line 1: format is {self.format}", hint=f"this Fieldmark reads {CHAINED} and {FORMAT}"
            )
        return Walk(str(value["field"]), self.kept, held=self.held, chained=self.format == CHAINED)

    def pages(
        self, walk: Walk, projections: Sequence[Projection] = (), workers: int | None = None
    ) -> Iterator[list[Entry] | tuple[Sequence[bytes], Looked]]:
        """The entries in order, many at a time, taken by `walk`; or their bytes, with what `workers` saw in them.

        Raises:
            BrokenLedger: at the first line that is wrong; it names the record, or the tail.
        """
        total = max(0, _count_lines(self.path) - 2)
        apart = 1 if walk.chained or self.beside else workers
        with ahead(walk.field, projections, total, apart) as helpers, self.path.open("rb") as stream:
            stream.readline()
            pages = self._lines(stream, STEP if helpers is None else PAGE)
            last = b""
            found = (
                ((page, more, None) for _, page, more in pages) if helpers is None else helpers.pages(pages)
            )
            for (raws, _), (lines, last), looked in found:  # noqa: B007 - the last is the tail
                if looked is not None:
                    walk.accept(looked)
                    yield raws, looked
                elif lines:
                    yield self._page(walk, lines)
                if self.progress and walk.size % STEP == 0:
                    self.progress(walk.size, total)
        self._finish(walk, last)

    def _lines(self, stream: BinaryIO, many: int) -> Iterator[tuple[int, Page, tuple[list[bytes], bytes]]]:
        """Index of the first, what the lines say if all are in order, the lines, and the line after them."""
        start, last = 0, stream.readline()
        while lines := list(islice(stream, many)):
            lines, last = [last, *lines[:-1]], lines[-1]
            raws, stated, wrong = self._split(lines, start)
            yield start, ((), ()) if wrong else (raws, stated), (lines, last)
            start += len(lines)
        if start == 0:
            yield 0, ((), ()), ([], last)

    def _finish(self, walk: Walk, line: bytes) -> None:
        number = walk.size + 2
        found = _tail_lines[self.format].fullmatch(line)
        if not found:
            if line.startswith(b'{"hash":'):
                self._page(walk, [line])
            raise BrokenLedger(f"line {number}: the tail, which states the head, is missing or damaged")
        key, signature = (each.decode() if each else None for each in (found[3], found[4]))
        try:
            walk.finish(Head(int(found[2]), found[1].decode()), key, signature)
        except BrokenLedger as error:
            if error.index is not None:
                raise
            raise BrokenLedger(f"line {number}: {error.message}") from error

    def _page(self, walk: Walk, lines: Sequence[bytes]) -> list[Entry]:
        """The entries of these lines; what comes before a line that is none is checked first."""
        raws, stated, wrong = self._split(lines, walk.size)
        try:
            entries = walk.take(raws, stated)
        except BrokenLedger as error:
            at = 0 if error.index is None else error.index
            said = error.message if error.index is None else error.message.split(": ", 1)[1]
            raise BrokenLedger(f"line {at + 2}: {said}", index=error.index) from error
        if wrong:
            raise BrokenLedger(f"line {walk.size + 2}: {wrong}", index=walk.size)
        self._note(entries)
        return entries

    def _split(self, lines: Sequence[bytes], start: int) -> tuple[list[bytes], list[bytes], str]:
        """Records and hashes up to the first line that is not in order, and what is wrong with that."""
        raws: list[bytes] = []
        stated: list[bytes] = []
        match = _record_lines[self.format].fullmatch
        for index, line in enumerate(lines, start):
            found = match(line)
            if not found or (found[2] and int(found[2]) != index):
                wrong = f"it says that it is record {int(found[2])}" if found else "not a line of a record"
                return raws, stated, wrong
            stated.append(bytes.fromhex(found[1].decode()))
            raws.append(found[3])
        return raws, stated, ""

    def _note(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.commitments += len(entry.record.commitments)
            if self.beside:
                for each in entry.record.commitments.values():
                    self._committed.setdefault(each.text_id, []).append((entry.index, each))

    def texts(self) -> Iterator[tuple[str, bytes, bytes, int]]:
        """`(text_id, salt, utf8, commitments to it)`, each text equal to what the entries commit to.

        To be called once the entries were read.

        Raises:
            BrokenLedger: at the first line that is wrong.
        """
        if not self.beside:
            return
        with self.beside.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                text_id, salt, utf8 = _parse_text(line, number)
                uses = self._committed.pop(text_id, [])
                if not uses:
                    raise BrokenLedger(
                        f"texts, line {number}: {text_id} is in no record, or was there before"
                    )
                for index, commitment in uses:
                    if Commitment.of(text_id, salt, utf8) != commitment:
                        raise BrokenLedger(f"texts, line {number}: not the text it commits to", index=index)
                yield text_id, salt, utf8, len(uses)


def _parse_text(line: bytes, number: int) -> tuple[str, bytes, bytes]:
    try:
        value = decode(line.removesuffix(b"\n"))
        if value.keys() != {"salt", "text", "text_id"} or not line.endswith(b"\n"):
            raise ValueError("it must have exactly salt, text and text_id")
        return str(value["text_id"]), bytes.fromhex(value["salt"]), value["text"].encode()
    except (ValueError, TypeError, AttributeError) as error:
        raise BrokenLedger(f"texts, line {number}: {error}") from error


def _count_lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


def verify_export(
    path: str | os.PathLike[str],
    *,
    kept: Head | None = None,
    held: Sequence[SignedHead] = (),
    texts: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Verification:
    """Verify an export file, and its texts if given, with no database.

    `kept` is a head from earlier, `held` what a witness holds, `workers` as in `Ledger.verify`.

    Raises:
        BrokenLedger: the first thing that is wrong.
        InputError: the file cannot be read, or is of another format.
    """
    export = Export(Path(path), Path(texts) if texts is not None else None, kept, held, progress)
    with usable_files():
        walk = export.open_walk()
        for _ in export.pages(walk, (), workers):
            pass
        there = sum(uses for *_, uses in export.texts())
    return walk.verification(there, export.commitments - there)


def export_field(path: str | os.PathLike[str]) -> str:
    """The id of the field that an export file is of, from its header alone.

    Raises:
        BrokenLedger: it has no header of an export.
        InputError: it cannot be read, or is of another format.
    """
    with usable_files():
        return Export(Path(path)).open_walk().field


@contextmanager
def usable_files() -> Iterator[None]:
    """A file that cannot be read or written is the user's input that is wrong."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error


def import_export(log: Log, export: Export, workers: int | None = None) -> Head:
    """Append what an export holds beyond what is there already; the head afterwards.

    Raises:
        InputError: the export is of another field, or the ledger holds other records.
        BrokenLedger: the export is not sound.
    """
    walk = export.open_walk()
    if walk.field != log.field:
        raise InputError(f"the export is of field '{walk.field}', this ledger of '{log.field}'")
    held = log.head
    for page in export.pages(walk, log.projections, workers if held.size == 0 else 1):
        if isinstance(page, tuple):
            log.extend_looked(*page)
            continue
        if walk.size >= held.size > page[0].index and walk.root(held.size) != held.hash:
            raise _differs(held.size)
        log.extend(page[max(0, held.size - page[0].index) :])
    log.flush()
    if walk.size < held.size and read_tree(log.connection).root(walk.size).hex() != walk.head.hash:
        raise _differs(walk.size)
    if log.size == walk.size:
        log.signed = walk.signed
    erased = _erased(log)
    for text_id, salt, utf8, _ in export.texts():
        there = select(_texts.c.text_id).where(_texts.c.text_id == text_id)
        if text_id not in erased and log.connection.execute(there).first() is None:
            store_text(log.connection, text_id, salt, utf8)
    return log.head


def _erased(log: Log) -> set[str]:
    """Ids of texts that an erasure named: they are never stored again."""
    found = read_entries(log.connection, 0, log.size, [Erasure])
    return {
        text_id
        for each in found
        if isinstance(each.record.body, Erasure)
        for text_id in each.record.body.texts
    }


def _differs(size: int) -> InputError:
    return InputError(
        f"the first {size} records of the export are not those of this ledger",
        hint="import into an empty ledger, or into one that the export continues",
    )
