"""The set `repository-bugs`: the old tests pass before and after, the hidden ones after, and short cuts fail.

Each attempt has five sandboxes and two runs of pytest, so only oracle and nop of every repository, and everything of
one of them, are played here. `fieldmark score check repository-bugs` plays all.
"""

from __future__ import annotations

import ast
import asyncio
from pathlib import PurePath

import pytest

from fieldmark.sandbox import Bubblewrap
from fieldmark.scorecards import Task
from tests.scorecards.shipped import played, shipped

SET = shipped("repository-bugs")
needs_sandbox = pytest.mark.skipif(Bubblewrap.trouble() is not None, reason=str(Bubblewrap.trouble()))


def test_there_are_ten_of_several_files() -> None:
    assert len(SET.tasks) == 10
    assert sum(len(task.wrong) for task in SET.tasks) >= 20
    for task in SET.tasks:
        code = [path for path in task.files if path.endswith(".py") and not path.startswith("tests/")]
        assert len(code) >= 3, task.id
        assert any(path.startswith("tests/test_") for path in task.files), task.id
        assert len(task.wrong) >= 2, task.id
        assert len(task.cheats) == 4, task.id


@pytest.mark.parametrize("task", SET.tasks, ids=lambda task: task.id)
def test_every_change_is_one_of_code_that_can_be_read(task: Task) -> None:
    assert task.oracle
    for solution in (task.oracle, *task.wrong.values(), *task.cheats.values()):
        for path, content in solution.files.items():
            ast.parse(content, path)
            assert content != task.files.get(path)
    assert all(PurePath(path).parts[0] != "tests" for path in task.oracle.files)


@pytest.mark.parametrize("task", SET.tasks, ids=lambda task: task.id)
def test_hidden_tests_are_not_given(task: Task) -> None:
    assert all("hidden" not in path for path in task.files)
    told = task.instruction + "".join(variant.instruction or "" for variant in task.variants)
    assert "hidden" not in told


@needs_sandbox
@pytest.mark.parametrize("task", SET.tasks, ids=lambda task: task.id)
async def test_the_oracle_passes_and_doing_nothing_fails(task: Task) -> None:
    right, nothing = await asyncio.gather(played(task, task.oracle), played(task, None))
    assert right.verdict.result == "pass", right.verdict.explanation
    assert nothing.verdict.result == "fail"
    assert "old tests" in nothing.verdict.explanation
    assert 0 < (nothing.verdict.score or 0) < 1


@needs_sandbox
async def test_cheats_and_wrong_fixes_fail() -> None:
    task = SET.task("till")
    for name, solution in {**task.cheats, **task.wrong}.items():
        verdict = (await played(task, solution)).verdict
        assert verdict.result == "fail", (name, verdict)
