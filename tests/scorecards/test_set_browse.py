"""The set `browse`: every page is solved by its script, and a page is not fooled (all of it: `score check`)."""

from __future__ import annotations

import asyncio

import pytest

from tests import browser as chromium
from tests.scorecards.shipped import played, shipped

TASKS = {task.id: task for task in shipped("browse").tasks}


@pytest.fixture(autouse=True)
def _browser() -> None:
    chromium.ensure()


async def test_every_oracle_passes_by_the_pages_own_reward() -> None:
    turn = asyncio.Semaphore(2)

    async def one(name: str) -> None:
        async with turn:
            over = await played(TASKS[name], TASKS[name].oracle)
        assert over.verdict.result == "pass", f"{name}: {over.verdict.explanation}"
        assert over.attempt.state == {"done": True, "reward": 1}

    await asyncio.gather(*map(one, TASKS))


@pytest.mark.parametrize("name", ["click-button", "use-slider", "login-user"])
async def test_a_sample_of_what_is_wrong_fails(name: str) -> None:
    task = TASKS[name]
    for solution in (None, *task.cheats.values(), *task.wrong.values()):
        assert (await played(task, solution)).verdict.result == "fail"


async def test_the_seed_draws_the_problem_and_nothing_else_does() -> None:
    task = TASKS["login-user"]
    told = [(await played(task, None, seed=seed)).attempt.messages[0]["content"] for seed in (1, 1, 2)]
    assert told[0] == told[1] != told[2]


def test_there_are_twenty_pages_and_wrong_solutions_enough() -> None:
    assert len(TASKS) == 20
    assert sum(len(task.wrong) + len(task.cheats) for task in TASKS.values()) >= 60
