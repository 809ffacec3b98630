"""The set `websites`: every oracle in a real browser, and a sample of what is wrong (all of it: `score check`)."""

from __future__ import annotations

import asyncio

import pytest

from fieldmark.scorecards import Attempt, Bench, Solution, Task, Verdict, judge
from tests import browser as chromium
from tests.scorecards.shipped import shipped

TASKS = {task.id: task for task in shipped("websites").tasks}
SAMPLE = [
    ("opening-hours", "open-at-closing-time"),
    ("todo", "forgets"),
    ("live-search", "accents-count"),
    ("price-calculator", "discount-above-ten"),
]


async def judged(task: Task, solution: Solution | None) -> Verdict:
    files = {**task.files, **(solution.files if solution else {})}
    return await judge(task.verifier, Attempt(task.id, files=files), Bench(), seconds=900)


@pytest.fixture(scope="module")
def wrong() -> dict[tuple[str, str], Verdict]:
    """Verdicts on the sample, judged side by side: most of their time they wait for what never comes."""

    async def all_at_once() -> list[Verdict]:
        solutions = [{**TASKS[name].wrong, **TASKS[name].cheats}[solution] for name, solution in SAMPLE]
        judging = (judged(TASKS[name], each) for (name, _), each in zip(SAMPLE, solutions, strict=True))
        return await asyncio.gather(*judging)

    chromium.ensure()
    return dict(zip(SAMPLE, asyncio.run(all_at_once()), strict=True))


async def test_every_oracle_passes() -> None:
    chromium.ensure()
    verdicts = await asyncio.gather(*(judged(task, task.oracle) for task in TASKS.values()))
    for task, verdict in zip(TASKS.values(), verdicts, strict=True):
        assert verdict.result == "pass", f"{task.id}: {verdict.explanation}"
        assert verdict.evidence


async def test_nothing_built_fails() -> None:
    for task in TASKS.values():
        assert (await judged(task, None)).result == "fail", task.id


@pytest.mark.parametrize(("name", "solution"), SAMPLE)
def test_a_sample_of_wrong_solutions_fails(
    wrong: dict[tuple[str, str], Verdict], name: str, solution: str
) -> None:
    verdict = wrong[name, solution]
    assert verdict.result == "fail", verdict.explanation
    assert verdict.score is not None
    assert verdict.score < 1


def test_there_are_wrong_solutions_enough_to_say_something() -> None:
    wrong = [
        solution for task in TASKS.values() for solution in (*task.wrong.values(), *task.cheats.values())
    ]
    assert len(wrong) > 60
    assert len({tuple(sorted(solution.files.items())) for solution in wrong}) == len(wrong)
    for task in TASKS.values():
        assert task.oracle
        assert all(solution.files != task.oracle.files for solution in task.wrong.values())
