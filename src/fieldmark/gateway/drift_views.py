"""What the API and the reports say of drift."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

DriftState = Literal["off", "learning", "steady", "alarm"]


class _View(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Alarm(_View):
    """A contender whose answers are no longer what they were, under an unchanged name; nobody has looked yet."""

    contender: str
    """Identity digest."""
    record: str
    """Id of the evidence `drift`."""
    since: str
    """When it was found (UTC)."""
    p: float
    """Chance of answers at least this different from an unchanged contender, corrected for the windows tried."""
    alpha: float
    """Level it was compared with."""
    baseline: int
    """Runs that said what is usual."""
    window: int
    """Newest runs that differ from them."""
    message: str
    """One sentence."""


class DriftView(_View):
    """Whether a contender still answers as it did."""

    contender: str
    """Its name."""
    digest: str
    state: DriftState
    """`off`: it was never asked and no schedule is set. `learning`: its baseline has too few runs yet. `steady`:
    nothing speaks for a change. `alarm`: its answers changed, and nobody acknowledged it."""
    runs: int
    """Runs that can be compared, since it was first asked or an alarm was last acknowledged."""
    baseline: int
    """Runs that the baseline needs."""
    last_run: str | None
    """When it was last asked (UTC)."""
    last_failed: int
    """Answers of that run that did not come."""
    next_run: str | None
    """When it is due again (UTC); None without a schedule."""
    running: bool
    """It is being asked now, by this server."""
    p: float | None
    """Of the newest runs, or of the alarm; None while it learns."""
    alpha: float
    """At or below this p is an alarm."""
    since: str | None
    """When the alarm was found (UTC)."""
    message: str
    """One sentence, for people."""
