"""Agents of known skill: does the scorecard find p, the correlation of trials and the change of skill?

The agents are those that `fieldmark score run NAME seeded:P,correlation=R,change=D` plays: a task's pass probability
has the Beta distribution of mean p and intraclass correlation R; the mean changes by D with each trial and a task
keeps its quantile. Here only their verdicts are drawn, 10,000 runs of each agent, one wording of each task and every
trial judged; they go through the functions that a scorecard takes its pass rate, correlation and change from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks._row import Row, at_least, benchmark
from benchmarks._skills import replicates

if TYPE_CHECKING:
    import numpy as np

    from benchmarks._skills import Array
    from fieldmark.statistics import Interval

TASKS, TRIALS = 60, 8


@dataclass(frozen=True)
class Agent:
    """As the text after `seeded:` says."""

    p: float
    correlation: float = 0.0
    change: float = 0.0

    def __str__(self) -> str:
        text = f"seeded:{self.p:g}"
        text += f",correlation={self.correlation:g}" if self.correlation else ""
        return text + (f",change={self.change:g}" if self.change else "")

    def results(self, rng: np.random.Generator) -> Array:
        """Of one run, shape (tasks, trials)."""
        import numpy as np
        from scipy.special import betaincinv

        mean = self.p + self.change * np.arange(TRIALS)[None]
        chance = np.broadcast_to(mean, (TASKS, TRIALS))
        if self.correlation:
            both = 1 / self.correlation - 1
            chance = betaincinv(mean * both, (1 - mean) * both, rng.random((TASKS, 1)))
        found: Array = (rng.random((TASKS, TRIALS)) < chance).astype(float)
        return found


AGENTS = (
    Agent(0.7),
    Agent(0.7, correlation=0.3),
    Agent(0.4, correlation=0.6),
    Agent(0.9, change=-0.05),
    Agent(0.9, correlation=0.3, change=-0.05),
)


@benchmark("p, correlation and change of skill of seeded agents, found inside the interval")
def run(fault: bool) -> Iterator[Row]:
    # The deliberate fault: intervals of a tenth's confidence.
    confidence = 0.1 if fault else 0.95
    for agent in AGENTS:
        yield from _agent(agent, confidence, replicates(fault))


def _agent(agent: Agent, confidence: float, rounds: int) -> Iterator[Row]:
    import numpy as np

    from fieldmark.statistics import (
        change_over_trials,
        intraclass_correlation,
        mean_interval,
    )

    many, numbers = np.full(TASKS, TRIALS), np.arange(1, TRIALS + 1)

    def rate(results: Array) -> Interval | None:
        return mean_interval(results.mean(axis=1), confidence=confidence)

    def correlation(results: Array) -> Interval | None:
        return intraclass_correlation(results.sum(axis=1), many, confidence=confidence)

    def change(results: Array) -> Interval | None:
        found = change_over_trials(results.sum(axis=1), results @ numbers, many, confidence=confidence)
        return found.interval if found else None

    wanted: list[tuple[str, float, Callable[[Array], Interval | None]]] = [
        ("pass rate", agent.p + agent.change * (TRIALS - 1) / 2, rate),
        ("change from first to last trial", agent.change * (TRIALS - 1), change),
    ]
    if not agent.change:
        wanted.insert(1, ("correlation", agent.correlation, correlation))
    rng = np.random.default_rng(4)
    found: list[list[Interval | None]] = [[] for _ in wanted]
    for _ in range(rounds):
        results = agent.results(rng)
        for (_, _, interval), intervals in zip(wanted, found, strict=True):
            intervals.append(interval(results))
    for (name, truth, _), intervals in zip(wanted, found, strict=True):
        known = [one for one in intervals if one is not None]
        inside = sum(one.lower - 1e-9 <= truth <= one.upper + 1e-9 for one in known)
        value, width = (np.mean([(one.value, one.upper - one.lower) for one in known], axis=0)).tolist()
        note = f"true {truth:g}, mean estimate {value:.3f}, width {width:.3f}"
        yield at_least(f"{agent}: {name}", 100 * inside / rounds, "%", 94, note)
