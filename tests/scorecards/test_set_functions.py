"""The set `python-functions`: its cases are right, a hidden one catches each mistake, and short cuts fail.

That oracles and mistakes do as the cases say is tried for all thirty in this process, since they are the set's own;
the whole way through sandbox and verdict only for some. `fieldmark score check python-functions` does it for all.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import Any

import pytest

from fieldmark.sandbox import Bubblewrap
from fieldmark.scorecards.verifiers.bridge.plain import same
from tests.scorecards.shipped import played, shipped

SET = shipped("python-functions")
assert SET.folder
GROUPS = [
    str(SET.folder / f"{name}.py") for name in ("texts", "amounts", "calendars", "structures", "puzzles")
]
MODULES = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None) in GROUPS]
FUNCTIONS = [function for module in MODULES for function in module.FUNCTIONS]
needs_sandbox = pytest.mark.skipif(Bubblewrap.trouble() is not None, reason=str(Bubblewrap.trouble()))


def does(source: str, name: str, case: dict[str, Any], within: float) -> bool:
    """Whether the code does what the case says."""
    given, inside = deepcopy(case["args"]), dict[str, Any]()
    try:
        exec(source, inside)
        result = inside[name](*given)
    except Exception as error:
        return "raises" in case and case["raises"] in [kind.__name__ for kind in type(error).__mro__]
    right = "raises" not in case and same(result, case["equals"], within)
    return right and ("after" not in case or same(given, case["after"]))


def test_there_are_thirty_and_no_two_alike() -> None:
    assert len(SET.tasks) == 30
    assert len({task.title for task in SET.tasks}) == 30
    assert len({function.oracle for function in FUNCTIONS}) == 30
    assert all(len(task.wrong) >= 3 and len(task.cheats) == 5 and task.variants for task in SET.tasks)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_oracle_does_it_and_each_mistake_fails_a_hidden_case(function: Any) -> None:
    within = function.settings.get("absolute", 0.0)
    cases = [*function.shown, *function.hidden]
    assert [case for case in cases if not does(function.source(), function.name, case, within)] == []
    for name in function.mistakes:
        source = function.mistaken(name)
        compile(source, name, "exec")
        assert not all(does(source, function.name, case, within) for case in function.hidden), name


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_what_is_told_shows_no_hidden_case(function: Any) -> None:
    told = SET.task(function.name.replace("_", "-"))
    for text in (told.instruction, told.variants[0].instruction or ""):
        assert function.signature in text
        assert all(call in text for call, _ in function.examples())
    shown = [case["args"] for case in function.shown]
    assert len([case for case in function.hidden if case["args"] not in shown]) >= 5


@needs_sandbox
@pytest.mark.parametrize("name", ["wrap-words", "merge-spans", "calculate"])
async def test_in_the_sandbox_oracles_pass_and_all_else_fails(name: str) -> None:
    task = SET.task(name)
    for variant in ("", "stub"):
        assert (await played(task, task.oracle, variant=variant)).verdict.result == "pass"
    assert (await played(task, None)).verdict.result == "fail"
    for what, solution in {**task.cheats, **dict(list(task.wrong.items())[:1])}.items():
        assert (await played(task, solution)).verdict.result == "fail", what


@needs_sandbox
async def test_code_that_leaves_while_it_is_asked_fails_and_is_no_void() -> None:
    task = SET.task("page-ranges")
    assert task.oracle
    leaving = "import os, threading\n\n\nthreading.Timer(0.02, os._exit, [0]).start()\n"
    slow = "    import time\n    time.sleep(0.01)\n    return '4'\n"
    answer = f"```python\n{leaving}\n\ndef page_ranges(pages):\n{slow}```"
    verdict = (await played(task, type(task.oracle)(answer=answer))).verdict
    assert verdict.result == "fail"
