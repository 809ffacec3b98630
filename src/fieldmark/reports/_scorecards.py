"""The card's section on scorecards: what it passed where tests verify, and the same in words."""

from __future__ import annotations

from collections.abc import Iterator

from fieldmark.arena.views import Interval
from fieldmark.ledger import Snapshot
from fieldmark.reports.card import Card, ScorecardMeasure, SealedGap
from fieldmark.scorecards import SetRecord, contender_record
from fieldmark.scorecards.views import Estimate


def scorecard_measures(snapshot: Snapshot, digest: str, confidence: float) -> list[ScorecardMeasure]:
    """One of each set that the contender was judged on, by name; from counts of the ledger, never a set's files."""
    return [_measure(found) for found in contender_record(snapshot, digest, confidence)]


def _measure(found: SetRecord) -> ScorecardMeasure:
    measured, point = found.measured, found.measured.point
    several = point if point is not None and point.k > 1 else None
    gap = measured.gap
    return ScorecardMeasure(
        name=found.name,
        version=found.version,
        digest=found.digest,
        newer=found.newer,
        checked=found.checked,
        tasks=measured.tasks,
        sealed=measured.sealed,
        trials=found.share.passed + found.share.failed,
        passed=found.share.passed,
        void=found.share.void,
        rate=_interval(measured.rate),
        k=several.k if several else None,
        k_tasks=several.all.n if several else None,
        all_of_k=_interval(several.all) if several else None,
        consistency=_interval(measured.consistency),
        gap=SealedGap(
            open=_rounded(gap.open),
            sealed=_rounded(gap.sealed),
            difference=_rounded(gap.difference),
            said=gap.said,
        )
        if gap
        else None,
    )


def _rounded(found: Estimate) -> Interval:
    return Interval(value=round(found.value, 6), lower=round(found.low, 6), upper=round(found.high, 6))


def _interval(found: Estimate | None) -> Interval | None:
    return None if found is None else _rounded(found)


def scorecard_lines(card: Card) -> Iterator[str]:
    """What it passed, set by set."""
    yield "SCORECARDS"
    if not card.scorecards:
        yield "  None run yet."
    for line in card.scorecards:
        newer = f"; version {line.newer} ran since, without it" if line.newer else ""
        checked = "" if line.checked else "; the set itself was not checked"
        yield f"  {line.name} {line.version} ({line.digest[:8]}){newer}{checked}"
        yield from (f"    {said}" for said in _said(line))


def _said(line: ScorecardMeasure) -> Iterator[str]:
    trials = f"{_n(line.trials, 'trial')} of {_tasks(line)}, {line.void} void"
    if line.rate is not None:
        yield f"passes {_share(line.rate)}; {trials}"
    else:
        yield trials
    if line.all_of_k is not None:
        over = f"; over {line.k_tasks} tasks" if line.k_tasks != line.tasks else ""
        yield f"passes all of {line.k} trials (pass^{line.k}): {_share(line.all_of_k)}{over}"
    if line.consistency is not None:
        yield f"verdicts agree across the wordings of a task: {_share(line.consistency)}"
    if line.gap is not None:
        yield f"open and sealed tasks: {_share(line.gap.open)} and {_share(line.gap.sealed)}"
        yield line.gap.said


def _tasks(line: ScorecardMeasure) -> str:
    return _n(line.tasks, "task") + (f" and {_n(line.sealed, 'sealed one')}" if line.sealed else "")


def _n(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _share(interval: Interval) -> str:
    return f"{interval.value:.0%} ({interval.lower:.0%} to {interval.upper:.0%})"
