"""Trials saved by stopping when enough is known, and what it costs in errors: anytime-valid intervals, looked at after
every task, against a run of fixed size, and against looking at a fixed-size interval after every task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks._row import Row, at_least, at_most, benchmark, unbounded
from benchmarks._skills import Skill, replicates

if TYPE_CHECKING:
    from benchmarks._skills import Array
    from fieldmark.statistics import AnytimeDifference, AnytimeMean

TRIALS = 4
"""Of each task."""
MATTERS = 0.1
"""The difference that the fixed run is planned to find, nine times out of ten."""
HALF_WIDTH = 0.1
SKILLS = (Skill("Beta(.6,.6)", 0.6, 0.6), Skill("Beta(4,2)", 4, 2), Skill("Beta(19,1)", 19, 1))
DIFFERENCES = (0.0, 0.1, 0.2, 0.3)
FIRST_LOOK = 5
"""Tasks before anybody looks at a t interval; the anytime-valid one is looked at from the first."""


@dataclass(frozen=True)
class Stops:
    """Of many runs."""

    tasks: Array
    """Tasks used in each."""
    decided: Array
    """Whether it stopped for having found something."""
    wrong: Array
    """Whether what it said is false."""


@benchmark("trials saved by anytime-valid stopping, errors beside those of a fixed run and of peeking")
def run(fault: bool) -> Iterator[Row]:
    rounds = max(100, replicates(fault) // 5)
    for skill in SKILLS:
        yield from _precision(skill, rounds, fault)
    for difference in DIFFERENCES:
        yield from _decision(difference, rounds, fault)


def _precision(skill: Skill, rounds: int, fault: bool) -> Iterator[Row]:
    """Until the pass rate is known to +-10%."""
    import numpy as np

    rng = np.random.default_rng(7)
    values = rng.binomial(TRIALS, skill.draw(rng, (rounds, 400))) / TRIALS
    truth = skill.moment(1)
    fixed = _fixed_size()
    own = _until_narrow(values, truth)
    peeked = _peek(values, truth, narrow=HALF_WIDTH)
    # The deliberate fault: a t interval of half its width, looked at after every task.
    judged = _peek(values, truth, narrow=HALF_WIDTH, shrink=0.5) if fault else own
    name = f"until +-{HALF_WIDTH:.0%}, {skill.name}"
    plain = values[:, :fixed]
    half = 1.96 * plain.std(axis=1, ddof=1) / np.sqrt(fixed)
    error = 100 * float((abs(plain.mean(axis=1) - truth) > half).mean())
    yield at_most(
        f"{name}: truth outside when stopped", 100 * float(judged.wrong.mean()), "%", 5, "anytime-valid"
    )
    yield unbounded(f"{name}: tasks used", float(own.tasks.mean()), "", f"fixed for the worst case: {fixed}")
    yield unbounded(f"{name}: truth outside, fixed run", error, "%", f"{fixed} tasks, normal interval")
    yield unbounded(
        f"{name}: truth outside, peeking", 100 * float(peeked.wrong.mean()), "%", "t interval at every task"
    )


def _decision(difference: float, rounds: int, fault: bool) -> Iterator[Row]:
    """Until it is settled which of two is better, or twice the tasks of the fixed run are used up."""
    import math

    import numpy as np

    rng = np.random.default_rng(8)
    # Tasks from hard to easy, where both contenders fail and pass by chance: E[p (1 - p)] is about 0.2.
    # Planned by the normal formula, which is for the t interval that the fixed run is judged by.
    planned = math.ceil((1.96 + 1.2816) ** 2 * 2 * 0.2 / TRIALS / MATTERS**2)
    p = 0.1 + 0.5 * rng.beta(0.8, 0.8, (rounds, 2 * planned))
    a, b = rng.binomial(TRIALS, p + difference) / TRIALS, rng.binomial(TRIALS, p) / TRIALS
    own, peeked = _until_decided(a, b, difference), _peek(a - b, difference, narrow=None)
    fixed = _at_the_end((a - b)[:, :planned], difference)
    name = f"who is better, difference {difference:g}"
    judged = peeked if fault else own
    saved = 0.0 if fault else 100 * (1 - float(own.tasks.mean()) / planned)
    found = f"found {own.decided.mean():.1%}, fixed {fixed.decided.mean():.1%}"
    note = f"{own.tasks.mean():.0f} tasks, fixed {planned}; {found}"
    if not difference:
        yield at_most(f"{name}: false stops", 100 * float(judged.decided.mean()), "%", 5, "anytime-valid")
        yield unbounded(
            f"{name}: false stops, peeking", 100 * float(peeked.decided.mean()), "%", "t interval"
        )
        yield unbounded(
            f"{name}: false, fixed run", 100 * float(fixed.decided.mean()), "%", f"{planned} tasks"
        )
    if difference <= MATTERS:
        yield unbounded(f"{name}: trials saved", saved, "%", note)
        return
    yield at_least(f"{name}: trials saved", saved, "%", 30, note)
    yield unbounded(f"{name}: wrong sign", 100 * float(own.wrong.mean()), "%")


def _fixed_size() -> int:
    """Tasks for +-10% at 95% whatever the spread."""
    import math

    return math.ceil((1.96 * 0.5 / HALF_WIDTH) ** 2)


def _until_narrow(values: Array, truth: float) -> Stops:
    from fieldmark.statistics import AnytimeMean

    def done(sequence: AnytimeMean) -> bool:
        return sequence.half_width <= HALF_WIDTH

    tasks, decided, wrong = [], [], []
    for row in values.tolist():
        sequence = AnytimeMean()
        for value in row:
            sequence.add(value)
            if done(sequence):
                break
        found = sequence.interval()
        tasks.append(sequence.n)
        decided.append(done(sequence))
        wrong.append(not found.lower <= truth <= found.upper)
    return _stops(tasks, decided, wrong)


def _until_decided(a: Array, b: Array, truth: float) -> Stops:
    from fieldmark.statistics import AnytimeDifference

    tasks, decided, wrong = [], [], []
    for first, second in zip(a.tolist(), b.tolist(), strict=True):
        sequence: AnytimeDifference = AnytimeDifference()
        for one, other in zip(first, second, strict=True):
            sequence.add(one, other)
            if sequence.decided:
                break
        tasks.append(sequence.n)
        decided.append(sequence.decided)
        wrong.append(sequence.decided and (sequence.interval().lower > 0) != (truth > 0))
    return _stops(tasks, decided, wrong)


def _stops(tasks: list[int], decided: list[bool], wrong: list[bool]) -> Stops:
    import numpy as np

    return Stops(np.array(tasks, float), np.array(decided, float), np.array(wrong, float))


def _looks(values: Array) -> tuple[Array, Array]:
    """Mean and half width of the t interval after every task; infinitely wide before the first look."""
    import numpy as np
    from scipy.stats import t

    n = np.arange(1, values.shape[1] + 1)
    mean = values.cumsum(axis=1) / n
    variance = np.maximum((values**2).cumsum(axis=1) - n * mean**2, 0) / np.maximum(n - 1, 1)
    half = t.ppf(0.975, np.maximum(n - 1, 1)) * np.sqrt(variance / n)
    half[:, : FIRST_LOOK - 1] = np.inf
    return mean, half


def _peek(values: Array, truth: float, narrow: float | None, shrink: float = 1.0) -> Stops:
    """Stop when the t interval is narrow, or (None) when it leaves out 0."""
    import numpy as np

    mean, half = _looks(values)
    half = half * shrink
    enough = half <= narrow if narrow is not None else abs(mean) > half
    decided = enough.any(axis=1)
    at = np.where(decided, enough.argmax(axis=1), values.shape[1] - 1)
    rows = np.arange(len(values))
    wrong = abs(mean[rows, at] - truth) > half[rows, at]
    return Stops((at + 1).astype(float), decided.astype(float), wrong.astype(float))


def _at_the_end(values: Array, truth: float) -> Stops:
    import numpy as np

    mean, half = (looks[:, -1] for looks in _looks(values))
    decided = (abs(mean) > half).astype(float)
    return Stops(np.full(len(values), float(values.shape[1])), decided, decided * ((mean > 0) != (truth > 0)))
