"""Two contenders on the same tasks: who is better, or tied."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Integer, cast, func, select

from fieldmark.errors import InputError, NotFound
from fieldmark.ledger import Snapshot
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._counts import Counts
from fieldmark.scorecards._numbers import of, task_values
from fieldmark.scorecards.views import Comparison, ContenderScore, Estimate, Pair, Share
from fieldmark.statistics import detectable_difference, difference_split, mcnemar, paired_difference


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
    a, b = ({task: [(task, v) for v in variants] for task, variants in shared.items()} for _ in both)
    values_a, values_b = task_values(first, a), task_values(second, b)
    difference = None
    if shared:
        found = paired_difference([*values_a.values()], [*values_b.values()], confidence=confidence)
        difference = of(found, len(shared))
    pairs = [
        Pair(
            task=task,
            title=titles.get(task, ""),
            a=_share(first, task, variants),
            b=_share(second, task, variants),
            difference=values_a[task] - values_b[task],
        )
        for task, variants in shared.items()
    ]
    table = _pairs(snapshot, digest, first.contender, second.contender)
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
        p=_p(pairs, table) if shared else None,
        said=_said(scores[0].name, scores[1].name, difference),
        power=_power(pairs, confidence),
        pairs=sorted(pairs, key=lambda p: (-abs(p.difference), p.task)),
    )


def _shared(a: Counts, b: Counts) -> dict[str, list[str]]:
    """Task to the wordings that both have verdicts on."""
    found: dict[str, list[str]] = {}
    theirs = b.by_task()
    for task, cells in a.by_task().items():
        variants = sorted({v for _, v in cells} & {v for _, v in theirs.get(task, ())})
        if variants and task not in a.sealed:
            found[task] = variants
    return found


def _share(counts: Counts, task: str, variants: list[str]) -> Share:
    cells = [(task, variant) for variant in variants]
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


def _p(pairs: list[Pair], table: tuple[int, int, int, int]) -> float:
    """Exact McNemar: of single pairs where every task has one trial, else of tasks by majority."""
    if all(p.a.passed + p.a.failed == 1 == p.b.passed + p.b.failed for p in pairs) and sum(table) == len(
        pairs
    ):
        return mcnemar(table[0], table[1])
    majority = [(p.a.passed > p.a.failed, p.b.passed > p.b.failed) for p in pairs]
    return mcnemar(majority.count((True, False)), majority.count((False, True)))


def _said(a: str, b: str, difference: Estimate | None) -> str:
    if difference is None:
        return f"{a} and {b} have no task in common yet"
    bounds = f"({difference.low:+.1%} to {difference.high:+.1%} over {difference.n} tasks)"
    if difference.low > 0:
        return f"{a} is better than {b}: {difference.value:+.1%} {bounds}"
    if difference.high < 0:
        bounds = f"({-difference.high:+.1%} to {-difference.low:+.1%} over {difference.n} tasks)"
        return f"{b} is better than {a}: {-difference.value:+.1%} {bounds}"
    return f"tied: {a} less {b} is {difference.value:+.1%} {bounds}"


def _power(pairs: list[Pair], confidence: float) -> str:
    if not pairs:
        return ""
    counts = [[p.a.passed, p.a.passed + p.a.failed, p.b.passed, p.b.passed + p.b.failed] for p in pairs]
    columns = [list(column) for column in zip(*counts, strict=True)]
    split = difference_split(*columns)
    trials = [max(1, round(sum(columns[i]) / len(pairs))) for i in (1, 3)]
    if split.between is None or split.within is None:
        overall = (sum(columns[0]) + sum(columns[2])) / (sum(columns[1]) + sum(columns[3]))
        between, within = 0.0, (overall * (1 - overall)) ** 0.5
    else:
        between, within = split.between, split.within
    found = detectable_difference(len(pairs), trials[0], trials[1], between, within, confidence=confidence)
    least = 1 / len(pairs)  # the normal approximation says 0 where nothing ever differed
    shown = f"{max(found, least):.0%}" if max(found, least) < 1 else "none, however large"
    each = f"{trials[0]}" if trials[0] == trials[1] else f"{trials[0]} and {trials[1]}"
    return (
        f"{len(pairs)} tasks with {each} trials each find a difference of {shown} four times out of five;"
        " a smaller one may be there"
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
