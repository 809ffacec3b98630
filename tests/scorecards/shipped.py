"""Shipped task sets, as their tests use them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from fieldmark.scorecards import (
    Bench,
    CheckReport,
    Played,
    Solution,
    Task,
    TaskSet,
    check_set,
    load_set,
    play,
)
from fieldmark.scorecards.agents import Scripted

Calls = Sequence[tuple[str, Mapping[str, Any]]]


@cache
def shipped(name: str) -> TaskSet:
    """The set of that name."""
    return load_set(name)


def part(name: str, module: str) -> ModuleType:
    """A module beside the set's `tasks.py`."""
    maker = shipped(name).tasks[0].scene
    package = (type(shipped(name).tasks[0].verifier) if maker is None else maker).__module__.rsplit(".", 1)[0]
    return sys.modules[f"{package}.{module}"]


async def checked(name: str, oracle_trials: int = 2) -> CheckReport:
    """`fieldmark score check NAME`: the set may be used, and its verifiers let nothing wrong pass."""
    report = await check_set(shipped(name), Bench(), oracle_trials=oracle_trials)
    assert report.ok, report.problem
    assert not report.notes
    assert all(not kind.few and kind.passed == 0 for kind in report.kinds)
    return report


async def played(task: Task, solution: Solution | None, *, variant: str = "", seed: int = 0) -> Played:
    """One attempt by a script."""
    return await play(task, Scripted(solution), Bench(), variant=task.variant(variant), seed=seed)


async def passes(task: Task, *, calls: Calls = (), answer: str = "", says: Sequence[str] = ()) -> bool:
    """Whether that passes."""
    told = await played(task, Solution(answer=answer, calls=calls, says=says))
    assert told.verdict.result != "void", told.verdict.explanation
    return told.verdict.result == "pass"
