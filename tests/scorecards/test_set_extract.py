"""The set `extract`: documents are what they say, and right answers in other forms pass."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import jsonschema_rs
import pytest

from fieldmark.scorecards import Solution, Task
from tests.scorecards.shipped import checked, played, shipped

EXTRACT = shipped("extract")


def document(task: Task) -> dict[str, Any]:
    assert EXTRACT.folder
    return tomllib.loads((EXTRACT.folder / "documents" / f"{task.id}.toml").read_text("utf-8"))


def schema(task: Task) -> dict[str, Any]:
    found = re.search(r"^\{$.*?^\}$", task.instruction, re.DOTALL | re.MULTILINE)
    assert found
    made = json.loads(found[0])
    assert isinstance(made, dict)
    return made


async def test_its_own_solutions() -> None:
    report = await checked("extract", oracle_trials=1)
    assert report.tasks == 30
    assert report.kinds[0].wrong > 200


@pytest.mark.parametrize("task", EXTRACT.tasks, ids=lambda task: task.id)
def test_documents_are_whole(task: Task) -> None:
    said = document(task)
    assert 90 <= len(said["text"].split()) <= 260
    assert said["text"].strip() in task.instruction
    expected = json.loads(said["expected"])
    jsonschema_rs.validator_for(schema(task)).validate(expected)
    assert None in expected.values()
    assert len(json.loads(said["wrong"])) >= 4
    for name, patch in json.loads(said["wrong"]).items():
        assert set(patch) <= set(expected), name
        assert any(expected[key] != value for key, value in patch.items()), name
    if "order" in said:
        assert sorted(said["order"]) == list(range(len(said["text"].strip().split("\n\n"))))


def test_schemas_differ() -> None:
    assert len({frozenset(schema(task)["properties"]) for task in EXTRACT.tasks}) == 30


@pytest.mark.parametrize("task", EXTRACT.tasks, ids=lambda task: task.id)
async def test_right_answers_in_other_forms_pass(task: Task) -> None:
    right = json.loads(document(task)["expected"])
    fenced = f"```json\n{json.dumps(right, indent=4)}\n```"
    shouted = json.dumps({k: v.upper() if k in _free_texts(task) else v for k, v in right.items()})
    backwards = json.dumps(dict(reversed(right.items())))
    floats = json.dumps({k: float(v) if type(v) is int else v for k, v in right.items()})
    for answer in (fenced, shouted, backwards, floats):
        assert (await played(task, Solution(answer=answer))).verdict.result == "pass"


def _free_texts(task: Task) -> list[str]:
    properties = schema(task)["properties"]
    right = json.loads(document(task)["expected"])
    return [
        k for k, p in properties.items() if isinstance(right[k], str) and not {"enum", "pattern"} & set(p)
    ]


@pytest.mark.parametrize("task", EXTRACT.tasks, ids=lambda task: task.id)
async def test_one_value_off_fails(task: Task) -> None:
    right = json.loads(document(task)["expected"])
    for name, value in right.items():
        for other in _off(value):
            told = await played(task, Solution(answer=json.dumps(right | {name: other})))
            assert told.verdict.result == "fail", (name, other)
            assert 0 < (told.verdict.score or 0) < 1
        without = {k: v for k, v in right.items() if k != name}
        assert (await played(task, Solution(answer=json.dumps(without)))).verdict.result == "fail"


def _off(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int | float):
        return [value + 1, -value - 1, None, str(value)]
    if isinstance(value, list):
        return [value[:-1], [*value, value[0]]]
    return [f"{value}0"] if isinstance(value, str) else []


async def test_prose_around_the_record_fails() -> None:
    task = EXTRACT.task("recipe")
    right = document(task)["expected"]
    assert (await played(task, Solution(answer=f"Here it is: {right}"))).verdict.result == "fail"
