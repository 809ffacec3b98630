"""From counts to what a scorecard says. The rate, its curve and comparisons weigh every task the same, and within a
task every wording; k trials of pass^k are of one wording.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from fieldmark.scorecards._counts import Cell, Counts, Course
from fieldmark.scorecards.views import Calling, ContenderScore, Estimate, Gap, Kind, PassPoint, Share
from fieldmark.statistics import (
    FloatArray,
    Interval,
    anytime_interval,
    change_over_trials,
    consistency,
    goodhart_gap,
    intraclass_correlation,
    mean_interval,
    more_tasks_needed,
    pass_curve,
    quantile,
    trials_needed,
    variance_split,
)

KS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 30, 50, 100)
"""Points of the curves, as far as trials of half the tasks reach."""


def score(
    counts: Counts,
    name: str,
    kind: Kind,
    *,
    confidence: float,
    calling: Calling | None = None,
    kinds: Mapping[str, str] = {},
    order: Sequence[str] = (),
    early: Mapping[Cell, tuple[int, int]] = {},
) -> ContenderScore:
    """A contender's row, of open tasks; sealed ones stand in its gap, its share of passes and its median time.

    `kinds`: task id to its kind. `order`: the random order of tasks of a run that could stop when it had seen enough;
    then the rate's interval is one that allows for having looked after every task. `early`: passes and fails of such
    runs on tasks that come after one that is not done. They are often fails, which are quick: the shares and what a
    pass costs and takes are of them too, all else is not.
    """
    passed, failed, void = counts.totals()
    won, judged = (int(each.sum()) for each in grid(counts, _open(counts)))
    counts = _without(counts, early)
    cells = _open(counts)
    values = task_values(counts, cells)
    passes, trials = grid(counts, cells)
    points = curve(passes, trials, KS, confidence)
    rate = points[0].all if points else None
    if rate is not None and order:
        rate = rate_of(values, order, confidence)
    split = variance_split(passes, trials) if cells else None
    correlation = intraclass_correlation(passes, trials, confidence=confidence)
    return ContenderScore(
        digest=counts.contender,
        name=name,
        kind=kind,
        calling=calling,
        share=Share(passed=passed, failed=failed, void=void),
        tasks=len(values),
        rate=rate,
        curve=points,
        consistency=consistency_of(passes, trials, confidence),
        between=split.between if split else None,
        within=split.within if split else None,
        correlation=of(correlation, int((trials > 1).any(axis=1).sum())) if correlation else None,
        change=_change(cells, counts.courses(), confidence),
        cost_per_pass=counts.cost / won if won and counts.priced == judged else None,
        seconds_per_pass=counts.ms / 1000 / won if won else None,
        median_seconds=quantile(counts.times, 0.5) / 1000 if counts.times else None,
        tokens_per_trial=counts.tokens / counts.metered if counts.metered else None,
        more=_more(passes, trials, rate, confidence),
        gap=gap(counts, kinds, confidence),
    )


def _open(counts: Counts) -> dict[str, list[Cell]]:
    return {task: found for task, found in counts.by_task().items() if task not in counts.sealed}


def _without(counts: Counts, early: Mapping[Cell, tuple[int, int]]) -> Counts:
    passed, failed = dict(counts.passed), dict(counts.failed)
    for cell, (passes, fails) in early.items():
        passed[cell] -= passes
        failed[cell] -= fails
    return replace(counts, passed=passed, failed=failed)


def rate_of(values: Mapping[str, float], order: Sequence[str], confidence: float) -> Estimate:
    """Mean over tasks. `order`: as `score` takes it."""
    if not order:
        return of(mean_interval(list(values.values()), confidence=confidence), len(values))
    first = [task for task in order if task in values]
    rest = sorted(values.keys() - set(first))
    found = anytime_interval([values[task] for task in (*first, *rest)], confidence=confidence)
    return of(found, len(values))


def of(interval: Interval, n: int) -> Estimate:
    """An interval over n tasks."""
    return Estimate(value=interval.value, low=interval.lower, high=interval.upper, n=n)


def task_values(counts: Counts, cells: Mapping[str, Sequence[Cell]]) -> dict[str, float]:
    """Pass rate of each task, the mean over its wordings."""
    return {
        task: sum(counts.passed[cell] / counts.trials(cell) for cell in found) / len(found)
        for task, found in cells.items()
    }


def grid(counts: Counts, cells: Mapping[str, Sequence[Cell]]) -> tuple[FloatArray, FloatArray]:
    """Passes and trials, each of shape (T, V): tasks in the order of `cells`, 0 trials where a wording is missing."""
    passes = np.zeros((len(cells), max(map(len, cells.values()), default=1)))
    trials = np.zeros_like(passes)
    for i, found in enumerate(cells.values()):
        for j, cell in enumerate(found):
            passes[i, j], trials[i, j] = counts.passed[cell], counts.trials(cell)
    return passes, trials


def reach(trials: FloatArray) -> int:
    """The most trials that at least half of the tasks have of each of their wordings; 0 without any task."""
    fewest = np.sort(np.where(trials > 0, trials, np.inf).min(axis=1))
    return int(fewest[fewest.size // 2]) if fewest.size else 0


def curve(passes: FloatArray, trials: FloatArray, ks: Sequence[int], confidence: float) -> list[PassPoint]:
    """pass@k and pass^k at those of `ks` that at least half of the tasks reach, each over the tasks that do."""
    most = reach(trials)
    points = pass_curve(passes, trials, [k for k in ks if k <= most], confidence=confidence)
    return [PassPoint(k=p.k, at=of(p.at, p.tasks), all=of(p.all, p.tasks)) for p in points]


def consistency_of(passes: FloatArray, trials: FloatArray, confidence: float) -> Estimate | None:
    """Agreement of verdicts across wordings, of tasks that have several."""
    if not ((trials > 0).sum(axis=1) > 1).any():
        return None
    found = consistency(passes, trials, confidence=confidence)
    return of(found.interval, found.tasks)


def _change(tasks: Collection[str], courses: Iterable[Course], confidence: float) -> Estimate | None:
    """From the first to the last trial that at least half of the tasks have."""
    by_task: dict[str, list[Course]] = {task: [] for task in tasks}
    for course in courses:
        if course.task in by_task:
            by_task[course.task].append(course)
    sums = np.zeros((3, len(by_task), max([1, *map(len, by_task.values())])))
    for i, found in enumerate(by_task.values()):
        for j, (_, *each) in enumerate(found):
            sums[:, i, j] = each
    change = change_over_trials(*sums, confidence=confidence)
    return of(change.interval, change.tasks) if change else None


def _more(passes: FloatArray, trials: FloatArray, rate: Estimate | None, confidence: float) -> str:
    """What it takes to halve the interval."""
    if rate is None:
        return ""
    half = (rate.high - rate.low) / 4
    if half <= 0:
        return ""
    wanted = f"for +-{half:.1%} instead of +-{2 * half:.1%}"
    count = len(passes)
    least = _tasks_for(half, count, confidence)
    more = trials_needed(passes, trials, half, confidence=confidence) if least == count else None
    if more:
        each = "task and wording" if passes.shape[1] > 1 else "task"
        return f"{wanted}: about {more} more trials of each {each}"
    tasks = more_tasks_needed(passes, trials, half, confidence=confidence) or 0
    tasks = max(tasks, least - count, 1)
    return f"{wanted}: about {tasks} more tasks; more trials of these alone would not do"


def _tasks_for(half: float, tasks: int, confidence: float) -> int:
    """About the fewest tasks, from `tasks` on, that can give so narrow an interval: were all alike."""
    while True:
        best = mean_interval([1.0] * tasks, confidence=confidence)
        if (best.upper - best.lower) / 2 <= half:
            return tasks
        tasks += max(1, tasks // 20)


def gap(counts: Counts, kinds: Mapping[str, str], confidence: float) -> Gap | None:
    """Open less sealed tasks, of kinds that have both; None before a sealed task was tried."""
    values = task_values(counts, counts.by_task())
    both = {kinds.get(task, "") for task in values if task in counts.sealed}
    both &= {kinds.get(task, "") for task in values if task not in counts.sealed}
    if not both:
        return None
    open_, hidden = (
        {task: v for task, v in values.items() if (task in counts.sealed) == sealed}
        for sealed in (False, True)
    )
    found = goodhart_gap(
        list(open_.values()),
        list(hidden.values()),
        open_kinds=[kinds.get(task, "") for task in open_],
        sealed_kinds=[kinds.get(task, "") for task in hidden],
        confidence=confidence,
    )
    difference = of(found.difference, found.open_tasks + found.sealed_tasks)
    return Gap(
        open=of(found.open, found.open_tasks),
        sealed=of(found.sealed, found.sealed_tasks),
        difference=difference,
        said=_gap_said(difference),
    )


def _gap_said(difference: Estimate) -> str:
    value, low = (100 * each for each in (difference.value, difference.low))
    if low > 0:
        return (
            f"exposed: it does {value:.0f} points better on the tasks that everybody can see than on sealed ones"
            f" (at least {low:.0f})"
        )
    if difference.high < 0:
        return f"it does {-value:.0f} points better on the sealed tasks: they may be easier"
    return "open and sealed tasks go alike, as far as so many tasks can tell"
