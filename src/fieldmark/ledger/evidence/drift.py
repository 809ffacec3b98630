"""`canary` and `drift`: fixed questions asked again and again, and whether the answers are still of one kind."""

from __future__ import annotations

from typing import ClassVar, Literal

from fieldmark.ledger.evidence._base import Evidence


class CanaryAsked(Evidence):
    """One run of the canary set. Text: `answers`, canonical JSON {prompt id: [answers]}."""

    type: ClassVar[str] = "canary"

    contender: str
    """Identity digest."""
    canaries: str
    """SHA-256 (hex, first 16 characters) of the set and how it is asked: runs of one value can be compared."""
    asked: int
    """Answers asked for."""
    failed: int
    """Answers that did not come."""
    ms: int
    """Milliseconds the run took."""
    cost: float | None = None
    """Currency units, when the contender has a price."""


class DriftFound(Evidence):
    """The answers under an unchanged name changed; or an admin looked at it. Refs: `canary` (the newest run)."""

    type: ClassVar[str] = "drift"

    contender: str
    """Identity digest."""
    canaries: str
    """The canary set, as in `canary`."""
    state: Literal["alarm", "acknowledged"]
    """`acknowledged`: an admin has seen it; the next run begins a new baseline."""
    statistic: float | None = None
    """The test's statistic."""
    p: float | None = None
    """Its p-value, after correction for the windows tried."""
    alpha: float | None = None
    """Level it was compared with."""
    baseline: int = 0
    """Runs in the baseline."""
    window: int = 0
    """Newest runs compared with it."""
