"""Opens a field's ledger."""

from __future__ import annotations

from fieldmark.fields._models import Field
from fieldmark.ledger import Ledger, Progress, every_projection


def open_ledger(field: Field, progress: Progress | None = None) -> Ledger:
    """The ledger of a field, made if there is none, with every projection that a room keeps in it.

    Raises:
        InputError: the database holds another field.
        LedgerError: it cannot be opened.
    """
    field.state.mkdir(mode=0o700, exist_ok=True)
    projections = every_projection()
    return Ledger.open(field.state / "ledger.db", field=field.id, projections=projections, progress=progress)
