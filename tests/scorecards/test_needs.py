"""What a task set needs of the machine: said before a run, and in its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from fieldmark.ledger.evidence import RunStarted
from fieldmark.scorecards import Task, TaskSet
from fieldmark.scorecards._cards import Cards
from fieldmark.scorecards._people import People
from fieldmark.scorecards.verifiers import make
from tests.scorecards.toys import toys

EXACT = {"kind": "exact", "equals": "4"}
CODE = {"kind": "code", "entry": "s.py:f", "of": "answer", "cases": [{"args": [1], "equals": 2}]}
PAGE = {"kind": "browser", "checks": [{"name": "x", "expect": [{"visible": {"css": "p"}}]}]}
Uses = frozenset[Literal["sandbox", "browser"]]


def needing(*checks: Mapping[str, Any], uses: Uses = frozenset()) -> TaskSet:
    """A set of a task that needs nothing, and one that is judged so."""
    one = checks[0] if len(checks) == 1 else {"kind": "all", "checks": checks}
    judged = make(str(one["kind"]), {name: value for name, value in one.items() if name != "kind"}, Path())
    plain = make("exact", {"equals": "x"}, Path())
    return TaskSet("needs", (Task("plain", "Say x.", plain), Task("more", "Do it.", judged, uses=uses)))


@pytest.mark.parametrize(
    ("task_set", "sandbox", "browser"),
    [
        (needing(EXACT), False, False),
        (needing(EXACT, uses=frozenset({"sandbox"})), True, False),
        (needing(EXACT, uses=frozenset({"browser"})), True, True),
        (needing(CODE), True, False),
        (needing(PAGE), False, True),
        (needing(EXACT, CODE), True, False),
        (needing(EXACT, PAGE), False, True),
        (needing(CODE, {"kind": "all", "checks": [EXACT, PAGE]}), True, True),
    ],
)
def test_tasks_and_checks_within_checks_say_what_they_need(
    task_set: TaskSet, sandbox: bool, browser: bool
) -> None:
    assert (task_set.needs_sandbox, task_set.needs_browser) == (sandbox, browser)


async def test_a_set_that_cannot_be_judged_here_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDMARK_CHROMIUM", "/nowhere/chromium")
    sets = {"pages": needing(EXACT, PAGE), "plain": needing(EXACT)}
    async with toys(tmp_path / "field", sets) as now:
        lines = {line.name: line for line in Cards(now.ledger, now.runs.catalogue).lines([])}
        assert "/nowhere/chromium" in lines["pages"].trouble
        assert lines["plain"].trouble == ""


async def test_a_persons_run_says_in_what_its_answers_are_judged(tmp_path: Path) -> None:
    sets = {"code": needing(CODE), "plain": needing(EXACT)}
    async with toys(tmp_path / "field", sets) as now:
        people = People(now.ledger, now.runs.catalogue.get, lambda: now.runs.bench)
        for voter, name in (("p_x", "code"), ("p_y", "plain")):
            assert await people.next(voter, name)
        with now.ledger.read() as snapshot:
            runs = [entry.record.body for entry in snapshot.entries(types=[RunStarted])]
        said = [run.sandbox for run in runs if isinstance(run, RunStarted)]
        assert said == [now.runs.bench.sandbox_kind, "none"]
        await people.close()
