"""Verifying a ledger in its database: the log, the texts beside it, and the projections computed from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Table, bindparam, select

from fieldmark.errors import BrokenLedger
from fieldmark.ledger import _schema
from fieldmark.ledger._engine import open_scratch
from fieldmark.ledger._projection import STEP, Progress, Projection
from fieldmark.ledger._reader import Snapshot
from fieldmark.ledger._record import Commitment, Entry, Head
from fieldmark.ledger._upkeep import create, read_books
from fieldmark.ledger._walk import Verification, Walk

_records = _schema.records
_page = select(_records).where(_records.c.index >= bindparam("start")).order_by(_records.c.index).limit(STEP)
_texts = select(_schema.texts).where(_schema.texts.c.text_id.in_(bindparam("ids", expanding=True)))


def verify(
    snapshot: Snapshot,
    field: str,
    projections: Sequence[Projection],
    kept: Head | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check everything a database holds of a ledger against its records, in one pass.

    Raises:
        BrokenLedger: the first thing that is wrong.
    """
    connection, walk, texts = snapshot.connection, Walk(field, kept), _Texts(snapshot.connection)
    scratch = open_scratch()
    try:
        with scratch.begin() as anew:
            recomputed = _Recomputed(connection, anew, projections)
            for entry in _entries(connection, walk):
                texts.take(entry)
                recomputed.take(entry)
                if progress and walk.size % STEP == 0:
                    progress(walk.size, snapshot.head().size)
            walk.finish(snapshot.head())
            texts.check()
            recomputed.compare()
    finally:
        scratch.dispose()
    names = tuple(each.name for each in projections)
    return Verification(field, walk.head, dict(walk.types), texts.held, texts.absent, names)


def _entries(connection: Connection, walk: Walk) -> Iterator[Entry]:
    while rows := connection.execute(_page, {"start": walk.size}).all():
        for index, record_id, kind, digest, raw in rows:
            if index != walk.size:
                raise BrokenLedger(f"missing: the next one is {index}", index=walk.size)
            entry = walk.take(raw, digest)
            if (entry.record.id, entry.record.type) != (record_id, kind):
                raise BrokenLedger("the columns id and type are not what its bytes say", index=index)
            yield entry


class _Texts:
    """Compares texts with the commitments to them, many at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[int, Commitment]] = []
        self.held = self.absent = 0

    def take(self, entry: Entry) -> None:
        self._waiting += [(entry.index, each) for each in entry.record.commitments.values()]
        if len(self._waiting) >= STEP // 2:
            self.check()

    def check(self) -> None:
        ids = {each.text_id for _, each in self._waiting}
        rows = self._connection.execute(_texts, {"ids": list(ids)})
        found = {text_id: _commit(text_id, salt, utf8) for text_id, salt, utf8 in rows}
        for index, each in self._waiting:
            if found.get(each.text_id, each) != each:
                raise BrokenLedger(f"its text {each.text_id} is not the one it commits to", index=index)
        held = sum(each.text_id in found for _, each in self._waiting)
        self.held += held
        self.absent += len(self._waiting) - held
        self._waiting.clear()


def _commit(text_id: str, salt: object, utf8: object) -> Commitment:
    if isinstance(salt, bytes) and isinstance(utf8, bytes):
        return Commitment.of(text_id, salt, utf8)
    return Commitment(text_id, "none: salt and text must be bytes")  # SQLite keeps any type in any column


class _Recomputed:
    """Projections computed anew beside the ones that are kept, each as far as the kept one has come."""

    def __init__(self, connection: Connection, anew: Connection, projections: Sequence[Projection]) -> None:
        self._connection = connection
        self._anew = anew
        books = read_books(connection) if projections else {}
        self._reached = [(each, books.get(each.name, (0, 0))[1]) for each in projections]
        for each in projections:
            create(anew, each)

    def take(self, entry: Entry) -> None:
        for projection, size in self._reached:
            if entry.index < size:
                projection.take(self._anew, entry)

    def compare(self) -> None:
        for projection, size in self._reached:
            for table in projection.tables:
                kept, given = (_rows(connection, table) for connection in (self._connection, self._anew))
                if kept != given:
                    raise BrokenLedger(
                        f"projection '{projection.name}', table '{table.name}': {_difference(kept, given)} "
                        f"(computed from {size} records)"
                    )


def _rows(connection: Connection, table: Table) -> list[str]:
    """The table's rows as texts, in an order that does not depend on how they were stored."""
    return sorted(str(row) for row in connection.execute(select(table)))


def _difference(kept: Sequence[str], given: Sequence[str]) -> str:
    wrong, missing = (next(iter(set(a) - set(b)), None) for a, b in ((kept, given), (given, kept)))
    said = [f"it holds {wrong}" if wrong else "", f"the records give {missing}" if missing else ""]
    return " but ".join(filter(None, said)) or "a row stands there more than once"
