"""What admins did, written down as evidence and read back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import AdminAct
from fieldmark.ledger.evidence.account import Act

_STEP = 10_000


@dataclass(frozen=True)
class Audited:
    """One act as the ledger has it."""

    index: int
    id: str
    at: str
    actor: str
    """Pseudonym of the admin; `system` for the command line."""
    act: str
    subject: str | None
    details: dict[str, str]


def write_act(now: Transaction, act: Act, *, by: str, subject: str | None = None, **details: str) -> None:
    """Append an admin's act. `details` hold neither names of people nor secrets."""
    now.append(AdminAct(act=act, subject=subject, details=details), actor=by)


async def record_act(
    ledger: Ledger, act: Act, *, by: str, subject: str | None = None, **details: str
) -> None:
    """The same in a transaction of its own."""
    await ledger.awrite(lambda now: write_act(now, act, by=by, subject=subject, **details))


def acts(snapshot: Snapshot, *, before: int | None = None, limit: int = 100) -> list[Audited]:
    """Acts recorded before ledger index `before`, newest first."""
    found: list[Audited] = []
    stop = snapshot.head().size if before is None else min(before, snapshot.head().size)
    while stop > 0 and len(found) < limit:
        start = max(0, stop - _STEP)
        found += reversed(list(_acts_between(snapshot, start, stop)))
        stop = start
    return found[:limit]


def _acts_between(snapshot: Snapshot, start: int, stop: int) -> Iterator[Audited]:
    for entry in snapshot.entries(start, stop, types=[AdminAct]):
        body, record = entry.record.body, entry.record
        if isinstance(body, AdminAct):
            details = dict(body.details)
            yield Audited(entry.index, record.id, record.at, record.actor, body.act, body.subject, details)
