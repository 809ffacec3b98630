"""What a run is going to do: recomputed from its record and its set, so that any process comes to the same."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from fieldmark.errors import InputError
from fieldmark.ledger.evidence import RunStarted
from fieldmark.scorecards._task import Task, TaskSet
from fieldmark.scorecards._trial import TrialKey

ATTEMPTS = 3
"""Attempts of one trial in a run: after so many voids it stays void."""


@dataclass(frozen=True)
class Plan:
    """The trials of a run, in the order in which they are taken: task by task, the tasks in random order."""

    run: str
    started: RunStarted
    task_set: TaskSet
    sealed_to: Collection[str]
    """Identity digests of the contenders that may be given sealed tasks."""

    def tasks(self, contender: str) -> list[Task]:
        """What a contender takes."""
        by_id = {task.id: task for task in self.task_set.tasks}
        found = [by_id[name] for name in self.started.tasks]
        return [task for task in found if not task.sealed or contender in self.sealed_to]

    def of_task(self, task: Task, contender: str) -> list[TrialKey]:
        """Trials of one task by one contender."""
        return [
            TrialKey(self.run, task.id, variant, contender, number)
            for number in range(1, self.started.trials + 1)
            for variant in wordings(task, variants=self.started.variants)
        ]

    def of(self, contender: str) -> Iterator[TrialKey]:
        """Every trial of a contender."""
        for task in self.tasks(contender):
            yield from self.of_task(task, contender)

    def __iter__(self) -> Iterator[TrialKey]:
        """Every trial."""
        for contender in self.started.contenders:
            yield from self.of(contender)


def wordings(task: Task, *, variants: bool) -> list[str]:
    """Ids of the wordings that are tried: the task as it stands, which has the empty id, and its variants."""
    return ["", *(variant.id for variant in task.variants)] if variants else [""]


def pick_tasks(task_set: TaskSet, wanted: Sequence[str] | None, seed: int) -> tuple[str, ...]:
    """Ids of the tasks to be run, in random order by the seed; `wanted` are ids or tags.

    Raises:
        InputError: nothing in the set has such an id or tag; or the set is empty.
    """
    names = [task.id for task in task_set.tasks]
    if wanted:
        known = {*names, *(tag for task in task_set.tasks for tag in task.tags)}
        if unknown := [each for each in wanted if each not in known]:
            raise InputError(
                f"'{task_set.name}' has no task or tag called '{unknown[0]}'",
                hint="tasks: " + ", ".join(names),
            )
        names = [t.id for t in task_set.tasks if t.id in wanted or not set(t.tags).isdisjoint(wanted)]
    if not names:
        raise InputError(f"'{task_set.name}' has no tasks")
    random.Random(seed).shuffle(names)  # noqa: S311 (reproducible on purpose)
    return tuple(names)
