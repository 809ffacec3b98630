"""What is asked: for each question how its moment is drawn, and what is right at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from ._reading import WEEKDAYS

Words = Mapping[str, Any]
"""What is filled into the question."""
Right = Mapping[str, Sequence[str]]
"""Kind of value (`_reading.READERS`) to the right values."""

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
MINUTES = 2 * 365 * 24 * 60

OUT_OF_STEP = (
    (date(2025, 3, 9), 21),
    (date(2025, 10, 26), 7),
    (date(2026, 3, 8), 21),
    (date(2026, 10, 25), 7),
)
"""First day and number of days in which North America and Europe have not both changed their clocks."""


@dataclass(frozen=True)
class Question:
    """One task."""

    zones: Sequence[Sequence[str]]
    """Zones that the clock has to be asked for, each with its aliases."""
    right: Callable[[datetime, Words], Right]
    alike: str = "UTC"
    """Another zone, that of a likely mistake."""
    moment: Callable[[Random], datetime] = field(
        default=lambda rng: FIRST + timedelta(minutes=rng.randrange(MINUTES))
    )
    words: Callable[[datetime, Random], Words] = field(default=lambda now, rng: {})
    slips: Mapping[str, Callable[[Words], Right]] = field(default_factory=dict)
    """Mistakes of its own: what somebody would answer who makes them."""
    meant: str = ""
    """What is said to somebody who asks which place is meant; empty: nobody answers."""


def _there(now: datetime, zone: str) -> datetime:
    return now.astimezone(ZoneInfo(zone))


def _hm(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def _day(moment: date) -> str:
    return WEEKDAYS[moment.weekday()]


def _time_in(*zones: str) -> Callable[[datetime, Words], Right]:
    return lambda now, words: {"time": [_hm(_there(now, zone)) for zone in zones]}


def _near(*hours: int, zone: str) -> Callable[[Random], datetime]:
    """Any day, within 90 minutes of one of these hours there."""

    def draw(rng: Random) -> datetime:
        day = FIRST.date() + timedelta(days=rng.randrange(1, 728))
        local = datetime.combine(day, time(rng.choice(hours)), ZoneInfo(zone)).astimezone(UTC)
        return local + timedelta(minutes=rng.randrange(-90, 90))

    return draw


def _often_out_of_step(rng: Random) -> datetime:
    if rng.random() < 0.5:
        return FIRST + timedelta(minutes=rng.randrange(MINUTES))
    first, days = rng.choice(OUT_OF_STEP)
    begin = datetime.combine(first, time(12), UTC)
    return begin + timedelta(minutes=rng.randrange((days - 1) * 24 * 60))


def _auckland(now: datetime, words: Words) -> Right:
    local = _there(now, "Pacific/Auckland")
    return {"weekday": [_day(local)], "date": [f"{local:%Y-%m-%d}"]}


def _lisbon(now: datetime, words: Words) -> Right:
    local = _there(now, "Europe/Lisbon")
    opens, closes = time(9), time(17, 30)
    if local.weekday() < 5 and opens <= local.time() < closes:
        return {"open": ["open"], "weekday": [_day(local)], "time": ["17:30"]}
    day = local.date() if local.time() < opens else local.date() + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return {"open": ["closed"], "weekday": [_day(day)], "time": ["09:00"]}


def _difference(now: datetime, words: Words) -> Right:
    london, denver = (_there(now, z).utcoffset() or timedelta() for z in ("Europe/London", "America/Denver"))
    return {"number": [str(int((london - denver).total_seconds() // 3600))]}


def _closing(now: datetime, rng: Random) -> Words:
    local = _there(now, "Asia/Singapore")
    days = rng.choice((0, 0, 1)) if local.hour < 17 else 1
    closes = datetime.combine(local.date() + timedelta(days=days), time(18), local.tzinfo)
    return {"closes": closes, "on": f"{WEEKDAYS[closes.weekday()].title()}, {closes.day} {closes:%B %Y}"}


def _left(now: datetime, words: Words) -> Right:
    return {"number": [str(int((words["closes"] - now).total_seconds() // 60))]}


def _monday(now: datetime, words: Words) -> Right:
    local = _there(now, "Pacific/Honolulu").date()
    return {"date": [str(local + timedelta(days=7 - local.weekday()))]}


def _santiago(now: datetime, words: Words) -> Right:
    local = _there(now, "America/Santiago")
    hours = int((local.utcoffset() or timedelta()).total_seconds() // 3600)
    return {"yes": ["yes" if local.dst() else "no"], "offset": [f"{hours:+03}:00"]}


def _lagos(now: datetime, words: Words) -> Right:
    day = _there(now, "Africa/Lagos").date()
    nine = datetime.combine(day, time(9), ZoneInfo("Africa/Lagos"))
    return {"time": [_hm(nine.astimezone(ZoneInfo("Europe/Vienna")))]}


def _no_change_that_day(rng: Random) -> datetime:
    """A moment whose day has one offset in Vienna."""
    while True:
        now = FIRST + timedelta(minutes=rng.randrange(MINUTES))
        offsets = {_there(now + timedelta(hours=h), "Europe/Vienna").utcoffset() for h in (-24, 0, 24)}
        if len(offsets) == 1:
            return now


def _stamp(now: datetime, rng: Random) -> Words:
    done = now - timedelta(minutes=rng.randrange(70, 3 * 24 * 60))
    return {"done": done, "stamp": f"{done:%Y-%m-%dT%H:%M}:00Z"}


def _age(now: datetime, words: Words) -> Right:
    return {"number": [str(int((now - words["done"]).total_seconds() // 3600))]}


def _film(now: datetime, rng: Random) -> Words:
    begins = datetime(2026, 1, 1, rng.randrange(17, 21), rng.randrange(0, 60, 5), tzinfo=UTC)
    film, pause = rng.randrange(95, 170), rng.choice((10, 15, 20))
    return {
        "begins": _hm(begins),
        "film": film,
        "pause": pause,
        "ends": begins + timedelta(minutes=film + pause),
        "all_but_pause": begins + timedelta(minutes=film),
    }


def _who(now: datetime, words: Words) -> Right:
    zones = {"Joaquim": "America/Sao_Paulo", "Mei": "Asia/Taipei", "Farah": "Asia/Karachi"}
    awake = [name for name, zone in zones.items() if 8 <= _there(now, zone).hour < 18]
    return {"who": awake or ["nobody"]}


def _shift(now: datetime, words: Words) -> Right:
    local = _there(now, "Asia/Shanghai")
    minute = local.hour * 60 + local.minute
    name, end = next(
        (n, e) for n, e in (("night", 360), ("early", 840), ("late", 1320), ("night", 1800)) if minute < e
    )
    return {"shift": [name], "number": [str(end - minute)]}


QUESTIONS: Mapping[str, Question] = {
    "colleague-in-nairobi": Question(
        [["Africa/Nairobi", "Africa/Asmera", "Africa/Addis_Ababa"]], _time_in("Africa/Nairobi"), "Africa/Lagos"
    ),
    "day-in-auckland": Question([["Pacific/Auckland", "NZ", "Antarctica/McMurdo"]], _auckland, "Australia/Sydney"),
    "office-in-lisbon": Question(
        [["Europe/Lisbon", "Portugal"]], _lisbon, "Europe/Madrid", moment=_near(9, 13, 17, zone="Europe/Lisbon")
    ),
    "hours-to-denver": Question(
        [["America/Denver", "US/Mountain", "Navajo", "America/Shiprock"], ["Europe/London", "GB", "GB-Eire"]],
        _difference,
        "America/Phoenix",
        moment=_often_out_of_step,
    ),
    "tender-in-singapore": Question([["Asia/Singapore", "Singapore"]], _left, "Asia/Jakarta", words=_closing),
    "monday-in-honolulu": Question(
        [["Pacific/Honolulu", "US/Hawaii"]],
        _monday,
        "America/Los_Angeles",
        moment=_near(0, 20, 22, zone="Pacific/Honolulu"),
    ),
    "summer-time-in-santiago": Question(
        [["America/Santiago", "Chile/Continental"]], _santiago, "America/Lima"
    ),
    "newfoundland-and-nepal": Question(
        [["America/St_Johns", "Canada/Newfoundland"], ["Asia/Kathmandu", "Asia/Katmandu"]],
        _time_in("America/St_Johns", "Asia/Kathmandu"),
        "America/Halifax",
    ),
    "ring-lagos-from-vienna": Question(
        [["Europe/Vienna"], ["Africa/Lagos"]], _lagos, "Europe/Berlin", moment=_no_change_that_day
    ),
    "age-of-the-backup": Question(
        [["UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal", "UCT", "Etc/UCT", "GMT", "Etc/GMT"]],
        _age,
        "Europe/London",
        words=_stamp,
    ),
    "film-without-a-clock": Question(
        [],
        lambda now, words: {"time": [_hm(words["ends"])]},
        words=_film,
        slips={
            "without-the-break": lambda words: {"time": [_hm(words["all_but_pause"])]},
            "an-hour-early": lambda words: {"time": [_hm(words["ends"] - timedelta(hours=1))]},
            "ten-minutes-late": lambda words: {"time": [_hm(words["ends"] + timedelta(minutes=10))]},
            "hundred-minutes-an-hour": lambda words: {"time": [_hm(words["ends"] + timedelta(minutes=40))]},
        },
    ),
    "which-portland": Question(
        [["America/New_York", "US/Eastern"]],
        _time_in("America/New_York"),
        "America/Los_Angeles",
        meant="Oh, right. The one in Maine.",
    ),
    "who-can-be-rung": Question(
        [["America/Sao_Paulo", "Brazil/East"], ["Asia/Taipei", "ROC"], ["Asia/Karachi"]], _who, "Asia/Dhaka"
    ),
    "shift-in-beijing": Question(
        [["Asia/Shanghai", "PRC", "Asia/Chongqing", "Asia/Chungking", "Asia/Harbin"]],
        _shift,
        "Asia/Tokyo",
        moment=_near(6, 14, 22, zone="Asia/Shanghai"),
    ),
}  # fmt: skip
