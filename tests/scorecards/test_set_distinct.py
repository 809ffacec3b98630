"""No two tasks of a shipped set differ in names or numbers only."""

from __future__ import annotations

import re

import pytest

from fieldmark.scorecards import find_sets
from tests.scorecards.shipped import shipped

SHIPPED = [place.name for place in find_sets()]
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred"
_MASKED = re.compile(
    rf"\b({MONTHS})[a-z]*\b|\b({_NUMBER_WORDS})\b|\b(mon|tues|wednes|thurs|fri|satur|sun)day\b"
    r"|\d[\d.,:/-]*|[\"'`][^\"'`\n]*[\"'`]",
    re.IGNORECASE,
)


def skeleton(text: str) -> str:
    """A text without names and numbers: capitals within a sentence are names."""
    without = _MASKED.sub("#", text)
    without = re.sub(r"(?<=[\w,;:] )[A-Z][\w-]*", "#", without)
    return " ".join(re.sub(r"#(\s*#)+", "#", without).casefold().split())


def test_skeletons_see_through_names_and_numbers() -> None:
    assert skeleton("Ask Ana for 3 eggs by May 4.") == skeleton("Ask Bernhard for 12 eggs by June 30.")
    assert skeleton("Ask Ana for eggs.") != skeleton("Ask Ana for the way.")


@pytest.mark.parametrize("name", SHIPPED)
def test_no_two_tasks_differ_in_names_or_numbers_only(name: str) -> None:
    tasks = shipped(name).tasks
    if len({task.instruction for task in tasks}) > 1:  # else the page, or the scene, says what is to be done
        seen: dict[str, str] = {}
        for task in tasks:
            shape = skeleton(task.instruction)
            assert shape not in seen, f"{task.id} is {seen[shape]} with other names or numbers"
            seen[shape] = task.id
    assert len({skeleton(task.title) for task in tasks}) == len(tasks)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_task_has_its_oracle_and_cheats_and_says_what_it_is(name: str) -> None:
    task_set = shipped(name)
    assert len(task_set.description) > 100
    assert task_set.licence
    for task in task_set.tasks:
        assert task.oracle is not None
        assert task.cheats
        assert task.title
        assert all(v.instruction != task.instruction for v in task.variants)
