"""`erasure`: texts, salts and a pseudonym's link are gone."""

from __future__ import annotations

from typing import ClassVar, Literal

from fieldmark.ledger.evidence._base import Evidence


class Erasure(Evidence):
    """What was deleted. A restored backup replays it; every proof still verifies without the texts."""

    type: ClassVar[str] = "erasure"

    what: Literal["person", "case"]
    """All that is held of a person, or one case."""
    subject: str
    """Pseudonym, or id of the case's record."""
    reason: Literal["request", "consent", "retention"]
    """Asked for; consent withdrawn; kept long enough."""
    texts: tuple[str, ...]
    """Ids of the texts, sorted: deleted, or not held here anyway. None of them is ever stored again."""
    links: int
    """Rows deleted that tied the pseudonym to a cookie or an account."""
