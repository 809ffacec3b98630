"""The clock was asked for the right zones, and the answer agrees with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from fieldmark.scorecards import Attempt, Grading, Verdict, Verifier

from ._reading import amiss


class AskedTheClock(Verifier):
    """Each group of `zones` (aliases of one zone) was asked for, no other zone was, and the answer is right.

    The right answer of a trial stands in the state that its scene leaves.
    """

    kind = "clock"

    def __init__(self, zones: Sequence[Sequence[str]]) -> None:
        self.zones = [tuple(group) for group in zones]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the zones and of this code."""
        code = [(Path(__file__).parent / name).read_text("utf-8") for name in ("_verifier.py", "_reading.py")]
        return hashlib.sha256(json.dumps([self.kind, self.zones, code]).encode()).hexdigest()

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        state = attempt.state
        asked = {str(c.arguments.get("zone")) for c in attempt.calls if c.name == "clock" and not c.error}
        missing = [group[0] for group in self.zones if not asked & set(group)]
        other = asked - {zone for group in self.zones for zone in group}
        words = [f"the clock was not asked for {zone}" for zone in missing]
        words += [f"the clock was asked for {zone}" for zone in sorted(other)]
        if not state["asked_back"]:
            words.append("it was not asked which place is meant")
        words += [f"the answer is not right ({what})" for what in amiss(attempt.answer, state["right"])]
        parts = len(self.zones) + len(state["right"])
        return Verdict.of(not words, "; ".join(words), score=max(0.0, 1 - len(words) / max(parts, 1)))
