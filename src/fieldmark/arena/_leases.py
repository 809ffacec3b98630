"""Which of several server processes writes a round. On SQLite there is only one, and nothing is kept."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from fieldmark.errors import Conflict
from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.state import leases

_c = leases.c
_ROUND = "round:"


class Leases:
    """A round's lease is held from before its contenders are asked until both answers are shown."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._presence = ledger.presence
        self._suspects: set[str] = set()

    @property
    def shared(self) -> bool:
        """Whether there may be other processes."""
        return self._presence.shared

    def take(self, transaction: Transaction, battle: str) -> None:
        """Write the round from here. Conflict: `elsewhere`."""
        if not self._presence.shared:
            return
        self.check(transaction, battle)
        transaction.connection.execute(delete(leases).where(_c.name == _name(battle)))
        lease = {"name": _name(battle), "holder": self._presence.holder}
        transaction.connection.execute(insert(leases), lease)

    def check(self, now: Snapshot | Transaction, battle: str) -> None:
        """Refuse what needs the round's live state while another process has it. Conflict: `elsewhere`."""
        if self.elsewhere(now, battle):
            raise Conflict(
                "another server process is writing this round's answers",
                code="elsewhere",
                hint="wait until both answers are there; or let your load balancer keep a browser on one process",
            )

    def elsewhere(self, now: Snapshot | Transaction, battle: str) -> bool:
        """Whether another process writes the round, or has gone and left it unfinished."""
        if not self._presence.shared:
            return False
        query = select(_c.holder).where(_c.name == _name(battle))
        return now.connection.execute(query).scalar_one_or_none() not in {None, self._presence.holder}

    def gone(self) -> set[str]:
        """Processes that hold leases and were dead at this look and at the one before.

        One look is not enough: all are dead for a moment when the database's server was restarted.
        """
        with self._ledger.read() as snapshot:
            holders = snapshot.connection.execute(select(_c.holder).distinct()).scalars().all()
            dead = {each for each in holders if not self._presence.alive(snapshot.connection, each)}
        self._suspects, twice = dead, dead & self._suspects
        return twice

    def held(self, transaction: Transaction, gone: set[str]) -> set[str]:
        """Rounds that some process writes which is not among the `gone`, whose own leases end here."""
        ended = _c.holder.in_(gone) & _c.name.startswith(_ROUND)
        transaction.connection.execute(delete(leases).where(ended))
        names = transaction.connection.execute(select(_c.name).where(_c.name.startswith(_ROUND)))
        return {name.removeprefix(_ROUND) for name in names.scalars()}

    def free(self, transaction: Transaction, battle: str) -> None:
        """All there was of a round is written down and shown, or was given up."""
        if self._presence.shared:
            mine = (_c.name == _name(battle)) & (_c.holder == self._presence.holder)
            transaction.connection.execute(delete(leases).where(mine))


def _name(battle: str) -> str:
    return _ROUND + battle
