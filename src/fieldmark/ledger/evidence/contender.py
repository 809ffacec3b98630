"""`contender` and `withdrawal`: who is measured, from when and until when."""

from __future__ import annotations

from typing import Any, ClassVar

from fieldmark.ledger.evidence._base import Evidence


class ContenderSeen(Evidence):
    """A contender entered the field, or its label changed. Text: `system`, its system prompt, if it has one."""

    type: ClassVar[str] = "contender"

    name: str
    """The label people read; the board's row is the digest."""
    kind: str
    """`endpoint`, `weights` or a kind that another room registered."""
    digest: str
    """SHA-256 (hex) of the identity, see `fieldmark.contenders.Identity`."""
    parent: str | None = None
    """Digest that carried this name before, when a setting changed."""
    parts: dict[str, Any]
    """The identity's parts without its texts."""
    price: dict[str, float] | None = None
    """`input` and `output` in currency units per million tokens."""


class Withdrawal(Evidence):
    """A contender is asked no more. It stays on the board's record."""

    type: ClassVar[str] = "withdrawal"

    digest: str
    """Identity digest of the contender."""
    name: str
    """Its label at that time."""
    reason: str
    """`removed`, `replaced`, or the admin's words."""
