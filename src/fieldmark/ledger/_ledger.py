"""The ledger of a field: open it, write evidence, read it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeVar

from sqlalchemy import Connection, Engine, insert, select

from fieldmark.errors import InputError, LedgerError, NotFound
from fieldmark.ledger import _schema
from fieldmark.ledger._elsewhere import Presence
from fieldmark.ledger._engine import (
    database_url,
    explained,
    is_there,
    kind_of,
    migrate,
    open_readers,
    open_scratch,
    open_writer,
    shown,
)
from fieldmark.ledger._exchange import Export, import_export, replacing, usable_files, write_export
from fieldmark.ledger._keys import SignedHead, Signer, checkpoint
from fieldmark.ledger._projection import Progress, Projection
from fieldmark.ledger._reader import Snapshot, read_head
from fieldmark.ledger._record import Entry, Head
from fieldmark.ledger._rotation import enter, rotate
from fieldmark.ledger._transaction import Log, Transaction
from fieldmark.ledger._tree import EMPTY
from fieldmark.ledger._upkeep import catch_up, create, rebuild, rebuild_changed, replay
from fieldmark.ledger._verify import verify
from fieldmark.ledger._walk import Verification
from fieldmark.ledger._writer import Writer

T = TypeVar("T")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """The append-only log of one field in one database, with its texts, people and projections."""

    def __init__(
        self,
        field: str,
        writer: Writer,
        engines: tuple[Engine, Engine],
        projections: Sequence[Projection],
        signer: Signer | None = None,
    ) -> None:
        self.field = field
        self.projections = tuple(projections)
        self.presence = Presence(engines[0].url)
        """This process among those that write to the same database."""
        self._writer = writer
        self._engines = engines
        self._signer = signer

    @classmethod
    def open(
        cls,
        database: str | os.PathLike[str],
        *,
        field: str,
        projections: Sequence[Projection] = (),
        progress: Progress | None = None,
        patience: float = 5.0,
        clock: Callable[[], datetime] = _utc_now,
        signer: Signer | None = None,
    ) -> Ledger:
        """Open the ledger of `field`: create or migrate it, and compute projections that are not up to date.

        `database` is a path (SQLite) or a SQLAlchemy URL; `patience` how many seconds to wait for another
        program's lock; `clock` says when a record is written; `signer` signs every head, with a key that is put in
        force now if none is.

        Raises:
            InputError: the database holds another field.
            LedgerError: a newer program wrote it.
            LedgerUnavailable: it cannot be opened, or is locked, or the key in force is lost.
        """
        url = database_url(database)
        writing, reading = open_writer(url, patience=patience), open_readers(url, patience=patience)
        try:
            with explained(), writing.begin() as connection:
                kind_of(url).alone(connection, patience)
                migrate(connection)
                _claim(connection, field)
                _update(connection, projections, progress)
                key = _put_key_in_force(connection, projections, signer, clock)
            if signer is not None and key is not None:
                signer.promote(key)
        except BaseException:
            writing.dispose()
            reading.dispose()
            raise
        open_log = partial(Log, projections=tuple(projections), signer=signer)
        writer = Writer(writing, open_log, clock, f"ledger {field}", patience)
        return cls(field, writer, (writing, reading), projections, signer)

    def observe(self, committed: Callable[[float], None]) -> None:
        """Have `committed` told, on the writer's thread, how many seconds each group commit takes."""
        self._writer.committed = committed

    def close(self) -> None:
        """Finish the writes that wait, then close. What was acknowledged is safe without it."""
        self._writer.close()
        self.presence.close()
        for engine in self._engines:
            engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on the writer's thread and wait until it is committed and on disk. `work` must be quick.

        Raises:
            LedgerUnavailable: the store refused (full, locked) or is closed; nothing was recorded.
            Exception: what `work` raised; it alone was rolled back.
        """
        future: Future[T] = Future()
        self._writer.submit(work, future)
        return future.result()

    async def awrite(self, work: Callable[[Transaction], T]) -> T:
        """The same from asyncio. Giving up the wait (cancellation) does not give up the write."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(work, future)
        return await future

    @contextmanager
    def read(self) -> Iterator[Snapshot]:
        """A snapshot of now, while the `with` block lasts. Keep it short: SQLite's WAL grows meanwhile."""
        with explained(), self._engines[1].begin() as connection:
            _, size, digest = read_head(connection)
            yield Snapshot(connection, connection, Head(size, digest.hex()))

    def appended_elsewhere(self, after: int, *, most: int = 2000) -> tuple[int, list[Entry] | None]:
        """How many records there are now, and those from index `after` on that other programs appended.

        None in place of the records when they are more than `most`.
        """
        with self.read() as snapshot:
            size = snapshot.head().size
            gaps = self._writer.not_own(after, size)
            if sum(stop - start for start, stop in gaps) > most:
                return size, None
            return size, [entry for start, stop in gaps for entry in snapshot.entries(start, stop)]

    @contextmanager
    def at(self, head: Head | str, *, progress: Progress | None = None) -> Iterator[Snapshot]:
        """A snapshot as of an earlier head (see `Snapshot.find_head`); projections are computed in memory.

        Raises:
            NotFound: this ledger never had that head.
        """
        with self.read() as now:
            then = now.find_head(str(head))
            if then == now.head():
                yield now
                return
            engine = open_scratch()
            try:
                with engine.begin() as connection:
                    for projection in self.projections:
                        create(connection, projection)
                    replay(connection, self.projections, now.entries(0, then.size), then.size, progress)
                    yield Snapshot(connection, now.connection, then)
            finally:
                engine.dispose()

    def rebuild(self, name: str, *, progress: Progress | None = None) -> None:
        """Compute the projection called `name` anew from the records.

        Raises:
            NotFound: this ledger was opened without it.
        """
        projection = next((each for each in self.projections if each.name == name), None)
        if projection is None:
            known = ", ".join(each.name for each in self.projections)
            raise NotFound(f"no projection is called '{name}'", hint=f"known: {known}")
        self.write(lambda now: rebuild(now.connection, projection, now.head.size, progress))

    def verify(
        self,
        *,
        kept: Head | None = None,
        held: Sequence[SignedHead] = (),
        progress: Progress | None = None,
        workers: int | None = None,
    ) -> Verification:
        """Check records, tree, signed head, texts held and projections; `kept` is a head from earlier,
        `held` what a witness holds.
        `workers` processes look at the records of a large ledger; None: as many as pay, 1: none.

        Raises:
            BrokenLedger: the first thing that is wrong; it names the record.
        """
        with self.read() as snapshot:
            return verify(snapshot, self.field, self.projections, kept, progress, held, workers)

    def export(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        *,
        texts: str | os.PathLike[str] | None = None,
        withheld: bool = False,
        signer: Signer | None = None,
        progress: Progress | None = None,
    ) -> Head:
        """Write the records to `target` (a path or an open binary file), and the texts held to `texts`.

        It ends before the first record that a projection withholds, unless `withheld` records are wanted too.
        A head of earlier is signed by `signer`, or the one that the ledger was opened with.

        Raises:
            InputError: a file cannot be written.
        """
        with usable_files(), ExitStack() as files:
            snapshot = files.enter_context(self.read())
            beside = files.enter_context(replacing(Path(texts))) if texts is not None else None
            if isinstance(target, str | os.PathLike):
                target = files.enter_context(replacing(Path(target)))
            head = snapshot.head() if withheld else self._publishable(snapshot)
            write_export(
                snapshot, self._signed(snapshot, head, signer or self._signer), target, beside, progress
            )
            return head

    def _signed(self, snapshot: Snapshot, head: Head, signer: Signer | None) -> SignedHead:
        """A head of now or of earlier, with a signature if a key was in force."""
        now = snapshot.signed_head()
        if head == now.head:
            return now
        key = snapshot.key_at(head.size)
        if key is None:
            return SignedHead(self.field, head, None, None)
        if signer is None or not signer.holds(key):
            raise LedgerError(
                f"the head {head} cannot be signed: its key {key[:16]} is not at hand",
                hint="wait until the rounds that were open when the key changed are closed, or export them too",
            )
        return SignedHead(self.field, head, key, signer.sign(key, checkpoint(self.field, head)))

    def rotate_key(self, actor: str = "system") -> str:
        """Make a new signing key, endorsed by the one before, and sign with it from now on; the public key (hex).

        Raises:
            LedgerError: it was opened without a signer.
            LedgerUnavailable: the store refused.
        """
        signer = self._signer
        if signer is None:
            raise LedgerError("this ledger was opened without its key", hint="give Ledger.open a signer")
        public = self.write(lambda now: rotate(now, signer, actor))
        signer.promote(public)
        return public

    def _publishable(self, snapshot: Snapshot) -> Head:
        held = [each.withheld(snapshot.connection) for each in self.projections]
        return snapshot.head_at(
            min((first for first in held if first is not None), default=snapshot.head().size)
        )

    def import_(
        self,
        source: str | os.PathLike[str],
        *,
        texts: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
        workers: int | None = None,
    ) -> Head:
        """Append what an export holds and this ledger does not: all of it, or nothing.

        Raises:
            BrokenLedger: the file is not sound; it names line and record.
            InputError: it cannot be read, is of another field, or does not continue this ledger.
        """
        export = Export(Path(source), Path(texts) if texts is not None else None, progress=progress)
        with usable_files():
            return self.write(lambda now: import_export(now.log, export, workers))


