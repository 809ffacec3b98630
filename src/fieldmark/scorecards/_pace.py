"""How fast a contender may be asked: few at once, one at a time while it is away, not at all once it is given up."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._trial import ENDPOINT_FAULTS, broke_off

FIRST_PAUSE = 1.0
"""Seconds before an endpoint that was away is asked again; it doubles each time."""
LONGEST_PAUSE = 60.0
PATIENCE = 1800.0
"""Seconds without any answer after which a contender is given up: the rest of its trials waits for the run to be
continued."""
REFUSALS = 3
"""Refusals in a row that waiting does not help against (no key, no credit, no such model), before it is given up."""
_LIMITED = 429
_SERVER_ERROR = 500


@dataclass
class Pace:
    """Of one contender in one run."""

    name: str
    patience: float = PATIENCE
    first_pause: float = FIRST_PAUSE
    given_up: str = ""
    """Why no more of its trials are played now."""
    _since: float | None = None
    _fails: int = 0
    _until: float = 0.0
    _alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def away(self) -> bool:
        """Whether the last thing that is known of it is that it could not be asked."""
        return self._fails > 0

    def said(self) -> str:
        """In words, while it is waited for."""
        left = max(0, round(self._until - time.monotonic()))
        return f"{self.name} cannot be reached: next look in {left} s" if self.away else ""

    async def turn(self) -> asyncio.Lock | None:
        """Wait until it may be asked. While it is away, one trial at a time looks whether it is back: it gets the lock
        and releases it.
        """
        while self.away and not self.given_up:
            await self._alone.acquire()
            if not self.away or self.given_up:
                self._alone.release()
                break
            try:
                await asyncio.sleep(max(0.0, self._until - time.monotonic()))
            except BaseException:
                self._alone.release()
                raise
            return self._alone
        return None

    def heard(self, attempt: Attempt) -> bool:
        """Take in how a trial went. True: nothing of it happened, since the contender was not there; it is repeated."""
        if attempt.failure not in ENDPOINT_FAULTS or broke_off(attempt):  # whoever breaks off was there
            self._fails, self._since = 0, None
            return False
        now = time.monotonic()
        self._fails += 1
        self._since = now if self._since is None else self._since
        if attempt.failure == "over_budget":
            self.given_up = attempt.detail
            return False
        if not _may_come_back(attempt):
            if self._fails >= REFUSALS:
                self.given_up = attempt.detail
            return False
        pause = min(LONGEST_PAUSE, self.first_pause * 2 ** (self._fails - 1))
        pause = max(pause, attempt.retry_after or 0.0)
        self._until = now + pause
        if self._until - self._since > self.patience:
            self.given_up = f"{attempt.detail}; it was waited for {now - self._since:.0f} s"
            return False
        return attempt.steps == 0 and not attempt.calls


def _may_come_back(attempt: Attempt) -> bool:
    return (
        attempt.failure in {"unreachable", "interrupted"}
        or attempt.status == _LIMITED
        or (attempt.status or 0) >= _SERVER_ERROR
    )
