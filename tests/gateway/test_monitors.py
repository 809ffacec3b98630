"""The kinds of monitor, alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fieldmark.errors import InputError
from fieldmark.monitors import MONITORS, CaseFacts, Finding


def look(kind: str, settings: dict[str, Any], answer: str, folder: Path = Path(), asked: str = "") -> Finding:
    case = CaseFacts(messages=[{"role": "user", "content": asked}], answer=answer)
    return MONITORS.get(kind)(settings, folder)(case)


def test_the_built_in_kinds_come_by_entry_points() -> None:
    assert MONITORS.names() == ["citation", "forbidden", "json_schema", "python", "verifier"]


@pytest.mark.parametrize(
    ("answer", "passed", "said"),
    [
        ('{"urgent": true}', True, ""),
        ('```json\n{"urgent": true}\n```', True, ""),
        ('{"urgent": "yes"}', False, 'the answer[\'urgent\']: "yes" is not of type "boolean"'),
        ("urgent", False, "the answer is not JSON"),
        ("[" * 100_000, False, "the answer is not JSON"),
    ],
)
def test_json_schema(tmp_path: Path, answer: str, passed: bool, said: str) -> None:
    (tmp_path / "a.json").write_text('{"properties": {"urgent": {"type": "boolean"}}}')
    found = look("json_schema", {"schema": "a.json"}, answer, tmp_path)
    assert found.passed == passed
    assert said in found.explanation


def test_forbidden() -> None:
    settings = {"words": ["guarantee"], "patterns": [r"\d+ ?%"]}
    assert look("forbidden", settings, "We guaranteed nothing.").passed
    found = look("forbidden", settings, "I GUARANTEE 20 % off")
    assert (found.passed, found.explanation) == (False, "it says: GUARANTEE, 20 %")


def test_citation() -> None:
    assert look("citation", {}, "As said [1].").passed
    assert look("citation", {"least": 2}, "As said [1] and [1].").score == 0.5
    settings = {"pattern": r"A-\d+", "in_request": True}
    assert look("citation", settings, "A-17 is late", asked="Where is A-17?").passed
    found = look("citation", settings, "A-17, A-18", asked="Where is A-17?")
    assert (found.passed, found.score, found.explanation) == (False, 0.5, "not in the question: A-18")


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("json_schema", {}, "'schema' is missing"),
        ("json_schema", {"schema": "none.json"}, "cannot be read"),
        ("json_schema", {"schema": "../x.json"}, "no file inside the field's folder"),
        ("forbidden", {}, "nothing is forbidden"),
        ("forbidden", {"patterns": ["("]}, "no regular expression"),
        ("forbidden", {"words": "guarantee"}, "'words' is a list of texts"),
        ("citation", {"least": 0}, "'least' is a whole number"),
        ("citation", {"patern": "x"}, "unknown setting 'patern'"),
        ("python", {"function": "checks.py"}, "'function' is missing"),
        ("python", {"function": "checks.py:no"}, "has no function 'no'"),
        ("python", {"function": "broken.py:f"}, "is no Python"),
    ],
)
def test_what_a_kind_refuses(tmp_path: Path, kind: str, settings: dict[str, Any], said: str) -> None:
    (tmp_path / "checks.py").write_text("raise SystemExit\ndef yes(case): return True\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    with pytest.raises(InputError, match=said):
        MONITORS.get(kind)(settings, tmp_path)
