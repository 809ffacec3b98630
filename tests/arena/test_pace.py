"""The release pace: golden timelines, and properties of every timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.arena._pace import CATCH_UP, Pace
from fieldmark.ledger.evidence import Side

HANG = 8.0
LEAST = 0.001
"""Shortest sleep, in seconds: the exact moment of a character is no floating-point number."""
End = Literal["finished", "failed"]


@dataclass(frozen=True)
class Arrival:
    """Characters of one side, or its end."""

    at: float
    side: Side
    what: int | End


@dataclass
class Shown:
    """What was released over time: (time, a, b) after each change, both totals from the start."""

    steps: list[tuple[float, int, int]] = field(default_factory=list)
    hung: dict[Side, float] = field(default_factory=dict)

    def at(self, time: float) -> tuple[int, int]:
        """Totals at a time."""
        return next(((a, b) for t, a, b in reversed(self.steps) if t <= time), (0, 0))


def play(arrivals: list[Arrival], also: list[float] = [], hang: float = HANG) -> Shown:  # noqa: B006
    """Run a pace as a server does: looked at on every arrival, whenever it asks to be, and at the times `also`."""
    pace, shown, now = Pace(hang=hang), Shown(), 0.0
    waiting, extra = sorted(arrivals, key=lambda x: x.at), sorted(also)
    totals: dict[Side, int] = {"a": 0, "b": 0}
    for _ in range(100_000):
        due = pace.next_due(now=now)
        times = [
            t for t in (waiting[0].at if waiting else None, extra[0] if extra else None) if t is not None
        ]
        if due is not None:
            times.append(now + max(due, LEAST))
        if not times:
            return shown
        now = max(now, min(times))
        while extra and extra[0] <= now:
            extra.pop(0)
        while waiting and waiting[0].at <= now:
            _take(pace, waiting.pop(0))
        released = pace.due(now=now)
        if any(released.values()):
            totals = {side: totals[side] + n for side, n in released.items()}
            shown.steps.append((now, totals["a"], totals["b"]))
        for side in totals:
            if pace.hanging(side):
                shown.hung.setdefault(side, now)
    raise AssertionError("the pace never came to rest")


def _take(pace: Pace, arrival: Arrival) -> None:
    if isinstance(arrival.what, int):
        pace.arrived(arrival.side, arrival.what, at=arrival.at)
    else:
        pace.ended(arrival.side, arrival.what)


def test_a_character_is_due_once_both_have_it() -> None:
    shown = play([Arrival(1, "a", 10), Arrival(2, "b", 4), Arrival(3, "b", 20), Arrival(4, "a", 5)])
    assert shown.steps[:3] == [(2, 4, 4), (3, 10, 10), (4, 15, 15)]


def test_the_longer_answer_goes_on_at_the_pace_kept_so_far() -> None:
    arrivals = [Arrival(float(i), side, 100) for i in range(1, 4) for side in ("a", "b")]
    arrivals += [Arrival(3, "a", 500), Arrival(3, "b", "finished"), Arrival(3, "a", "finished")]
    shown = play(arrivals)
    assert shown.at(3) == (300, 300)  # in 2 s since the first release: 150 a second
    assert [shown.at(3 + t)[0] for t in (1, 2, 3)] == [450, 600, 750]
    assert shown.steps[-1][0] == pytest.approx(3 + 500 / 150, abs=0.02)
    assert shown.steps[-1][1:] == (800, 300)


def test_catching_up_has_a_slowest_pace() -> None:
    arrivals = [
        Arrival(1, "b", 5),
        Arrival(1, "a", 85),
        Arrival(3, "b", "finished"),
        Arrival(3, "a", "finished"),
    ]
    shown = play(arrivals)
    assert shown.at(3.5)[0] == 5 + CATCH_UP / 2
    assert shown.steps[-1][1:] == (85, 5)


def test_a_failed_side_holds_nobody_back() -> None:
    shown = play([Arrival(1, "a", 50), Arrival(2, "b", "failed"), Arrival(3, "a", 7)])
    assert shown.steps == [(2, 50, 0), (3, 57, 0)]


def test_a_side_that_stands_still_hangs_after_its_bound() -> None:
    shown = play([Arrival(1, "a", 50), Arrival(2, "b", 10), Arrival(20, "a", 1), Arrival(21, "b", 90)])
    assert shown.steps[:4] == [(2, 10, 10), (10, 50, 10), (20, 51, 10), (21, 51, 51)]
    assert shown.hung["b"] == 10


def test_being_slow_together_is_no_hanging() -> None:
    """Both sides may take long to begin: the first to begin must not make the other one hang at once."""
    shown = play([Arrival(30, "a", 5), Arrival(30.5, "b", 5), Arrival(60, "b", 5), Arrival(61, "a", 5)])
    assert shown.hung == {}
    assert shown.steps == [(30.5, 5, 5), (61, 10, 10)]


def test_the_hanging_side_itself_still_waits_for_nobody() -> None:
    shown = play(
        [Arrival(1, "a", 5), Arrival(15, "b", 50), Arrival(15, "b", "finished"), Arrival(16, "a", "finished")]
    )
    assert shown.hung == {"b": 9}
    assert shown.steps[-1][1:] == (5, 50)


@st.composite
def timelines(draw: st.DrawFn, *, finish: bool = True) -> list[Arrival]:
    """Arrivals of both sides in order; with `finish` both end."""
    arrivals: list[Arrival] = []
    for side in ("a", "b"):
        gaps = draw(st.lists(st.floats(0.001, 12), max_size=12))
        at = 0.0
        for gap in gaps:
            at += gap
            arrivals.append(Arrival(at, side, draw(st.integers(1, 200))))
        if finish:
            end = at + draw(st.floats(0.001, 12))
            arrivals.append(Arrival(end, side, draw(st.sampled_from(["finished", "failed"]))))
    return sorted(arrivals, key=lambda x: x.at)


def received(arrivals: list[Arrival], side: str, until: float) -> int:
    """Characters of a side that came by then."""
    return sum(x.what for x in arrivals if x.side == side and x.at <= until and isinstance(x.what, int))


@given(timelines())
def test_never_more_than_received_and_nothing_lost(arrivals: list[Arrival]) -> None:
    shown = play(arrivals)
    for time, a, b in shown.steps:
        assert a <= received(arrivals, "a", time)
        assert b <= received(arrivals, "b", time)
    for (_, a, b), (_, c, d) in pairwise(shown.steps):
        assert a <= c
        assert b <= d
    assert shown.at(1e9) == (received(arrivals, "a", 1e9), received(arrivals, "b", 1e9))


@given(timelines())
def test_while_both_write_they_are_shown_alike(arrivals: list[Arrival]) -> None:
    """Until a side ends or hangs, both have been shown what the slower one has sent."""
    shown = play(arrivals)
    over = min([x.at for x in arrivals if not isinstance(x.what, int)] + list(shown.hung.values()))
    for time in sorted({x.at for x in arrivals if x.at < over}):
        slower = min(received(arrivals, "a", time), received(arrivals, "b", time))
        assert shown.at(time) == (slower, slower)


@given(timelines())
def test_nobody_waits_longer_than_the_bound_for_a_side_that_stands_still(arrivals: list[Arrival]) -> None:
    shown = play(arrivals)
    ends = {x.side: x.at for x in arrivals if not isinstance(x.what, int)}
    for time, *_ in [(x.at,) for x in arrivals]:
        for side, other in (("a", "b"), ("b", "a")):
            mine, late = received(arrivals, side, time), time + HANG + 0.001
            quiet = received(arrivals, other, time) == received(arrivals, other, late)
            if quiet and mine > received(arrivals, other, time) and ends[other] > late:  # type: ignore[index]
                assert shown.at(late)["ab".index(side)] >= mine


@given(timelines(), st.lists(st.floats(0, 150), max_size=30))
def test_it_is_a_function_of_the_arrivals_alone(arrivals: list[Arrival], also: list[float]) -> None:
    """Looking more often changes nothing: so the times it asks for never lie past something due."""
    plain, watched = play(arrivals), play(arrivals, also)
    assert plain.hung == pytest.approx(watched.hung)
    for time in also:
        assert plain.at(time + 1e-6) == pytest.approx(watched.at(time + 1e-6), abs=1)


@given(timelines())
def test_after_the_shorter_has_ended_the_longer_goes_at_the_pace_kept(arrivals: list[Arrival]) -> None:
    shown = play(arrivals)
    for side, other in (("a", "b"), ("b", "a")):
        end = next(x for x in arrivals if x.side == other and not isinstance(x.what, int))
        length = received(arrivals, other, end.at)
        if end.what == "failed" or not shown.steps or shown.hung:
            continue
        place = "ab".index(side)
        passes = next((x.at for x in arrivals if received(arrivals, side, x.at) > length), None)
        if passes is None or any(x.what == "failed" for x in arrivals):
            continue
        start = max(passes, end.at)
        elapsed = start - shown.steps[0][0]
        speed = max(CATCH_UP, length / elapsed) if elapsed > 0 else CATCH_UP
        for time, *counts in shown.steps:
            if time >= start:
                assert counts[place] <= length + speed * (time - start) + 1
