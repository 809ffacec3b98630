"""Do the intervals of scorecards hold the truth as often as they say? 10,000 replicates of every design.

Tasks and their skills are drawn anew in each replicate: the truth is the mean over all tasks that might have been
written. Paired: b does as a did, except that a trial of each `discordance` comes out the other way, so that the true
difference is discordance x (2 mean skill - 1).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from benchmarks._row import Row, at_least, benchmark, unbounded
from benchmarks._skills import SKILLS, Covered, Skill, hoeffding, own, replicates, student

if TYPE_CHECKING:
    import numpy as np

    from benchmarks._skills import Array
    from fieldmark.statistics import Interval

TASKS = (20, 60, 200)
CURVE = ((5, 1), (5, 3), (8, 8))
"""Trials of each task, and k."""
PAIRED = ((0.05, 1), (0.3, 1), (0.05, 5), (0.3, 5))
"""Discordance, and trials of each task."""
BOUND = 94.0


@benchmark(
    "coverage and width of the intervals of pass^k and of paired differences, beside t, plug-in, Hoeffding"
)
def run(fault: bool) -> Iterator[Row]:
    for tasks in TASKS:
        yield from _worst(f"pass^k, {tasks} tasks", _pass_all(tasks, fault))
    for tasks in TASKS:
        yield from _worst(f"paired difference, {tasks} tasks", _pairs(tasks, fault))


def _worst(name: str, designs: Iterator[tuple[str, Covered, str]]) -> Iterator[Row]:
    """Every design as a row, then the worst of them against the bound."""
    found: list[tuple[float, str]] = []
    for design, one, note in designs:
        found.append((one.share, design))
        yield unbounded(design, one.share, "%", f"width {one.width:.3f}; {note}")
    share, design = min(found)
    yield at_least(f"{name}: least of {len(found)} designs", share, "%", BOUND, design)


def _pass_all(tasks: int, fault: bool) -> Iterator[tuple[str, Covered, str]]:
    import numpy as np

    from fieldmark.statistics import mean_interval, pass_all_k

    rounds = replicates(fault)
    # The deliberate fault: one-sided quantiles of the wrong size.
    interval = partial(mean_interval, confidence=0.6 if fault else 0.95)
    for trials, k in CURVE:
        for skill in SKILLS:
            name = f"pass^{k} of {trials} trials, {tasks} tasks, {skill.name}"
            rng = _seeded(name)
            passes = rng.binomial(trials, skill.draw(rng, (rounds, tasks)))
            values = pass_all_k(passes, np.full_like(passes, trials), k)
            truth = skill.moment(k)
            plugin = student((passes / trials) ** k, truth)
            note = f"t {student(values, truth)}; plug-in t {plugin}; Hoeffding {hoeffding(tasks):.3f}"
            yield name, own(values, interval, truth), note


def _pairs(tasks: int, fault: bool) -> Iterator[tuple[str, Covered, str]]:
    from fieldmark.statistics import paired_difference

    rounds = replicates(fault)

    def interval(differences: Array) -> Interval:
        first, second = differences.clip(min=0), (-differences).clip(min=0)
        return paired_difference(first, second, confidence=0.6 if fault else 0.95)

    for discordance, trials in PAIRED:
        for skill in SKILLS:
            many = f"{trials} trials" if trials > 1 else "1 trial"
            name = f"difference, {discordance:.0%} discordant, {many}, {tasks} tasks, {skill.name}"
            rng = _seeded(name)
            differences = _differences(rng, skill, (rounds, tasks, trials), discordance)
            truth = discordance * (2 * skill.moment(1) - 1)
            note = f"t {student(differences, truth)}; Hoeffding {hoeffding(tasks, 2):.3f}"
            yield name, own(differences, interval, truth), note


def _differences(
    rng: np.random.Generator, skill: Skill, shape: tuple[int, int, int], discordance: float
) -> Array:
    """a less b per task; the shape is replicates, tasks, trials."""
    p = skill.draw(rng, (*shape[:2], 1))
    a = rng.random(shape) < p
    flipped = rng.random(shape) < discordance
    found: Array = (a * 1.0 - (a ^ flipped)).mean(axis=2)
    return found


def _seeded(name: str) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng(zlib.crc32(name.encode()))
