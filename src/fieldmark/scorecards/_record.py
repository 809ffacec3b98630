"""What one contender did on every set it was tried on, from a snapshot alone: for its reliability card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, select

from fieldmark.ledger import Snapshot
from fieldmark.ledger.evidence import TaskSetSeen
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._counts import Counts, counts_of_contender
from fieldmark.scorecards._numbers import KS, consistency_of, curve, gap, grid, rate_of, reach, task_values
from fieldmark.scorecards._records import read_run
from fieldmark.scorecards.views import Estimate, Gap, PassPoint, Share

_Cell = tuple[str, str, int, int, bool]
"""Task, wording, passes, fails, sealed."""


@dataclass(frozen=True)
class Measured:
    """The numbers of one contender on one version of a set. Those of open tasks, but for `sealed` and `gap`."""

    tasks: int
    """Open tasks with a pass or a fail."""
    sealed: int
    """Sealed tasks with one."""
    rate: Estimate | None
    """Pass rate, every task weighing the same; None without an open task."""
    point: PassPoint | None
    """pass@k and pass^k at the largest k of the curve, for which at least half of the tasks have trials."""
    consistency: Estimate | None
    """Agreement of verdicts across wordings; None without them."""
    gap: Gap | None
    """Open less sealed, within kinds of tasks; None before a sealed task was tried, or where kinds are not recorded."""


@dataclass(frozen=True)
class SetRecord:
    """One contender on the newest version of a set that it was judged on."""

    name: str
    version: str
    digest: str
    newer: str | None
    """The version that ran last, when it is another one."""
    checked: bool
    """Oracle passed, nop and cheats failed, on every task of it."""
    share: Share
    """Trials, of sealed tasks too."""
    measured: Measured


def contender_record(snapshot: Snapshot, contender: str, confidence: float) -> list[SetRecord]:
    """Every set on which the contender (identity digest) has verdicts, by name. A version with voids alone stands
    only where there is no other.
    """
    counts = counts_of_contender(snapshot, contender)
    if not counts:
        return []
    versions: dict[str, list[Row[Any]]] = {}
    for row in snapshot.connection.execute(select(t.sets).order_by(t.sets.c.index.desc())):
        versions.setdefault(row.name, []).append(row)
    return [
        _record(snapshot, rows, counts, confidence)
        for _, rows in sorted(versions.items())
        if any(row.digest in counts for row in rows)
    ]


def _record(
    snapshot: Snapshot, rows: Sequence[Row[Any]], counts: Mapping[str, Counts], confidence: float
) -> SetRecord:
    """`rows`: versions of one set, newest first."""
    tried = [row for row in rows if row.digest in counts]
    row = next((each for each in tried if counts[each.digest].tasks()), tried[0])
    found = counts[row.digest]
    passed, failed, void = found.totals()
    return SetRecord(
        name=row.name,
        version=row.version,
        digest=row.digest,
        newer=rows[0].version if rows[0].digest != row.digest else None,
        checked=row.checked,
        share=Share(passed=passed, failed=failed, void=void),
        measured=_measured(
            tuple(
                (*cell, found.passed[cell], found.failed[cell], cell[0] in found.sealed)
                for cell in sorted(found.passed)
            ),
            _order(snapshot, row, found.contender),
            _kinds(snapshot, row) if found.sealed else (),
            confidence,
        ),
    )


def _order(snapshot: Snapshot, row: Row[Any], contender: str) -> tuple[str, ...]:
    """The random order of tasks of the newest run that could stop when it had seen enough, as its interval needs it."""
    c = t.runs.c
    early = select(c.id).where(c.task_set == row.name, c.digest == row.digest, c.until.is_not(None))
    for run in snapshot.connection.execute(early.order_by(c.index.desc())).scalars():
        started = read_run(snapshot, run)
        if contender in started.contenders:
            return started.tasks
    return ()


def _kinds(snapshot: Snapshot, row: Row[Any]) -> tuple[tuple[str, str], ...]:
    """Task and its kind, a number, as the set's newest record says."""
    index = row._mapping["index"]
    seen = next(iter(snapshot.entries(index, index + 1))).record.body
    assert isinstance(seen, TaskSetSeen)
    return tuple((task, str(kind)) for task, kind in sorted(seen.kinds.items()))


@lru_cache(maxsize=1024)
def _measured(
    cells: tuple[_Cell, ...], order: tuple[str, ...], kinds: tuple[tuple[str, str], ...], confidence: float
) -> Measured:
    """Kept, since intervals take a millisecond or two each and follow from the counts alone."""
    counts = Counts("")
    for task, variant, passed, failed, sealed in cells:
        counts.add((task, variant), passed, failed, 0)
        if sealed:
            counts.sealed.add(task)
    judged = counts.by_task()
    open_ = {task: found for task, found in judged.items() if task not in counts.sealed}
    values = task_values(counts, open_)
    passes, trials = grid(counts, open_)
    points = curve(passes, trials, [k for k in KS if k <= reach(trials)][-1:], confidence)
    return Measured(
        tasks=len(open_),
        sealed=len(judged) - len(open_),
        rate=rate_of(values, order, confidence) if values else None,
        point=points[0] if points else None,
        consistency=consistency_of(passes, trials, confidence),
        gap=gap(counts, dict(kinds), confidence) if kinds else None,
    )
