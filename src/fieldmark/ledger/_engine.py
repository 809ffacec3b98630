"""The database, whichever engine it is: `_sqlite.py` and `_postgres.py` hold what is about one of them alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.pool import StaticPool

from fieldmark.errors import FieldmarkError, InputError, LedgerError, LedgerUnavailable
from fieldmark.ledger import _postgres, _sqlite

MIGRATIONS = Path(__file__).with_name("migrations")
AGAIN = "nothing was recorded; try again"


class Kind(Protocol):
    """What an engine's module gives."""

    def is_there(self, url: URL) -> bool:
        """Whether the database exists, as far as can be told without opening it."""

    def open_writer(self, url: URL, patience: float) -> Engine:
        """For the one writer of a process: durable once committed."""

    def open_readers(self, url: URL, patience: float) -> Engine:
        """For snapshots: a transaction sees one state of the database and can change nothing."""

    def open_bare(self, url: URL, patience: float) -> Engine:
        """To read a database that may hold nothing of ours."""

    def refused(self, error: DBAPIError) -> str | None:
        """The hint when the store refused (full, locked, damaged, gone); None for a wrong statement."""

    def alone(self, connection: Connection, patience: float) -> None:
        """No other program opens or migrates this database until the transaction ends."""

    def no_readers(self, connection: Connection) -> None:
        """Wait for the snapshots that are open, before tables are dropped: they must not see them empty."""

    def mark(self, connection: Connection) -> str | None:
        """Name the transaction so that `is_committed` can tell later; None where a commit is never in doubt."""

    def is_committed(self, engine: Engine, mark: str, patience: float) -> bool | None:
        """What became of a transaction whose commit got no answer; None when it cannot be told."""


_KINDS: dict[str, ModuleType] = {"sqlite": _sqlite, "postgresql": _postgres}


def database_url(database: str | os.PathLike[str]) -> URL:
    """A path means SQLite; anything with `://` is a URL of SQLite or PostgreSQL.

    Raises:
        InputError: it is of another database.
    """
    text = os.fspath(database)
    if "://" not in text:
        return URL.create("sqlite", database=str(Path(text).resolve()))
    try:
        url = make_url(text)
    except ArgumentError:
        raise InputError("the database's URL cannot be read", hint=_URLS) from None
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise InputError(f"'{url.drivername}' is no database that Fieldmark uses", hint=_URLS)
    return url


_URLS = "give a path for SQLite, or postgresql://USER:PASSWORD@HOST/DATABASE"


def kind_of(url: URL) -> Kind:
    """The module of the URL's engine."""
    return cast(Kind, _KINDS[url.get_backend_name()])


def shown(url: URL) -> str:
    """A database as it may be shown: a path, or a URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ":memory:"
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def is_there(url: URL) -> bool:
    """Whether the database exists (a server's database is asked when it is opened)."""
    return kind_of(url).is_there(url)


def open_writer(url: URL, *, patience: float) -> Engine:
    """For the one writer. `patience` is in seconds: how long a lock is waited for."""
    return kind_of(url).open_writer(url, patience)


def open_readers(url: URL, *, patience: float) -> Engine:
    """For snapshots: a transaction sees one state of the database and can change nothing."""
    return kind_of(url).open_readers(url, patience)


def open_scratch() -> Engine:
    """An empty database in memory, for recomputing."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    _sqlite.prepare(engine, 0, "BEGIN", ())
    return engine


def no_readers(connection: Connection) -> None:
    """To be called in a transaction that holds the head, before it drops tables."""
    kind_of(connection.engine.url).no_readers(connection)


def refusal(error: DBAPIError) -> LedgerUnavailable | None:
    """The error to raise when the store refused (full, locked, damaged, gone); None for a wrong statement."""
    for kind in _KINDS.values():
        hint: str | None = kind.refused(error)
        if hint is not None:
            return _unavailable(str(error.orig), hint)
    return _unavailable(str(error.orig), AGAIN) if error.connection_invalidated else None


def understood(error: BaseException) -> FieldmarkError | None:
    """The error of ours that one of the database stands for: the store refused, or a text is none."""
    if isinstance(error, DataError) and "NUL" in str(error.orig):
        # PostgreSQL's text has no such character; texts of people and contenders are kept as bytes.
        return InputError("a name or id holds the character U+0000, so it is not text")
    return refusal(error) if isinstance(error, DBAPIError) else None


def unavailable(error: BaseException) -> LedgerUnavailable:
    """Nothing was acknowledged, and why."""
    refused = refusal(error) if isinstance(error, DBAPIError) else None
    reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return refused or _unavailable(reason, AGAIN)


def _unavailable(reason: str, hint: str) -> LedgerUnavailable:
    return LedgerUnavailable(f"the ledger's database refused: {' '.join(reason.split())}", hint=hint)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the store refuses into an error of ours; what is a mistake of the program passes."""
    try:
        yield
    except NoConnection as error:
        raise LedgerUnavailable(
            "every connection to the ledger's database is in use", hint="try again in a moment"
        ) from error
    except DBAPIError as error:
        known = understood(error)
        if known is None:
            raise
        raise known from error


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the ledger's own tables to this version of the program, inside the caller's transaction.

    Raises:
        LedgerError: a newer program has migrated this database.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise LedgerError(
            f"this database is newer than this Fieldmark ({error})",
            hint="open it with the Fieldmark that wrote it, or a later one",
        ) from error
