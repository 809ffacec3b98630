"""Putting a key in force: the first at the first opening, another by rotation, another still when one is lost."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select

from fieldmark.ledger import _schema
from fieldmark.ledger._keys import Signer, endorsed
from fieldmark.ledger._transaction import Transaction
from fieldmark.ledger.evidence import AdminAct, KeyInForce

_records = _schema.records
_last_key = (
    select(_records.c.id).where(_records.c.type == KeyInForce.type).order_by(_records.c.index.desc()).limit(1)
)


def enter(now: Transaction, signer: Signer) -> None:
    """When a ledger is opened with a signer: the key in force must be at hand, or is made.

    Raises:
        LedgerUnavailable: the file of the key in force is lost.
    """
    key = now.log.key
    if key is None:
        _append(now, signer.make(), "first")
    elif signer.lost and not signer.holds(key):
        _append(now, signer.prepare(), "lost")
        now.append(AdminAct(act="signing_key_rotated", details={"reason": "lost"}), actor="system")
    else:
        signer.need(key)
        signer.promote(key)


def rotate(now: Transaction, signer: Signer, actor: str) -> str:
    """Put a new key in force, endorsed by the one before; its public key. `Signer.promote` it once that is durable."""
    before = now.log.key
    assert before is not None
    public = signer.prepare()
    text = endorsed(now.log.field, now.head.size, public)
    _append(now, public, "rotated", signer.sign(before, text))
    now.append(AdminAct(act="signing_key_rotated", details={"reason": "rotated"}), actor=actor)
    return public


def _append(
    now: Transaction,
    public: str,
    reason: Literal["first", "rotated", "lost"],
    endorsement: str | None = None,
) -> None:
    before = now.connection.execute(_last_key).scalar_one_or_none()
    body = KeyInForce(public=public, reason=reason, endorsement=endorsement)
    now.append(body, actor="system", refs={"previous": before} if before else {})
