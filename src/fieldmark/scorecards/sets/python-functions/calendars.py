"""Functions about days and times."""

from ._kit import Function, gives, leaves, refuses

FUNCTIONS = [
    Function(
        "add_months(day: str, months: int) -> str",
        "The same day some months later",
        """
        Add months (perhaps a negative number) to a date written `YYYY-MM-DD`; the result is written the same
        way. Where the month has no such day, take its last one. A date that does not exist raises ValueError.
        Years stay between 1 and 9999; beyond that raise ValueError too.
        """,
        [gives("2026-02-28", "2026-01-31", 1), gives("2023-11-15", "2024-01-15", -2)],
        [
            gives("2024-02-29", "2024-01-31", 1),
            gives("2024-02-29", "2023-11-30", 3),
            gives("2025-02-28", "2024-02-29", 12),
            gives("2025-12-31", "2026-12-31", -12),
            gives("2026-12-05", "2026-11-05", 1),
            gives("2026-01-05", "2026-01-05", 0),
            gives("1999-12-31", "2000-01-31", -1),
            gives("2126-03-31", "2026-03-31", 1200),
            refuses("ValueError", "2026-02-30", 1),
            refuses("ValueError", "9999-12-01", 1),
            refuses("ValueError", "0001-01-01", -1),
        ],
        """
        start = date.fromisoformat(day)
        count = start.year * 12 + start.month - 1 + months
        year, month = divmod(count, 12)
        if not 1 <= year <= 9999:
            raise ValueError("beyond the calendar")
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(start.day, last)).isoformat()
        """,
        {
            "month-of-thirty-days": (
                "count = ",
                "return (start + timedelta(days=30 * months)).isoformat()\ncount = ",
            ),
            "february-has-28": (
                "last = calendar.monthrange(year, month + 1)[1]",
                "last = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]",
            ),
            "overflows-into-the-next-month": (
                "date(year, month + 1, min(start.day, last)).isoformat()",
                "(date(year, month + 1, 1) + timedelta(days=start.day - 1)).isoformat()",
            ),
        },
        ["time"],
        before="import calendar\nfrom datetime import date, timedelta",
    ),
    Function(
        "working_days(first: str, last: str, holidays: list[str]) -> int",
        "Count working days",
        """
        How many days from `first` to `last`, both included, are neither Saturday nor Sunday nor a holiday.
        Dates are written `YYYY-MM-DD`. Holidays may repeat and may lie on weekends or outside. If `last` is
        before `first` the result is 0.
        """,
        [gives(5, "2026-11-23", "2026-11-29", []), gives(3, "2026-12-23", "2026-12-28", ["2026-12-25"])],
        [
            gives(1, "2026-11-23", "2026-11-23", []),
            gives(0, "2026-11-28", "2026-11-29", []),
            gives(4, "2026-11-23", "2026-11-29", ["2026-11-24", "2026-11-24"]),
            gives(5, "2026-11-23", "2026-11-29", ["2026-11-28", "2027-01-01"]),
            gives(0, "2026-11-24", "2026-11-23", []),
            gives(262, "2024-01-01", "2024-12-31", []),
            gives(0, "2026-12-25", "2026-12-25", ["2026-12-25"]),
        ],
        """
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        free = {date.fromisoformat(day) for day in holidays}
        days = (start + timedelta(days=n) for n in range((end - start).days + 1))
        return sum(day.weekday() < 5 and day not in free for day in days)
        """,
        {
            "last-day-left-out": ("(end - start).days + 1", "(end - start).days"),
            "holidays-counted-twice": (
                "return sum(day.weekday() < 5 and day not in free for day in days)",
                "return max(0, sum(day.weekday() < 5 for day in days) - len(holidays))",
            ),
            "saturday-is-a-working-day": ("day.weekday() < 5", "day.weekday() < 6"),
        },
        ["time"],
        before="from datetime import date, timedelta",
    ),
    Function(
        "merge_spans(spans: list[list[int]]) -> list[list[int]]",
        "Merge spans that overlap or touch",
        """
        Spans are `[start, end]` with start <= end, in any order. Merge those that overlap or touch (one ends
        where the other starts) and return them sorted. The spans that were given stay as they are, and the
        result shares no list with them. A span with start > end raises ValueError.
        """,
        [gives([[1, 6], [8, 9]], [[1, 3], [8, 9], [2, 6]]), gives([[1, 4]], [[1, 2], [2, 4]])],
        [
            gives([], []),
            gives([[0, 10]], [[0, 10], [2, 3]]),
            gives([[1, 2], [3, 4]], [[3, 4], [1, 2]]),
            gives([[5, 5]], [[5, 5], [5, 5]]),
            leaves(gives([[-5, 7]], [[0, 7], [-5, 1]])),
            gives([[1, 9], [11, 12]], [[1, 9], [2, 3], [4, 5], [11, 12]]),
            leaves(gives([[1, 5]], [[1, 2], [1, 5]])),
            refuses("ValueError", [[2, 1]]),
        ],
        """
        merged = []
        for start, end in sorted(spans):
            if start > end:
                raise ValueError("a span ends before it starts")
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        return merged
        """,
        {
            "touching-stays-apart": ("start <= merged", "start < merged"),
            "shorter-end-wins": ("max(merged[-1][1], end)", "end"),
            "changes-what-it-was-given": (
                "for start, end in sorted(spans):",
                "spans.sort()\nfor start, end in spans:",
            ),
            "does-not-sort": ("sorted(spans)", "spans"),
        },
        ["time", "lists"],
    ),
    Function(
        "free_slots(busy: list[tuple[str, str]], opens: str, closes: str, minutes: int) -> list[str]",
        "When is there time for a meeting?",
        """
        Times are written `HH:MM`. `busy` holds (start, end) of what is already booked, in any order, perhaps
        overlapping and reaching beyond the opening hours. Return the starts of all gaps within `opens`-`closes`
        that are at least `minutes` long, sorted, as `HH:MM`: one start for each gap, its beginning.
        """,
        [
            gives(["09:00", "12:00"], [("10:00", "12:00")], "09:00", "17:00", 60),
            gives([], [("08:00", "18:00")], "09:00", "17:00", 15),
        ],
        [
            gives(["09:00"], [], "09:00", "17:00", 480),
            gives([], [], "09:00", "17:00", 481),
            gives(["11:00"], [("10:00", "11:00"), ("09:00", "10:30")], "09:00", "12:00", 60),
            gives(["13:30"], [("09:00", "13:30"), ("10:00", "11:00")], "09:00", "17:00", 30),
            gives(["09:00"], [("07:00", "08:00"), ("10:00", "19:00")], "09:00", "17:00", 60),
            gives(["09:30"], [("07:00", "09:30")], "09:00", "10:00", 30),
            gives([], [("09:20", "09:40")], "09:00", "10:00", 25),
            gives(["09:00", "09:40"], [("09:20", "09:40")], "09:00", "10:00", 20),
        ],
        """
        def number(time):
            return int(time[:2]) * 60 + int(time[3:])

        found, free = [], number(opens)
        end_of_day = number(closes)
        for start, end in sorted((number(a), number(b)) for a, b in busy) + [(end_of_day, end_of_day)]:
            if min(start, end_of_day) - free >= minutes:
                found.append(f"{free // 60:02}:{free % 60:02}")
            free = max(free, end)
        return found
        """,
        {
            "nested-booking-ends-the-outer": ("free = max(free, end)", "free = end"),
            "forgets-the-evening": ("+ [(end_of_day, end_of_day)]", "+ []"),
            "gap-must-be-longer": (">= minutes", "> minutes"),
        },
        ["time"],
    ),
    Function(
        "age_on(born: str, day: str) -> int",
        "Age on a day",
        """
        How many birthdays somebody born on `born` has had up to and including `day` (both `YYYY-MM-DD`). Who
        was born on 29 February has the birthday on 1 March in years without that day. A day before the birth
        raises ValueError.
        """,
        [gives(26, "2000-05-20", "2026-11-23"), gives(25, "2000-11-24", "2026-11-23")],
        [
            gives(26, "2000-11-23", "2026-11-23"),
            gives(0, "2026-11-23", "2026-11-23"),
            gives(0, "2025-12-31", "2026-12-30"),
            gives(20, "2004-02-29", "2025-02-28"),
            gives(21, "2004-02-29", "2025-03-01"),
            gives(20, "2004-02-29", "2024-02-29"),
            gives(99, "1926-11-24", "2026-11-23"),
            refuses("ValueError", "2026-11-24", "2026-11-23"),
        ],
        """
        if day < born:
            raise ValueError("not born yet")
        years = int(day[:4]) - int(born[:4])
        return years - (day[5:] < born[5:])
        """,
        {
            "divides-days": (
                "years = int(day[:4]) - int(born[:4])",
                "return (date.fromisoformat(day) - date.fromisoformat(born)).days // 365\nyears = 0",
            ),
            "years-only": ("years - (day[5:] < born[5:])", "years"),
            "birthday-counts-the-day-after": ("day[5:] < born[5:]", "day[5:] <= born[5:]"),
        },
        ["time"],
        before="from datetime import date",
    ),
    Function(
        "clock_angle(time: str) -> float",
        "The angle between the hands of a clock",
        """
        The smaller angle in degrees, from 0 to 180, between hour and minute hand at a time `HH:MM` of 24 hours.
        The hour hand moves evenly, also within the hour. A time that does not exist raises ValueError.
        """,
        [gives(90.0, "03:00"), gives(75.0, "15:30")],
        [
            gives(0.0, "00:00"),
            gives(180.0, "18:00"),
            gives(165.0, "12:30"),
            gives(5.5, "00:01"),
            gives(3.0, "10:54"),
            gives(30.0, "23:00"),
            gives(54.5, "21:59"),
            refuses("ValueError", "24:00"),
            refuses("ValueError", "09:60"),
            refuses("ValueError", "noon"),
        ],
        """
        hours, minutes = (int(part) for part in time.split(":"))
        if not (0 <= hours < 24 and 0 <= minutes < 60):
            raise ValueError("no such time")
        apart = abs(hours % 12 * 30 + minutes * 0.5 - minutes * 6)
        return float(min(apart, 360 - apart))
        """,
        {
            "hour-hand-jumps": (" + minutes * 0.5", ""),
            "larger-angle-too": ("min(apart, 360 - apart)", "apart"),
            "lets-any-minute-pass": (" and 0 <= minutes < 60", ""),
        },
        ["time", "numbers"],
        settings={"absolute": 1e-9},
    ),
]
