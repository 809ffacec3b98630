"""Before a run, or between two: how many tasks and trials are enough?

Normal approximations: T tasks, K trials each, have Var = (w^2 + s_a^2 / K_a + s_b^2 / K_b) / T for the mean difference,
w the standard deviation of the true difference between tasks and s that of one trial within a task (Miller, "Adding
error bars to evals", arXiv 2411.00640, section 5).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from fieldmark.errors import StatisticsError
from fieldmark.statistics._intervals import normal_critical
from fieldmark.statistics._passk import cells_of, over_wordings
from fieldmark.statistics._variance import variance_split


def detectable_difference(
    tasks: int,
    trials_a: int,
    trials_b: int,
    between: float,
    within: float,
    *,
    power: float = 0.8,
    confidence: float = 0.95,
) -> float:
    """The smallest true difference of pass rates that a paired comparison finds with probability `power`.

    Without earlier trials take `between` 0 and `within` sqrt(p (1 - p)) of the expected rate p, which errs on the
    careful side for contenders that fail on the same tasks.

    Raises:
        StatisticsError: tasks or trials below 1, a deviation below 0, or a power or confidence not between 0 and 1.
    """
    error = math.sqrt(_variance(trials_a, trials_b, between, within) / _tasks(tasks))
    return _quantiles(power, confidence) * error


def tasks_needed(
    difference: float,
    trials_a: int,
    trials_b: int,
    between: float,
    within: float,
    *,
    power: float = 0.8,
    confidence: float = 0.95,
) -> int:
    """Tasks for a paired comparison that finds a true `difference` with probability `power`. Raises as above.

    Raises:
        StatisticsError: also when the difference is 0.
    """
    if difference == 0:
        raise StatisticsError("no number of tasks finds a difference of 0", hint="say which one would matter")
    variance = _variance(trials_a, trials_b, between, within)
    return max(1, math.ceil(_quantiles(power, confidence) ** 2 * variance / difference**2 - 1e-9))


def trials_needed(
    passes: ArrayLike, trials: ArrayLike, half_width: float, *, confidence: float = 0.95
) -> int | None:
    """About how many trials more of every task and wording until the interval of the pass rate is +- `half_width` or
    narrower; counts as `variance_split` takes them.

    None: no number of trials on these tasks is enough, because they differ too much among themselves (or there are
    too few); then `more_tasks_needed` says how many. None too where no task has two trials yet.

    Raises:
        StatisticsError: as `variance_split`; a half width that is not above 0.
    """
    _, n = cells_of(passes, trials)
    wordings = (n > 0).sum(axis=1)
    tasks = int((wordings > 0).sum())
    split = variance_split(passes, trials)
    room = _room(half_width, tasks, confidence)
    if split.between is None or split.within is None or room is None:
        return None
    left = tasks * room**2 - split.between**2
    if left <= 0:
        return None
    needed = split.within**2 * float((1 / wordings[wordings > 0]).mean()) / left  # trials of each wording
    return max(0, math.ceil(needed - float(n[n > 0].mean()) - 1e-9))


def more_tasks_needed(
    passes: ArrayLike, trials: ArrayLike, half_width: float, *, confidence: float = 0.95
) -> int | None:
    """About how many tasks more, with as many trials each, until the interval is +- `half_width` or narrower.

    It supposes that further tasks are as different as these. None where fewer than two tasks have trials. Raises as
    `trials_needed`.
    """
    c, n = cells_of(passes, trials)
    rates = over_wordings(c / np.where(n > 0, n, 1), n > 0)[(n > 0).any(axis=1)]
    if rates.size < 2:
        return None
    variance = float(rates.var(ddof=1))
    root = normal_critical(confidence) * math.sqrt(variance)
    # half = root / sqrt(T) + 0.5 / T, solved for sqrt(T)
    needed = ((root + math.sqrt(root**2 + 2 * _width(half_width))) / (2 * half_width)) ** 2
    return max(0, math.ceil(needed - rates.size - 1e-9))


def _room(half_width: float, tasks: int, confidence: float) -> float | None:
    """The standard error that a half width leaves: the interval is about 0.5 / T wider than z of them, each way."""
    if not half_width > 0:
        raise StatisticsError(
            f"an interval is never +-{half_width} wide", hint="give a half width such as 0.05"
        )
    left = half_width - 0.5 / (tasks + 1)
    return left / normal_critical(confidence) if left > 0 else None


def _width(half_width: float) -> float:
    if not half_width > 0:
        raise StatisticsError(
            f"an interval is never +-{half_width} wide", hint="give a half width such as 0.05"
        )
    return half_width


def _tasks(tasks: int) -> int:
    if tasks < 1:
        raise StatisticsError(f"{tasks} tasks", hint="at least one task")
    return tasks


def _variance(trials_a: int, trials_b: int, between: float, within: float) -> float:
    if min(trials_a, trials_b) < 1 or min(between, within) < 0:
        raise StatisticsError(
            "trials below 1 or a deviation below 0", hint="one trial or more; deviations from 0 to 1"
        )
    return between**2 + within**2 / trials_a + within**2 / trials_b


def _quantiles(power: float, confidence: float) -> float:
    if not 0 < power < 1:
        raise StatisticsError(f"{power} is no power", hint="a power lies between 0 and 1, as 0.8")
    return normal_critical(confidence) + NormalDist().inv_cdf(power)
