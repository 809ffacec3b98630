"""Where a field's ledger is, and opening it."""

from __future__ import annotations

import os
from pathlib import Path

from fieldmark.fields._models import Field
from fieldmark.ledger import Ledger, Progress, Signer, every_projection

DATABASE_VARIABLE = "FIELDMARK_DATABASE_URL"


def database_of(folder: Path) -> str:
    """The database of the field in `folder`: the one that FIELDMARK_DATABASE_URL names, else a file in the folder."""
    return os.environ.get(DATABASE_VARIABLE) or str(folder / ".fieldmark" / "ledger.db")


def has_server(folder: Path) -> bool:
    """Whether the field's database is on a server, so that several processes may serve the field."""
    return database_of(folder).startswith("postgres")


def open_ledger(field: Field, progress: Progress | None = None) -> Ledger:
    """The ledger of a field, made if there is none, with every projection that a room keeps in it.

    Raises:
        InputError: the database holds another field.
        LedgerError: it cannot be opened.
    """
    field.state.mkdir(mode=0o700, exist_ok=True)
    projections = every_projection()
    return Ledger.open(
        database_of(field.folder),
        field=field.id,
        projections=projections,
        progress=progress,
        signer=Signer(field.state / "head.key"),
    )
