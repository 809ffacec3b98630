"""One release pace for both sides, so that speed gives no identity away.

The rule, in characters (Unicode code points) of one turn:

1. While both sides write, character n of either side is due once both have received n characters.
2. Once one side has finished with m characters, the other's text beyond m is due at the pace kept so far (m characters
   in the time since the first release), at least `CATCH_UP` characters a second.
3. A side that failed holds nobody back.
4. A side that receives nothing for `hang` seconds while the other has text waiting for it hangs: for the rest of the
   turn the other is due as it arrives.

Added delay is measured against this rule, which needs nothing but the times of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fieldmark.ledger.evidence import Side

CATCH_UP = 40.0
"""Slowest pace, in characters per second, at which the longer answer goes on after the shorter one ended."""


@dataclass
class _Lane:
    received: int = 0
    released: int = 0
    waits_since: float = 0.0
    """When the other side was last heard of, or this one got ahead of it, whichever came later."""
    ended: Literal["no", "finished", "failed"] = "no"
    freed: bool = False
    overtakes_at: float | None = None
    """When this lane had both passed the finished other's length and seen it end."""


class Pace:
    """How many characters of each side are due at a time. Times are seconds of any one monotonic clock.

    Example: `pace = Pace(hang=8.0); pace.arrived("a", 5, at=0.2); pace.due(now=0.2)` gives 0 characters
    for both sides, since side b has none yet.
    """

    def __init__(self, *, hang: float) -> None:
        self._lanes: dict[Side, _Lane] = {"a": _Lane(), "b": _Lane()}
        self._hang = hang
        self._first_release: float | None = None

    def arrived(self, side: Side, characters: int, *, at: float) -> None:
        """`characters` more were received of `side`."""
        lane, other = self._lanes[side], self._lanes[_other(side)]
        if lane.received <= other.received:
            lane.waits_since = at
        lane.received += characters
        other.waits_since = at

    def ended(self, side: Side, how: Literal["finished", "failed"]) -> None:
        """`side` receives nothing more."""
        self._lanes[side].ended = how

    def due(self, *, now: float) -> dict[Side, int]:
        """Characters to release now, per side; they count as released."""
        released: dict[Side, int] = {}
        for side, lane in self._lanes.items():
            limit = self._limit(lane, self._lanes[_other(side)], now)
            released[side] = max(0, limit - lane.released)
            lane.released += released[side]
            if released[side] and self._first_release is None:
                self._first_release = now
        return released

    def next_due(self, *, now: float) -> float | None:
        """Seconds after which something may be due without a further arrival; None if only an arrival can help."""
        waits = [
            wait
            for side, lane in self._lanes.items()
            if lane.received > lane.released
            for wait in [self._wait(lane, self._lanes[_other(side)], now)]
            if wait is not None
        ]
        return min(waits, default=None)

    def hanging(self, side: Side) -> bool:
        """Whether the other side no longer waits for `side`."""
        return self._lanes[_other(side)].freed and self._lanes[side].ended == "no"

    def all_released(self, side: Side) -> bool:
        """Whether `side` has ended and all of it was released."""
        lane = self._lanes[side]
        return lane.ended != "no" and lane.released == lane.received

    def _limit(self, lane: _Lane, other: _Lane, now: float) -> int:
        if lane.freed or other.ended == "failed":
            return lane.received
        if other.ended == "finished":
            return self._limit_after(lane, other.received, now)
        if lane.received > other.received and now - lane.waits_since >= self._hang:
            lane.freed = True
            return lane.received
        return min(lane.received, other.received)

    def _limit_after(self, lane: _Lane, length: int, now: float) -> int:
        if lane.received <= length:
            return lane.received
        if lane.overtakes_at is None:
            lane.overtakes_at = now
        beyond = self._speed(length, lane.overtakes_at) * (now - lane.overtakes_at)
        return min(lane.received, max(lane.released, length + int(beyond)))

    def _speed(self, length: int, until: float) -> float:
        elapsed = until - self._first_release if self._first_release is not None else 0.0
        return max(CATCH_UP, length / elapsed) if elapsed > 0 else CATCH_UP

    def _wait(self, lane: _Lane, other: _Lane, now: float) -> float | None:
        if other.ended == "finished" and lane.overtakes_at is not None:
            speed = self._speed(other.received, lane.overtakes_at)
            return max(0.0, lane.overtakes_at + (lane.released + 1 - other.received) / speed - now)
        if other.ended == "no" and not lane.freed:
            return max(0.0, lane.waits_since + self._hang - now)
        return 0.0


def _other(side: Side) -> Side:
    return "b" if side == "a" else "a"
