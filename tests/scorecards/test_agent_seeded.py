"""Agents of known skill do a task right as often as they say, alike within a task as they say, better or worse."""

from __future__ import annotations

import numpy as np
import pytest

from fieldmark.errors import InputError
from fieldmark.scorecards import Attempt, Bench, Grading, Solution, Task, Verdict, Verifier, play
from fieldmark.scorecards.agents import Skill, seeded


class Right(Verifier):
    kind = "right"
    digest = "right"

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        return Verdict.of(attempt.answer == "right", attempt.answer)


def task(name: str = "t") -> Task:
    wrong = {"a": Solution("wrong a"), "b": Solution("wrong b")}
    return Task(name, "Do it.", Right(), oracle=Solution("right"), wrong=wrong)


async def outcomes(text: str, tasks: int, trials: int) -> np.ndarray:
    made = seeded(text)
    assert made is not None
    rows = []
    for number in range(tasks):
        one = task(f"t{number}")
        row = [
            (
                await play(one, made.agent(one, trial), Bench(), seed=number * 1000 + trial)
            ).verdict.result == "pass"
            for trial in range(1, trials + 1)
        ]  # fmt: skip
        rows.append(row)
    return np.array(rows)


async def test_the_oracle_passes_and_the_nop_fails() -> None:
    assert (await outcomes("oracle", 3, 2)).all()
    assert not (await outcomes("nop", 3, 2)).any()


async def test_wrong_solutions_and_nothing_are_played_when_it_fails() -> None:
    made = seeded("seeded:0")
    assert made is not None
    said = {(await play(task(), made.agent(task(), 1), Bench(), seed=n)).attempt.answer for n in range(30)}
    assert said == {"", "wrong a", "wrong b"}


async def test_p_is_how_often_it_passes_and_the_seed_decides() -> None:
    first = await outcomes("seeded:0.7", 100, 4)
    assert first.mean() == pytest.approx(0.7, abs=0.1)
    assert (first == await outcomes("seeded:0.7", 100, 4)).all()


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9, 1.0])
def test_chances_have_the_mean_and_the_correlation(correlation: float) -> None:
    skill = Skill(0.6, correlation)
    chances = np.array([skill.chance(f"task {n}", 1) for n in range(4000)])
    assert chances.mean() == pytest.approx(0.6, abs=0.03)
    # Intraclass correlation of Bernoulli trials with these chances: var(p) / (m (1 - m)).
    assert chances.var() / (0.6 * 0.4) == pytest.approx(correlation, abs=0.04)


@pytest.mark.parametrize("correlation", [0.0, 0.4])
def test_skill_changes_from_trial_to_trial(correlation: float) -> None:
    skill = Skill(0.9, correlation, change=-0.1)
    means = [np.mean([skill.chance(f"task {n}", trial) for n in range(3000)]) for trial in (1, 4, 20)]
    assert means == pytest.approx([0.9, 0.6, 0.0], abs=0.03)


def test_names_say_who_it_is() -> None:
    digests = {
        text: made.digest
        for text in ("oracle", "nop", "seeded:1", "seeded:0.5", "seeded:0.5,seed=2")
        if (made := seeded(text))
    }
    assert len(set(digests.values())) == 5
    assert seeded("smollm2") is None
    skill = seeded("seeded:.5,correlation=0.3,change=-.02,seed=4")
    assert skill is not None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("seeded:", "'' is no number"),
        ("seeded:x", "'x' is no number"),
        ("seeded:2", "out of range"),
        ("seeded:.5,correlation=2", "out of range"),
        ("seeded:.5,speed=1", "'speed=1' is not understood"),
        ("seeded:.5,p=1", "'p=1' is not understood"),
        ("seeded:nan", "no number"),
    ],
)
def test_what_is_not_of_the_form_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong) as caught:
        seeded(text)
    assert caught.value.hint


def test_a_task_without_an_oracle_is_refused() -> None:
    made = seeded("seeded:0.5")
    assert made is not None
    with pytest.raises(InputError, match="has no oracle"):
        made.agent(Task("t", "Do it.", Right()), 1)
