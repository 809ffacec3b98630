"""Backup and restore. A backup is one file: an SQLite database with everything that is in the ledger's database."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL

from fieldmark.errors import InputError, LedgerError, LedgerUnavailable, NotFound
from fieldmark.ledger._copy import copy_ledger, new_file
from fieldmark.ledger._engine import database_url, shown
from fieldmark.ledger._keys import Signer
from fieldmark.ledger._ledger import Ledger, field_of
from fieldmark.ledger._projection import Progress, Projection
from fieldmark.ledger._record import Head
from fieldmark.ledger._sweep import replay_erasures
from fieldmark.ledger._walk import Verification

_SQLITE = b"SQLite format 3\x00"
_PAGES = 512
LOG = logging.getLogger(__name__)


def back_up(
    database: str | os.PathLike[str],
    file: Path,
    *,
    projections: Sequence[Projection],
    progress: Progress | None = None,
) -> Verification:
    """Write everything that the database holds now to a new `file`, verified there. The field may be served meanwhile.

    Raises:
        NotFound: there is no database.
        InputError: `file` exists, or cannot be written.
        BrokenLedger: what is in the database is not sound; no file is written.
        LedgerUnavailable: the database cannot be read, or the disk is full; no file is written.
    """
    url = database_url(database)
    if url.get_backend_name() != "sqlite":
        with new_file(file) as part:
            part.unlink()
            found = copy_ledger(database, part, projections=projections, progress=progress)
            _single(part)
            return found
    field = field_of(database)
    with new_file(file) as part:
        _copy_pages(Path(url.database or ""), part, progress)
        with Ledger.open(part, field=field, projections=projections) as ledger:
            found = ledger.verify(progress=progress)
        _single(part)
        return found


def restore(
    file: Path,
    database: str | os.PathLike[str],
    *,
    projections: Sequence[Projection],
    erasures: Path | None = None,
    kept: Head | None = None,
    signer: Signer | None = None,
    progress: Progress | None = None,
) -> tuple[Verification, int]:
    """Put what a backup holds into an empty database, verified; what was erased since is erased again.

    `erasures` is the field's list of them; `kept` a head from earlier; `signer` signs what is erased again: when the
    key was rotated since, with the key at hand, and a `key` record says that the backup's own is lost. Gives what was
    verified, and how many erasures were replayed.

    Raises:
        InputError: `file` is no backup, or the database is not empty.
        BrokenLedger: the backup is not sound, or not of the log whose head was kept; the database is as it was.
    """
    _check_backup(file)
    with TemporaryDirectory(prefix=".restore-", dir=_beside(database_url(database))) as folder:
        work = Path(folder) / "ledger.db"
        _copy_pages(file, work, None)
        replayed = 0
        again = None
        if erasures is not None and not erasures.exists():
            LOG.warning("there is no %s: what was erased since the backup, if anything, is back", erasures)
        elif erasures is not None and signer is not None:
            again = _Successor(signer.path, lost=True)
        with Ledger.open(work, field=field_of(work), projections=projections, signer=again) as ledger:
            found = ledger.verify(kept=kept, progress=progress)
            if erasures is not None and erasures.exists():
                replayed = len(replay_erasures(ledger, erasures))
        if replayed:
            with Ledger.open(work, field=found.field, projections=projections) as ledger:
                found = ledger.verify(progress=progress)
        copy_ledger(work, database, projections=projections, progress=progress)
        return found, replayed


class _Successor(Signer):
    """Follows a lost key with the key that is at hand, which the database that is replaced may need still."""

    def prepare(self) -> str:
        public = self.make()
        LOG.warning(
            "the key that signed the backup is not in %s: %s follows it, and `verify` says that one was lost. "
            "If you have its file, put it there and restore again.",
            self.path,
            public[:16],
        )
        return public


def set_aside(path: Path) -> Path | None:
    """Move a field's database file out of the way, under a name that says when; None when there is none."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:  # damaged, perhaps the very reason: it is moved as it is
        pass
    aside = path.with_name(f"{path.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    if aside.exists():
        raise InputError(f"{aside} exists already", hint="wait a second and try again")
    for end in ("-wal", "-shm", ""):
        beside = path.with_name(path.name + end)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + end))
    return aside


def _check_backup(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            begins = stream.read(len(_SQLITE))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if begins != _SQLITE:
        raise InputError(
            f"{file} is no backup", hint="give what `fieldmark ledger backup` wrote; `import` takes an export"
        )
    try:
        field_of(file)
    except (NotFound, LedgerUnavailable, LedgerError) as error:
        raise InputError(f"{file} is no backup: {error.message}") from error


def _beside(url: URL) -> str | None:
    """Erased texts shall pass through no other disk than the database's own, where there is one."""
    if url.get_backend_name() != "sqlite":
        return None
    folder = Path(shown(url)).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)


def _copy_pages(source: Path, target: Path, progress: Progress | None) -> None:
    """SQLite's online backup: one state of the source, however much is written to it meanwhile."""

    def tell(_status: int, remaining: int, total: int) -> None:
        if progress:
            progress(total - remaining, total)

    with _reading(source) as one, closing(sqlite3.connect(target)) as other:
        try:
            one.backup(other, pages=_PAGES, progress=tell)
        except sqlite3.Error as error:
            raise LedgerUnavailable(
                f"the database could not be copied: {error}",
                hint="no file was written; make room and try again",
            ) from error
    os.chmod(target, 0o600)


@contextmanager
def _reading(source: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        connection.execute("BEGIN")  # one snapshot: else every write begins the copy anew
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection


def _single(file: Path) -> None:
    """One file that needs no other beside it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
