"""Reading values out of an answer: every value of a kind that stands in it, so that naming many does not help."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

_LINE = re.compile(r"(?im)^[\s*_#>`-]*(?:final )?answer[\s*_]*:(.*)$")
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d\d)-(\d\d)")
_DATE_WORDS = re.compile(
    rf"(?i)(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({'|'.join(MONTHS)}),? (\d{{4}})"
    rf"|({'|'.join(MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})"
)
_OFFSET = re.compile(r"(?<![\d-])([+\-−])(\d{1,2})(?:(?::)?(\d\d))?(?!\d)")
_TIME = re.compile(
    r"(?i)(?<![\d:+\-−])(\d{1,2}):(\d\d)(?::\d\d)?(?:\s?([ap])\.?m\b\.?)?|(?<![\d:.])(\d{1,2})\s?([ap])\.?m\b"
)
_NUMBER = re.compile(r"(?<![\w.])[-+−]?\d[\d,]*(?:\.\d+)?")


def final(text: str) -> str:
    """What stands after the last `Answer:`; the whole text where nobody wrote that."""
    lines = _LINE.findall(text)
    return str(lines[-1]) if lines else text


def times(text: str) -> list[str]:
    """Times of day as HH:MM; dates and UTC offsets are no times."""
    found = []
    for hour, minute, half, hour_alone, half_alone in _TIME.findall(_DATE.sub(" ", text)):
        h, m, part = int(hour or hour_alone), int(minute or 0), (half or half_alone).lower()
        if part:
            h = h % 12 + (12 if part == "p" else 0)
        found.append(f"{h:02}:{m:02}")
    return found


def dates(text: str) -> list[str]:
    """Dates as YYYY-MM-DD."""
    found = ["-".join(parts) for parts in _DATE.findall(text)]
    for day, month, year, month2, day2, year2 in _DATE_WORDS.findall(text):
        number = MONTHS.index((month or month2).lower()) + 1
        found.append(f"{year or year2}-{number:02}-{int(day or day2):02}")
    return found


def weekdays(text: str) -> list[str]:
    """Days of the week, in full."""
    short = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in WEEKDAYS)
    return [
        next(name for name in WEEKDAYS if name.startswith(word[:3].lower()))
        for word in re.findall(rf"(?i)\b({short}|tues|thur|thurs)\b", text)
    ]


def offsets(text: str) -> list[str]:
    """Differences from UTC as +HH:MM."""
    plain = _DATE.sub(" ", text)
    return [f"{sign.replace('−', '-')}{int(h):02}:{m or '00'}" for sign, h, m in _OFFSET.findall(plain)]


def numbers(text: str) -> list[str]:
    """Whole numbers, without sign: `7 hours behind` and `-7` mean the same here."""
    plain = [n.replace(",", "").lstrip("+-−") for n in _NUMBER.findall(_TIME.sub(" ", text))]
    return [str(int(n.split(".")[0])) if not n.partition(".")[2].strip("0") else n for n in plain]


def words(*known: str) -> Callable[[str], list[str]]:
    """Which of these words stand in it."""
    return lambda text: [w for w in known if re.search(rf"(?i)\b{re.escape(w)}\b", text)]


READERS: Mapping[str, Callable[[str], list[str]]] = {
    "time": times,
    "date": dates,
    "weekday": weekdays,
    "offset": offsets,
    "number": numbers,
    "open": words("open", "closed"),
    "yes": words("yes", "no"),
    "shift": words("early", "late", "night"),
    "who": words("Joaquim", "Mei", "Farah", "nobody"),
}
"""What can be read out of an answer."""


def amiss(text: str, right: Mapping[str, Sequence[str]]) -> list[str]:
    """Kinds of value that are not just the right ones. Values of `time` keep their order."""
    said = final(text)
    found = {kind: READERS[kind](said) for kind in right}
    return [
        f"{kind}: {', '.join(found[kind]) or 'none'}"
        for kind, values in right.items()
        if (list(dict.fromkeys(found[kind])) != list(dict.fromkeys(values)))
        and (kind == "time" or set(found[kind]) != set(values))
    ]
