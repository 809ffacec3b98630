"""Verifying a ledger in its database: the log, the texts beside it, and the projections computed from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from sqlalchemy import JSON, Connection, Table, bindparam, select

from fieldmark.errors import BrokenLedger
from fieldmark.ledger import _schema
from fieldmark.ledger._ahead import PAGE, Page, ahead
from fieldmark.ledger._engine import open_scratch
from fieldmark.ledger._keys import SignedHead
from fieldmark.ledger._projection import STEP, Progress, Projection
from fieldmark.ledger._reader import Snapshot, read_end
from fieldmark.ledger._record import Commitment, Entry, Head
from fieldmark.ledger._upkeep import create, read_books
from fieldmark.ledger._walk import Verification, Walk

_records = _schema.records
_nodes = _schema.nodes
_page = (
    select(_records)
    .where(_records.c.index >= bindparam("start"))
    .order_by(_records.c.index)
    .limit(bindparam("many"))
)
_texts = select(_schema.texts).where(_schema.texts.c.text_id.in_(bindparam("ids", expanding=True)))


def verify(
    snapshot: Snapshot,
    field: str,
    projections: Sequence[Projection],
    kept: Head | None = None,
    progress: Progress | None = None,
    held: Sequence[SignedHead] = (),
    workers: int | None = None,
) -> Verification:
    """Check everything a database holds of a ledger against its records, in one pass.

    `workers` processes look at records ahead; None: as many as pay, 1: none.

    Raises:
        BrokenLedger: the first thing that is wrong.
    """
    connection, walk, texts = snapshot.connection, Walk(field, kept, held=held), _Texts(snapshot.connection)
    size = snapshot.head().size
    scratch = open_scratch()
    try:
        with scratch.begin() as anew, ExitStack() as stack:
            recomputed = _Recomputed(connection, anew, projections)
            some = workers if recomputed.reaches(size) else 1
            helpers = stack.enter_context(ahead(field, projections, size, some))
            pages = _pages(connection, STEP if helpers is None else PAGE)
            found = (
                ((page, rows, None) for _, page, rows in pages) if helpers is None else helpers.pages(pages)
            )
            for (raws, stated), rows, looked in found:
                if looked is not None:
                    walk.accept(looked)
                    recomputed.add(looked.folds)
                    _check_columns(rows, looked.ids, looked.types)
                elif raws:
                    entries = walk.take(raws, stated)
                    ids, types = zip(*((each.record.id, each.record.type) for each in entries), strict=True)
                    _check_columns(rows, ids, types)
                    texts.take(entries)
                    recomputed.take(entries)
                if walk.size < rows[-1][0] + 1:
                    raise BrokenLedger(f"missing: the next one is {rows[len(raws)][0]}", index=walk.size)
                if progress and walk.size % STEP == 0:
                    progress(walk.size, size)
            _finish(connection, walk)
            texts.check()
            recomputed.compare()
    finally:
        scratch.dispose()
    return walk.verification(texts.held, texts.absent, tuple(each.name for each in projections))


def _finish(connection: Connection, walk: Walk) -> None:
    end = read_end(connection)
    walk.finish(
        Head(end.size, end.hash.hex()), end.key, end.signature.hex() if end.signature is not None else None
    )
    if end.frontier != walk.frontier.pack():
        raise BrokenLedger("the head's peaks are not those of the records")
    held = connection.execute(select(_nodes.c.height, _nodes.c.position, _nodes.c.hash))
    if sorted(tuple(each) for each in held) != sorted(walk.nodes):
        raise BrokenLedger("the table 'nodes' is not what the records give")


def _pages(connection: Connection, many: int) -> Iterator[tuple[int, Page, Sequence[Any]]]:
    """Index of the first, bytes and hashes as far as no record is missing, and the rows."""
    start = 0
    while rows := connection.execute(_page, {"start": start, "many": many}).all():
        there = len(rows)
        if rows[-1][0] != start + there - 1:
            there = next(n for n, row in enumerate(rows) if row[0] != start + n)
        yield start, ([row[4] for row in rows[:there]], [row[3] for row in rows[:there]]), rows
        start += there


def _check_columns(rows: Sequence[Any], ids: Sequence[str], types: Sequence[str]) -> None:
    for row, record_id, kind in zip(rows, ids, types, strict=False):
        if row[1] != record_id or row[2] != kind:
            raise BrokenLedger("the columns id and type are not what its bytes say", index=row[0])


class _Texts:
    """Compares texts with the commitments to them, many at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[int, Commitment]] = []
        self.held = self.absent = 0

    def take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.record.commitments:
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
        self._batches = [each.batch(anew) for each in projections]

    def reaches(self, size: int) -> bool:
        """Whether every projection that is kept holds so many records."""
        return all(reached >= size for _, reached in self._reached)

    def take(self, entries: Sequence[Entry]) -> None:
        for batch, (_, size) in zip(self._batches, self._reached, strict=True):
            within = entries[: max(0, size - entries[0].index)]
            if within:
                batch.take(within)

    def add(self, folds: Sequence[Any]) -> None:
        for batch, fold in zip(self._batches, folds, strict=True):
            batch.add(fold)

    def compare(self) -> None:
        for batch in self._batches:
            batch.close()
        for projection, size in self._reached:
            for table in projection.tables:
                kept, given = (_rows(connection, table) for connection in (self._connection, self._anew))
                if kept != given:
                    said = _difference([*map(str, kept.elements())], [*map(str, given.elements())])
                    raise BrokenLedger(
                        f"projection '{projection.name}', table '{table.name}': {said} "
                        f"(computed from {size} records)"
                    )


def _rows(connection: Connection, table: Table) -> Counter[Any]:
    """The table's rows, each as often as it stands there, in whatever order they were stored."""
    rows = connection.execute(select(table))
    if any(isinstance(column.type, JSON) for column in table.columns):
        return Counter(map(str, rows))
    return Counter(map(tuple, rows))


def _difference(kept: Sequence[str], given: Sequence[str]) -> str:
    wrong, missing = (min(set(a) - set(b), default=None) for a, b in ((kept, given), (given, kept)))
    said = [f"it holds {wrong}" if wrong else "", f"the records give {missing}" if missing else ""]
    return " but ".join(filter(None, said)) or "a row stands there more than once"
