"""Stopping early: once every contender's pass rate is known as exactly as was asked for, whenever one looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fieldmark.ledger.evidence import RunStarted
from fieldmark.scorecards._plan import Plan
from fieldmark.scorecards._task import Task
from fieldmark.scorecards._trial import TrialKey
from fieldmark.statistics import AnytimeMean

Passed = Mapping[TrialKey, bool]
IsOver = Callable[[TrialKey], bool]


class Precision:
    """A confidence sequence over tasks for each contender.

    The tasks of a run are in random order, and each is taken in only when all before it are done: were those that end
    sooner taken in sooner, the quick ones would count first, which are often the failures.
    """

    def __init__(self, plan: Plan, started: RunStarted) -> None:
        assert started.until is not None
        self.half_width = started.until
        self._plan = plan
        self._means = {digest: AnytimeMean(started.confidence) for digest in started.contenders}
        # The rate is one of open tasks; sealed ones stand in the gap.
        self._tasks = {
            digest: [task for task in plan.tasks(digest) if not task.sealed] for digest in started.contenders
        }
        self._next = dict.fromkeys(started.contenders, 0)
        self._labels = started.labels

    def begin(self, passed: Passed, is_over: IsOver) -> None:
        """Take in what earlier sittings did."""
        for digest in self._means:
            self._advance(digest, passed, is_over)

    def heard(self, key: TrialKey, passed: Passed, is_over: IsOver) -> bool:
        """Take in what a trial added. Whether all intervals are now narrow enough."""
        return self._advance(key.contender, passed, is_over) and self.enough()

    def enough(self) -> bool:
        """Whether every contender's interval is as narrow as was asked for."""
        return all(self._is_narrow(digest) for digest in self._means)

    def said(self) -> str:
        """In words."""
        parts = []
        for digest, mean in self._means.items():
            at = mean.interval()
            parts.append(
                f"{self._labels.get(digest, digest[:8])}: {at.value:.1%} ({at.lower:.1%} to {at.upper:.1%})"
                f" after {self._next[digest]} of {len(self._tasks[digest])} tasks"
            )
        return "; ".join(parts)

    def _is_narrow(self, digest: str) -> bool:
        at = self._means[digest].interval() if self._next[digest] else None
        return at is not None and (at.upper - at.lower) / 2 <= self.half_width

    def _advance(self, digest: str, passed: Passed, is_over: IsOver) -> bool:
        tasks, moved = self._tasks[digest], False
        while self._next[digest] < len(tasks):
            value = self._value(tasks[self._next[digest]], digest, passed, is_over)
            if value is None:
                break
            if value >= 0:
                self._means[digest].add(value)
            self._next[digest] += 1
            moved = True
        return moved

    def _value(self, task: Task, digest: str, passed: Passed, is_over: IsOver) -> float | None:
        """Share of a task's trials that passed; None while some are to come, -1 when all are void."""
        keys = self._plan.of_task(task, digest)
        if not all(is_over(key) for key in keys):
            return None
        counted = [passed[key] for key in keys if key in passed]
        return sum(counted) / len(counted) if counted else -1.0
