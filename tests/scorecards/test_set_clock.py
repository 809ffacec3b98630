"""The set `clock`: what is right at which moment, what the clock refuses, and how answers are read."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.scorecards import Scene, Solution, Task, ToolRefusal
from tests.scorecards.shipped import checked, part, played, shipped

CLOCK = shipped("clock")
NEEDS_A_CLOCK = [task for task in CLOCK.tasks if task.id != "film-without-a-clock"]
amiss = part("clock", "_reading").amiss


async def test_its_own_solutions() -> None:
    report = await checked("clock")
    assert (report.tasks, report.kinds[0].kind) == (14, "clock")


@pytest.mark.parametrize("seed", range(1, 6))
async def test_whatever_the_moment_oracles_pass_and_short_cuts_fail(seed: int) -> None:
    for task in CLOCK.tasks:
        for variant in ("", *(v.id for v in task.variants)):
            assert (await played(task, task.oracle, variant=variant, seed=seed)).verdict.result == "pass", (
                task.id
            )
        for name, solution in {**task.cheats, **task.wrong}.items():
            assert (await played(task, solution, seed=seed)).verdict.result == "fail", (task.id, name)


def scene(task: Task, seed: int) -> Any:
    assert task.scene
    made = task.scene(task, None, seed)
    assert isinstance(made, Scene)
    return made


@pytest.mark.parametrize("task", NEEDS_A_CLOCK, ids=lambda task: task.id)
def test_the_moment_is_the_seeds_and_no_answer_is_right_for_most(task: Task) -> None:
    assert scene(task, 7).state() == scene(task, 7).state()
    right = Counter(str(scene(task, seed).state()["right"]) for seed in range(200))
    assert len(right) > 1
    often = {"hours-to-denver": 0.85, "summer-time-in-santiago": 0.75, "ring-lagos-from-vienna": 0.75}
    assert right.most_common(1)[0][1] / 200 < often.get(task.id, 0.5)


GOLDEN = [
    ("colleague-in-nairobi", "2026-01-05T21:30", {"time": ["00:30"]}),
    ("day-in-auckland", "2026-03-06T11:00", {"weekday": ["saturday"], "date": ["2026-03-07"]}),
    ("day-in-auckland", "2026-03-06T10:59", {"weekday": ["friday"], "date": ["2026-03-06"]}),
    ("office-in-lisbon", "2026-03-27T17:29", {"open": ["open"], "weekday": ["friday"], "time": ["17:30"]}),
    ("office-in-lisbon", "2026-03-27T17:30", {"open": ["closed"], "weekday": ["monday"], "time": ["09:00"]}),
    ("office-in-lisbon", "2026-03-30T08:00", {"open": ["open"], "weekday": ["monday"], "time": ["17:30"]}),
    ("hours-to-denver", "2026-03-01T12:00", {"number": ["7"]}),
    ("hours-to-denver", "2026-03-10T12:00", {"number": ["6"]}),
    ("hours-to-denver", "2025-10-27T12:00", {"number": ["6"]}),
    ("hours-to-denver", "2025-11-03T12:00", {"number": ["7"]}),
    ("monday-in-honolulu", "2026-03-02T09:59", {"date": ["2026-03-02"]}),
    ("monday-in-honolulu", "2026-03-02T10:00", {"date": ["2026-03-09"]}),
    ("summer-time-in-santiago", "2026-01-15T00:00", {"yes": ["yes"], "offset": ["-03:00"]}),
    ("summer-time-in-santiago", "2026-07-15T00:00", {"yes": ["no"], "offset": ["-04:00"]}),
    ("newfoundland-and-nepal", "2026-03-10T12:00", {"time": ["09:30", "17:45"]}),
    ("newfoundland-and-nepal", "2026-02-10T12:00", {"time": ["08:30", "17:45"]}),
    ("ring-lagos-from-vienna", "2026-02-01T12:00", {"time": ["09:00"]}),
    ("ring-lagos-from-vienna", "2026-06-01T12:00", {"time": ["10:00"]}),
    ("which-portland", "2026-03-10T12:00", {"time": ["08:00"]}),
    ("who-can-be-rung", "2026-05-05T10:59", {"who": ["Farah"]}),
    ("who-can-be-rung", "2026-05-05T11:00", {"who": ["Joaquim", "Farah"]}),
    ("who-can-be-rung", "2026-05-05T21:30", {"who": ["nobody"]}),
    ("shift-in-beijing", "2026-05-05T13:59", {"shift": ["late"], "number": ["1"]}),
    ("shift-in-beijing", "2026-05-05T14:00", {"shift": ["night"], "number": ["480"]}),
    ("shift-in-beijing", "2026-05-05T21:00", {"shift": ["night"], "number": ["60"]}),
]


@pytest.mark.parametrize(("name", "moment", "right"), GOLDEN)
def test_what_is_right_at_known_moments(name: str, moment: str, right: dict[str, list[str]]) -> None:
    question = part("clock", "questions").QUESTIONS[name]
    assert question.right(datetime.fromisoformat(moment).replace(tzinfo=UTC), {}) == right


@pytest.mark.parametrize(
    "zone",
    [
        "Asia/Beijing",
        "Beijing",
        "localtime",
        "../../etc/passwd",
        "/etc/localtime",
        "posix/UTC",
        "",
        "Asia",
        "UTC+3",
    ],
)
def test_the_clock_knows_only_zones(zone: str) -> None:
    with pytest.raises(ToolRefusal, match="no zone"):
        part("clock", "_scene").known(zone)


@given(st.text(max_size=80))
def test_any_zone_is_known_or_refused(zone: str) -> None:
    with contextlib.suppress(ToolRefusal):
        part("clock", "_scene").known(zone)


RIGHT = [
    ("It is late there.\nAnswer: 14:05", {"time": ["14:05"]}),
    ("**Answer:** 2:05 pm", {"time": ["14:05"]}),
    ("Answer: 2.05?\nAnswer: 14:05:00", {"time": ["14:05"]}),
    ("Answer: 14:05 (UTC+03:00)", {"time": ["14:05"]}),
    ("The time in Nairobi is 14:05.", {"time": ["14:05"]}),
    ("answer: 9 am", {"time": ["09:00"]}),
    ("Answer: 12:10 AM", {"time": ["00:10"]}),
    ("Answer: 08:30 and 17:45", {"time": ["08:30", "17:45"]}),
    ("Answer: Saturday, 7 March 2026", {"weekday": ["saturday"], "date": ["2026-03-07"]}),
    ("Answer: Sat, 2026-03-07", {"weekday": ["saturday"], "date": ["2026-03-07"]}),
    ("Answer: March 7th, 2026", {"date": ["2026-03-07"]}),
    ("Answer: 1,234 minutes", {"number": ["1234"]}),
    ("Answer: Denver is 7 hours behind", {"number": ["7"]}),
    ("Answer: -7.0", {"number": ["7"]}),
    ("Answer: no, −04:00", {"yes": ["no"], "offset": ["-04:00"]}),
    ("Answer: no, UTC-4", {"yes": ["no"], "offset": ["-04:00"]}),
    ("Answer: Farah and Joaquim", {"who": ["Joaquim", "Farah"]}),
    ("Answer: night, 60 minutes", {"shift": ["night"], "number": ["60"]}),
    ("Answer: closed, Monday 09:00", {"open": ["closed"], "weekday": ["monday"], "time": ["09:00"]}),
]
WRONG = [
    ("", {"time": ["14:05"]}),
    ("Answer: 14:05 or 15:05", {"time": ["14:05"]}),
    ("Answer: 17:45, 08:30", {"time": ["08:30", "17:45"]}),
    ("It is 14:05.\nAnswer: 15:05", {"time": ["14:05"]}),
    ("Answer: 2:05", {"time": ["14:05"]}),
    ("Answer: 6 or 7", {"number": ["7"]}),
    ("Answer: open or closed", {"open": ["open"]}),
    ("Answer: Mei, Farah, Joaquim", {"who": ["Mei", "Farah"]}),
    ("Answer: -03:00 or -04:00, yes", {"yes": ["yes"], "offset": ["-03:00"]}),
    ("Answer: 2026-03-07 / 2026-03-08", {"date": ["2026-03-07"]}),
]


@pytest.mark.parametrize(("text", "right"), RIGHT)
def test_right_in_many_forms(text: str, right: dict[str, list[str]]) -> None:
    assert amiss(text, right) == []


@pytest.mark.parametrize(("text", "right"), WRONG)
def test_wrong_or_hedged(text: str, right: dict[str, list[str]]) -> None:
    assert amiss(text, right)


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    for kind in part("clock", "_reading").READERS:
        assert amiss(text, {kind: ["never that"]})


async def test_a_refused_zone_and_a_second_look_do_not_count_against_anybody() -> None:
    task = CLOCK.task("shift-in-beijing")
    right = scene(task, 3).state()["right"]
    calls = [("clock", {"zone": z}) for z in ("Asia/Beijing", "Asia/Shanghai", "PRC")]
    answer = f"Answer: {right['shift'][0]}, {right['number'][0]} minutes"
    assert (await played(task, Solution(calls=calls, answer=answer), seed=3)).verdict.result == "pass"
    calls.append(("clock", {"zone": "Asia/Tokyo"}))
    assert (await played(task, Solution(calls=calls, answer=answer), seed=3)).verdict.result == "fail"


async def test_who_is_asked_back_says_which_portland() -> None:
    task = CLOCK.task("which-portland")
    told = await played(task, Solution(says=["Maine or Oregon?"], answer="Thank you."))
    assert told.attempt.messages[-2]["content"] == "Oh, right. The one in Maine."
