"""Two contenders on the same tasks: who is better, or tied."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from sqlalchemy import Integer, cast, func, select

from fieldmark.errors import InputError, NotFound
from fieldmark.ledger import Snapshot
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._counts import Cell, Counts
from fieldmark.scorecards._numbers import grid, of, task_values
from fieldmark.scorecards.views import Comparison, ContenderScore, Estimate, Pair, Share
from fieldmark.statistics import (
    FloatArray,
    detectable_difference,
    difference_split,
    mcnemar,
    paired_difference,
)

SPREAD = 0.25
"""Standard deviation of a difference between tasks, as it is taken before anything is known of it."""


def compare(
    snapshot: Snapshot,
    scorecard: str,
    digest: str,
    both: tuple[Counts, Counts],
    scores: tuple[ContenderScore, ContenderScore],
    titles: Mapping[str, str],
    *,
    confidence: float,
) -> Comparison:
    """a against b on the open tasks and wordings that both have verdicts on."""
    first, second = both
    if first.contender == second.contender:
        raise InputError("a contender is not compared with itself", hint="name two")
    shared = _shared(first, second)
    values_a, values_b = task_values(first, shared), task_values(second, shared)
    difference = None
    if shared:
        found = paired_difference([*values_a.values()], [*values_b.values()], confidence=confidence)
        difference = of(found, len(shared))
    pairs = [
        Pair(
            task=task,
            title=titles.get(task, ""),
            a=_share(first, cells),
            b=_share(second, cells),
            difference=values_a[task] - values_b[task],
        )
        for task, cells in shared.items()
    ]
    table = _pairs(snapshot, digest, first.contender, second.contender)
    majority = [(p.a.passed > p.a.failed, p.b.passed > p.b.failed) for p in pairs]
    only = majority.count((True, False)), majority.count((False, True))
    return Comparison(
        scorecard=scorecard,
        a=scores[0],
        b=scores[1],
        tasks=len(shared),
        difference=difference,
        a_only=table[0],
        b_only=table[1],
        both=table[2],
        neither=table[3],
        a_only_tasks=only[0],
        b_only_tasks=only[1],
        p=mcnemar(*only) if shared else None,
        said=_said(scores[0].name, scores[1].name, difference),
        power=_power(*grid(first, shared), *grid(second, shared), confidence),
        pairs=sorted(pairs, key=lambda p: (-abs(p.difference), p.task)),
    )


@lru_cache(1024)
def told_apart(tasks: int, trials: int, confidence: float, spread: float = SPREAD) -> float | None:
    """Before a run: the difference of pass rates that is found four times out of five, None where none is. For rates
    near a half, where it takes most; `spread` is 0 for a difference that is the same on every task.
    """
    return detectable_difference(max(1, tasks), trials, trials, spread, 0.5, confidence=confidence)


def _shared(a: Counts, b: Counts) -> dict[str, list[Cell]]:
    """Open task to its wordings that both have verdicts on."""
    theirs = b.by_task()
    both = {task: sorted({*cells} & {*theirs.get(task, ())}) for task, cells in a.by_task().items()}
    return {task: cells for task, cells in both.items() if cells and task not in a.sealed}


def _share(counts: Counts, cells: list[Cell]) -> Share:
    passed, failed, void = (
        sum(each.get(cell, 0) for cell in cells) for each in (counts.passed, counts.failed, counts.void)
    )
    return Share(passed=passed, failed=failed, void=void)


def _pairs(snapshot: Snapshot, digest: str, a: str, b: str) -> tuple[int, int, int, int]:
    """Trials of the same task, wording and number in the same run: only a passed, only b, both, neither."""
    first, second = t.counted.alias("first"), t.counted.alias("second")
    same = [first.c[name] == second.c[name] for name in ("run", "task", "variant", "trial")]
    open_ = t.counts.c
    sealed = select(open_.task).where(open_.digest == digest, open_.sealed.is_(True))
    query = (
        select(cast(first.c.passed, Integer), cast(second.c.passed, Integer), func.count())
        .select_from(first.join(t.runs, t.runs.c.id == first.c.run))
        .join(second, same[0] & same[1] & same[2] & same[3])
        .where(t.runs.c.digest == digest, first.c.contender == a, second.c.contender == b)
        .where(first.c.task.not_in(sealed))
        .group_by(first.c.passed, second.c.passed)
    )
    found = {(x, y): n for x, y, n in snapshot.connection.execute(query)}
    return found.get((1, 0), 0), found.get((0, 1), 0), found.get((1, 1), 0), found.get((0, 0), 0)


def _said(a: str, b: str, difference: Estimate | None) -> str:
    if difference is None:
        return f"{a} and {b} have no task in common yet"
    value, low, high = (100 * each for each in (difference.value, difference.low, difference.high))
    over = f"over {difference.n} tasks"
    if low > 0:
        return f"{a} is better than {b}: {value:+.1f} points ({low:+.1f} to {high:+.1f} {over})"
    if high < 0:
        return f"{b} is better than {a}: {-value:+.1f} points ({-high:+.1f} to {-low:+.1f} {over})"
    return f"tied: {a} less {b} is {value:+.1f} points ({low:+.1f} to {high:+.1f} {over})"


def _power(
    passes_a: FloatArray, trials_a: FloatArray, passes_b: FloatArray, trials_b: FloatArray, confidence: float
) -> str:
    """`grid` of either on the tasks that both have verdicts on. With one trial of each nothing says how the difference
    varies; then trials are taken to vary as if tasks were alike, which is no less.
    """
    tasks = len(passes_a)
    if not tasks:
        return ""
    split = difference_split(passes_a, trials_a, passes_b, trials_b)
    trials = [max(1, round(each.sum() / tasks)) for each in (trials_a, trials_b)]
    if split.between is None or split.within is None:
        overall = (passes_a.sum() + passes_b.sum()) / (trials_a.sum() + trials_b.sum())
        between, within = 0.0, float(overall * (1 - overall)) ** 0.5
    else:
        between, within = split.between, split.within
    found = detectable_difference(tasks, trials[0], trials[1], between, within, confidence=confidence)
    each = f"{trials[0]}" if trials[0] == trials[1] else f"{trials[0]} and {trials[1]}"
    if found is None:
        return (
            f"{tasks} tasks with {each} trials each find no difference four times out of five, however large"
        )
    return (
        f"{tasks} tasks with {each} trials each find a difference of about {100 * found:.0f} points four times out of"
        " five; a smaller one may be there"
    )


def named(scores: Mapping[str, str], name: str) -> str:
    """The contender digest that a name, a digest or its beginning stands for; `scores` is digest to name.

    Raises:
        NotFound: none, or several.
    """
    found = [d for d, label in scores.items() if name in {label, d}] or [
        d for d in scores if d.startswith(name)
    ]
    if len(found) != 1:
        known = ", ".join(f"{label}" for label in scores.values()) or "none yet"
        several = " in several versions: give the beginning of a digest" if found else ""
        raise NotFound(
            f"'{name}' has {'trials' if found else 'no trials'} on this scorecard{several}",
            hint=f"contenders: {known}",
        )
    return found[0]