def field_of(database: str | os.PathLike[str]) -> str:
    """The id of the field whose ledger a database holds.

    Raises:
        NotFound: there is no database.
        LedgerError: it holds no ledger.
        LedgerUnavailable: it cannot be read.
    """
    url = database_url(database)
    if not is_there(url):
        raise NotFound(f"there is no ledger at {shown(url)}", hint="serve the field once: `fieldmark up`")
    engine = kind_of(url).open_bare(url, 5.0)
    try:
        with explained(), engine.begin() as connection:
            if not engine.dialect.has_table(connection, _schema.heads.name):
                raise LedgerError(
                    f"{shown(url)} holds no ledger",
                    hint="serve the field once, or restore or copy one into it",
                )
            return read_head(connection)[0]
    finally:
        engine.dispose()


def _claim(connection: Connection, field: str) -> None:
    held = connection.execute(select(_schema.heads.c.field)).scalar_one_or_none()
    if held is None:
        connection.execute(insert(_schema.heads), {"field": field, "size": 0, "hash": EMPTY, "frontier": b""})
    elif held != field:
        raise InputError(
            f"this database holds the field '{held}', not '{field}'",
            hint="one database holds one field: give another path, or the field its own name again",
        )


def _put_key_in_force(
    connection: Connection,
    projections: Sequence[Projection],
    signer: Signer | None,
    clock: Callable[[], datetime],
) -> str | None:
    if signer is None:
        return None
    log = Log(connection, tuple(projections), signer)
    enter(Transaction(log, clock()), signer)
    log.settle()
    return log.key


def _update(connection: Connection, projections: Sequence[Projection], progress: Progress | None) -> None:
    """Bring every projection to the head: from where it stopped, or from the start when its code changed."""
    names = [each.name for each in projections]
    if len(set(names)) < len(names):
        raise ValueError(f"two projections share a name: {', '.join(sorted(names))}")
    _, size, _ = read_head(connection, lock=True)
    rebuild_changed(connection, projections, size, progress)
    catch_up(connection, projections, size, progress)
