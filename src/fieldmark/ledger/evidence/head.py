"""`key` and `head`: which key signs the field's tree heads, and which heads were handed to a witness."""

from __future__ import annotations

from typing import ClassVar, Literal

from fieldmark.ledger.evidence._base import Evidence


class KeyInForce(Evidence):
    """From the head that covers this record on, this key signs. Refs: `previous` (the `key` record before)."""

    type: ClassVar[str] = "key"

    public: str
    """Ed25519 public key, 32 bytes in hex."""
    reason: Literal["first", "rotated", "lost"]
    """`lost`: the key before is gone, so nothing of it vouches for this one."""
    endorsement: str | None = None
    """With `rotated`: the previous key's Ed25519 signature (hex) of the new public key and this record's index; see the
    ledger format."""


class HeadWitnessed(Evidence):
    """A signed head was handed to a witness, who keeps it where the operator cannot rewrite it."""

    type: ClassVar[str] = "head"

    size: int
    """Records it covers."""
    root: str
    """Merkle root (hex)."""
    key: str
    """Public key that signed it (hex)."""
    signature: str
    """Ed25519 signature (hex)."""
    witness: str
    """Name of the witness in the field's policy."""
