"""Counts of one version of a set, as the numbers need them: passes and trials per task and wording."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Integer, cast, func, select

from fieldmark.ledger import Snapshot
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._projection import RANKS
from fieldmark.statistics import bucket

Cell = tuple[str, str]
"""Task and wording."""


class Course(NamedTuple):
    """The trials of one task and wording in one run, numbered from 1 without a gap."""

    task: str
    passed: int
    numbers: int
    """Sum of the numbers of those that passed."""
    trials: int


@dataclass
class Counts:
    """What one contender did on one version of a set."""

    contender: str
    passed: dict[Cell, int] = field(default_factory=dict)
    failed: dict[Cell, int] = field(default_factory=dict)
    void: dict[Cell, int] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)
    """Tasks that are."""
    ms: int = 0
    """Of passes and fails of open tasks, as all that follows but for `cost` and `times`."""
    cost: float = 0.0
    """Of their voids too, where it is known."""
    priced: int = 0
    tokens: int = 0
    metered: int = 0
    times: dict[int, int] = field(default_factory=dict)
    """Histogram of milliseconds, of sealed tasks too."""
    courses: Callable[[], Sequence[Course]] = tuple
    """Looked up when asked for, while the snapshot lasts: it takes far longer than all else here."""

    def add(self, cell: Cell, passed: int, failed: int, void: int) -> None:
        """Count so many."""
        for counts, n in ((self.passed, passed), (self.failed, failed), (self.void, void)):
            counts[cell] = counts.get(cell, 0) + n

    def trials(self, cell: Cell) -> int:
        """Passes and fails."""
        return self.passed.get(cell, 0) + self.failed.get(cell, 0)

    def tasks(self) -> list[str]:
        """Tasks with at least one pass or fail, sorted."""
        return list(self.by_task())

    def by_task(self) -> dict[str, list[Cell]]:
        """Tasks, sorted, and their wordings with at least one pass or fail."""
        found: dict[str, list[Cell]] = {}
        for cell in sorted(self.passed):
            if self.trials(cell):
                found.setdefault(cell[0], []).append(cell)
        return found

    def totals(self) -> tuple[int, int, int]:
        """Passes, fails, voids."""
        return sum(self.passed.values()), sum(self.failed.values()), sum(self.void.values())


def counts_of_set(snapshot: Snapshot, digest: str) -> dict[str, Counts]:
    """Every contender's counts on a version of a set, all runs together."""
    found: dict[str, Counts] = {}
    c = t.counts.c
    cells = select(c.contender, c.task, c.variant, c.passed, c.failed, c.void, c.sealed).where(
        c.digest == digest
    )
    for contender, task, variant, passed, failed, void, sealed in snapshot.connection.execute(cells):
        counts = found.get(contender) or found.setdefault(contender, Counts(contender))
        cell = task, variant
        counts.passed[cell], counts.failed[cell], counts.void[cell] = passed, failed, void
        if sealed:
            counts.sealed.add(task)
    names = ("ms", "priced", "tokens", "metered")
    sums = select(c.contender, func.sum(c.cost), *(func.sum(c[name]) for name in names))
    open_ = sums.where(c.digest == digest, c.sealed.is_(False)).group_by(c.contender)
    for contender, cost, *others in snapshot.connection.execute(open_):
        counts = found[contender]
        counts.cost = float(cost)
        counts.ms, counts.priced, counts.tokens, counts.metered = map(int, others)
    runs = select(t.runs.c.id).where(t.runs.c.digest == digest)
    for contender, counts in found.items():
        if any(counts.void.values()):
            counts.cost += _lost(snapshot, digest, contender)
        counts.courses = partial(_courses, snapshot, runs, contender)
    for row in snapshot.connection.execute(select(t.times).where(t.times.c.digest == digest)):
        if row.contender in found:
            found[row.contender].times[row.bucket] = row.n
    return found


def counts_of_contender(snapshot: Snapshot, contender: str) -> dict[str, Counts]:
    """Digest of every version of a set that the contender was judged on, to its cells there; no times and costs."""
    found: dict[str, Counts] = {}
    c = t.counts.c
    versions = select(t.sets.c.digest)  # by these the primary key finds them
    query = select(c.digest, c.task, c.variant, c.passed, c.failed, c.void, c.sealed).where(
        c.digest.in_(versions), c.contender == contender
    )
    for digest, task, variant, passed, failed, void, sealed in snapshot.connection.execute(query):
        counts = found.get(digest) or found.setdefault(digest, Counts(contender))
        counts.add((task, variant), passed, failed, void)
        if sealed:
            counts.sealed.add(task)
    return found


def counts_of_run(snapshot: Snapshot, run: str) -> dict[str, Counts]:
    """The same of one run alone."""
    found: dict[str, Counts] = {}
    c = t.trials.c
    counted = select(t.counted.c.id).where(t.counted.c.run == run)
    names = (c.contender, c.task, c.variant, c.sealed, c.result, c.ms, c.cost, c.tokens)
    ours = (c.result == "void") | c.id.in_(counted)
    for row in snapshot.connection.execute(select(*names).where(c.run == run, ours)):
        counts = found.setdefault(row.contender, Counts(row.contender))
        how = [int(row.result == each) for each in ("pass", "fail", "void")]
        counts.add((row.task, row.variant), *how)
        judged = row.result != "void"
        if judged:
            counts.times[bucket(row.ms)] = counts.times.get(bucket(row.ms), 0) + 1
        if row.sealed:
            counts.sealed.add(row.task)
            continue
        if row.cost is not None:
            counts.cost, counts.priced = counts.cost + row.cost, counts.priced + judged
        if not judged:
            continue
        counts.ms += row.ms
        if row.tokens is not None:
            counts.tokens, counts.metered = counts.tokens + row.tokens, counts.metered + 1
    for contender, counts in found.items():
        counts.courses = partial(_courses, snapshot, [run], contender)
    return found


def _lost(snapshot: Snapshot, digest: str, contender: str) -> float:
    """What the voids of open tasks cost."""
    c = t.trials.c
    voids = (c.digest == digest) & (c.contender == contender) & (c.rank == RANKS["void"])
    total = select(func.coalesce(func.sum(c.cost), 0.0)).where(voids, c.sealed.is_(False))
    return float(snapshot.connection.execute(total).scalar_one())


def _courses(snapshot: Snapshot, runs: Any, contender: str) -> list[Course]:
    """`runs`: their ids, or the query for them."""
    c = t.counted.c
    passed = cast(c.passed, Integer)
    sums = select(c.task, func.sum(passed), func.sum(c.trial * passed), func.count())
    whole = (
        sums.where(c.run.in_(runs), c.contender == contender)
        .group_by(c.run, c.task, c.variant)
        .having(func.max(c.trial) == func.count())
    )
    return [Course(task, *map(int, each)) for task, *each in snapshot.connection.execute(whole)]


def names_on(snapshot: Snapshot, digest: str) -> dict[str, str]:
    """Contender digest to name, of those with trials on a version of a set."""
    c = t.counts.c
    mine = select(c.contender).where(c.digest == digest).distinct()
    known = t.contenders.c
    rows = snapshot.connection.execute(select(known.digest, known.name).where(known.digest.in_(mine)))
    return {row.digest: row.name for row in rows}


def names_of(snapshot: Snapshot, digests: Collection[str]) -> dict[str, tuple[str, str]]:
    """Contender digest to name and kind, as the newest run says."""
    c = t.contenders.c
    rows = snapshot.connection.execute(select(c.digest, c.name, c.kind).where(c.digest.in_(sorted(digests))))
    return {row.digest: (row.name, row.kind) for row in rows}
