"""The export file: a ledger as lines that anybody can verify; see `docs/reference/ledger-format.md`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from fieldmark.errors import BrokenLedger, InputError
from fieldmark.ledger import _schema
from fieldmark.ledger._canonical import decode, encode
from fieldmark.ledger._projection import STEP, Progress
from fieldmark.ledger._reader import Snapshot
from fieldmark.ledger._record import Commitment, Entry, Head
from fieldmark.ledger._transaction import Log, store_text
from fieldmark.ledger._walk import Verification, Walk

FORMAT = "fieldmark-ledger/1"

_record_line = re.compile(rb'\{"hash":"([0-9a-f]{64})","record":(\{.*\})\}\n', re.DOTALL)
_tail_line = re.compile(rb'\{"head":\{"hash":"([0-9a-f]{64})","size":(0|[1-9]\d{0,17})\}\}\n')
_texts = _schema.texts


def write_export(
    snapshot: Snapshot,
    head: Head,
    name: str,
    records: BinaryIO,
    texts: BinaryIO | None,
    progress: Progress | None,
) -> None:
    """Write the records of field `name` up to `head`, and the texts they commit to if `texts` is given."""
    seen: set[str] = set()
    records.write(encode({"field": name, "format": FORMAT}) + b"\n")
    for entry in snapshot.entries(stop=head.size):
        records.write(b'{"hash":"%s","record":%s}\n' % (entry.hash.hex().encode(), entry.raw))
        if texts is not None:
            _write_texts(snapshot, entry, texts, seen)
        if progress and (entry.index + 1) % STEP == 0:
            progress(entry.index + 1, head.size)
    records.write(encode({"head": asdict(head)}) + b"\n")


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
    progress: Progress | None = None
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
        if value["format"] != FORMAT:
            raise InputError(f"line 1: format is {value['format']}", hint=f"this Fieldmark reads {FORMAT}")
        return Walk(str(value["field"]), self.kept)

    def entries(self, walk: Walk) -> Iterator[Entry]:
        """The entries in order, taken by `walk`.

        Raises:
            BrokenLedger: at the first line that is wrong; it names the record, or the tail.
        """
        total = max(0, _count_lines(self.path) - 2)
        with self.path.open("rb") as stream:
            stream.readline()
            line, number = stream.readline(), 2
            while following := stream.readline():
                yield self._record(walk, line, number)
                line, number = following, number + 1
                if self.progress and walk.size % STEP == 0:
                    self.progress(walk.size, total)
        found = _tail_line.fullmatch(line)
        if not found:
            if line.startswith(b'{"hash":'):
                self._record(walk, line, number)
            raise BrokenLedger(f"line {number}: the tail, which states the head, is missing or damaged")
        walk.finish(Head(int(found[2]), found[1].decode()))

    def _record(self, walk: Walk, line: bytes, number: int) -> Entry:
        found = _record_line.fullmatch(line)
        if not found:
            raise BrokenLedger(f"line {number}: not a line of a record", index=walk.size)
        try:
            entry = walk.take(found[2], bytes.fromhex(found[1].decode()))
        except BrokenLedger as error:
            said = error.message if error.index is None else error.message.split(": ", 1)[1]
            raise BrokenLedger(f"line {number}: {said}", index=error.index) from error
        self.commitments += len(entry.record.commitments)
        if self.beside:
            for each in entry.record.commitments.values():
                self._committed.setdefault(each.text_id, []).append((entry.index, each))
        return entry

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
    texts: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify an export file, and its texts if given, with no database. `kept`: a head from earlier.

    Raises:
        BrokenLedger: the first thing that is wrong.
        InputError: the file cannot be read, or is of another format.
    """
    export = Export(Path(path), Path(texts) if texts is not None else None, kept, progress)
    with usable_files():
        walk = export.open_walk()
        for _ in export.entries(walk):
            pass
        held = sum(uses for *_, uses in export.texts())
    return Verification(walk.field, walk.head, dict(walk.types), held, export.commitments - held)


@contextmanager
def usable_files() -> Iterator[None]:
    """A file that cannot be read or written is the user's input that is wrong."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error


def import_export(log: Log, export: Export) -> Head:
    """Append what an export holds beyond what is there already; the head afterwards.

    Raises:
        InputError: the export is of another field, or the ledger holds other records.
        BrokenLedger: the export is not sound.
    """
    walk = export.open_walk()
    if walk.field != log.field:
        raise InputError(f"the export is of field '{walk.field}', this ledger of '{log.field}'")
    held, head = log.size, log.hash
    batch: list[Entry] = []
    for entry in export.entries(walk):
        if entry.index == held - 1 and entry.hash != head:
            raise _differs(held)
        if entry.index >= held:
            batch.append(entry)
        if len(batch) == STEP:
            log.extend(batch)
            batch = []
    log.extend(batch)
    if walk.size < held and not _had(log, walk.head):
        raise _differs(walk.size)
    for text_id, salt, utf8, _ in export.texts():
        if (
            log.connection.execute(select(_texts.c.text_id).where(_texts.c.text_id == text_id)).first()
            is None
        ):
            store_text(log.connection, text_id, salt, utf8)
    return Head(log.size, log.hash.hex())


def _had(log: Log, head: Head) -> bool:
    if head.size == 0:
        return True
    statement = select(_schema.records.c.hash).where(_schema.records.c.index == head.size - 1)
    digest = log.connection.execute(statement).scalar_one()
    return bool(digest.hex() == head.hash)


def _differs(size: int) -> InputError:
    return InputError(
        f"the first {size} records of the export are not those of this ledger",
        hint="import into an empty ledger, or into one that the export continues",
    )
