"""From counts to what a scorecard says. The rate, its curve and comparisons weigh every task the same, and within a
task every wording; k trials of pass^k are of one wording.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fieldmark.scorecards._counts import Cell, Counts
from fieldmark.scorecards.views import Calling, ContenderScore, Estimate, Gap, Kind, PassPoint, Share
from fieldmark.statistics import (
    Interval,
    anytime_interval,
    consistency,
    goodhart_gap,
    mean_interval,
    more_tasks_needed,
    pass_all_k,
    pass_at_k,
    quantile,
    trials_needed,
    variance_split,
)

KS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 30, 50, 100)
"""Points of the curves, as far as trials reach."""


def score(
    counts: Counts,
    name: str,
    kind: Kind,
    *,
    confidence: float,
    calling: Calling | None = None,
    kinds: Mapping[str, str] = {},
    order: Sequence[str] = (),
) -> ContenderScore:
    """A contender's row, of open tasks; sealed ones stand in its gap.

    `kinds`: task id to its kind. `order`: the random order of tasks of a run that could stop when it had seen enough;
    then the rate's interval is one that allows for having looked after every task.
    """
    cells = {task: found for task, found in counts.by_task().items() if task not in counts.sealed}
    passed, failed, void = counts.totals()
    values = task_values(counts, cells)
    rate = _rate(values, order, confidence) if values else None
    per_task = [_pooled(counts, found) for found in cells.values()]
    split = variance_split([c for c, _ in per_task], [n for _, n in per_task]) if per_task else None
    return ContenderScore(
        digest=counts.contender,
        name=name,
        kind=kind,
        calling=calling,
        share=Share(passed=passed, failed=failed, void=void),
        tasks=len(values),
        rate=of(rate, len(values)) if rate else None,
        curve=curve(counts, cells, confidence),
        consistency=consistency_of(counts, cells, confidence),
        between=split.between if split else None,
        within=split.within if split else None,
        cost_per_pass=counts.cost / passed if passed and counts.priced else None,
        seconds_per_pass=counts.ms / 1000 / passed if passed else None,
        median_seconds=quantile(counts.times, 0.5) / 1000 if counts.times else None,
        tokens_per_trial=counts.tokens / counts.metered if counts.metered else None,
        more=_more(per_task, rate, confidence),
        gap=gap(counts, kinds, confidence),
    )


def rate_of(values: Mapping[str, float], order: Sequence[str], confidence: float) -> Estimate:
    """Mean over tasks. `order`: as `score` takes it."""
    return of(_rate(values, order, confidence), len(values))


def _rate(values: Mapping[str, float], order: Sequence[str], confidence: float) -> Interval:
    if not order:
        return mean_interval(list(values.values()), confidence=confidence)
    first = [task for task in order if task in values]
    rest = sorted(values.keys() - set(first))
    return anytime_interval([values[task] for task in (*first, *rest)], confidence=confidence)


def of(interval: Interval, n: int) -> Estimate:
    """An interval over n tasks."""
    return Estimate(value=interval.value, low=interval.lower, high=interval.upper, n=n)


def task_values(counts: Counts, cells: Mapping[str, Sequence[Cell]]) -> dict[str, float]:
    """Pass rate of each task, the mean over its wordings."""
    return {
        task: sum(counts.passed[cell] / counts.trials(cell) for cell in found) / len(found)
        for task, found in cells.items()
    }


def _pooled(counts: Counts, cells: Iterable[Cell]) -> tuple[int, int]:
    found = list(cells)
    return sum(counts.passed[cell] for cell in found), sum(counts.trials(cell) for cell in found)


def fewest_trials(counts: Counts, cells: Mapping[str, Sequence[Cell]]) -> int:
    """Trials that every wording of every task has; 0 without any."""
    return min((counts.trials(cell) for found in cells.values() for cell in found), default=0)


def curve(
    counts: Counts, cells: Mapping[str, Sequence[Cell]], confidence: float, *, ks: Sequence[int] = KS
) -> list[PassPoint]:
    """pass@k and pass^k at `ks`, up to the trials that every wording of every task has."""
    rows = [
        (task, counts.passed[cell], counts.trials(cell)) for task, found in cells.items() for cell in found
    ]
    if not rows:
        return []
    most = fewest_trials(counts, cells)
    names = sorted({task for task, _, _ in rows})
    place = {task: i for i, task in enumerate(names)}
    where = np.array([place[task] for task, _, _ in rows])
    passes, trials = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2))
    sizes = np.bincount(where, minlength=len(names))
    points = []
    for k in (k for k in ks if k <= most):
        both: list[Estimate] = []
        for share in (pass_at_k(passes, trials, k), pass_all_k(passes, trials, k)):
            if k == 1 and both:  # the same thing
                both *= 2
                break
            per_task = np.bincount(where, weights=share, minlength=len(names)) / sizes
            both.append(of(mean_interval(per_task, confidence=confidence), len(names)))
        at, every = both
        points.append(PassPoint(k=k, at=at, all=every))
    return points


def consistency_of(counts: Counts, cells: Mapping[str, Sequence[Cell]], confidence: float) -> Estimate | None:
    """Agreement of verdicts across wordings, of tasks that have several."""
    several = {task: found for task, found in cells.items() if len(found) > 1}
    if not several:
        return None
    width = max(len(found) for found in several.values())
    passes = np.zeros((len(several), width))
    trials = np.zeros((len(several), width))
    for i, found in enumerate(several.values()):
        for j, cell in enumerate(found):
            passes[i, j], trials[i, j] = counts.passed[cell], counts.trials(cell)
    return of(consistency(passes, trials, confidence=confidence).interval, len(several))


def _more(per_task: Sequence[tuple[int, int]], rate: Interval | None, confidence: float) -> str:
    """What it takes to halve the interval."""
    if rate is None:
        return ""
    half = (rate.upper - rate.lower) / 4
    if half <= 0:
        return ""
    passes, trials = [c for c, _ in per_task], [n for _, n in per_task]
    wanted = f"for +-{half:.1%} instead of +-{2 * half:.1%}"
    least = _tasks_for(half, len(per_task), confidence)
    more = trials_needed(passes, trials, half, confidence=confidence) if least == len(per_task) else None
    if more:
        return f"{wanted}: about {more} more trials of each task"
    tasks = more_tasks_needed(passes, trials, half, confidence=confidence) or 0
    tasks = max(tasks, least - len(per_task), 1)
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
    if difference.low > 0:
        return (
            f"exposed: it does {difference.value:.0%} better on the tasks that everybody can see than on sealed ones"
            f" (at least {difference.low:.0%})"
        )
    if difference.high < 0:
        return f"it does {-difference.value:.0%} better on the sealed tasks: they may be easier"
    return "open and sealed tasks go alike, as far as so many tasks can tell"
