"""`monitor`: what a check of the field's own found in a live case."""

from __future__ import annotations

from typing import ClassVar

from fieldmark.ledger.evidence._base import Evidence


class MonitorFound(Evidence):
    """A monitor ran on a case's answer. Refs: `case`. Text: `explanation`, if any."""

    type: ClassVar[str] = "monitor"

    monitor: str
    """Its name in the field."""
    version: str
    """SHA-256 (hex, first 16 characters) of what it runs: kind, settings and source."""
    contender: str
    """Identity digest of whoever answered."""
    passed: bool | None
    """None: the monitor itself failed, see `error`."""
    score: float | None = None
    """0 (worst) to 1 (best), if the monitor gives one."""
    error: str | None = None
    """Name of the exception, or `timeout`."""
    ms: int
    """Milliseconds it ran."""
