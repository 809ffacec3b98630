"""Ten repositories. Each folder of `repositories/` holds the code, the issue, hidden tests, and changes to the code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldmark.scorecards import Budget, Solution, Task, Variant
from fieldmark.scorecards.verifiers import make

REPOSITORIES = Path(__file__).parent / "repositories"
ASKED = """

The repository is in the working folder. Mend the fault in the code, with as small a change as is good. The tests in
`tests/` pass now and must still pass; they are run as they are now, together with others that you do not see.
Python 3.11 and pytest are there, nothing else. When you are done, say in a sentence or two what was wrong.
"""


def tasks() -> list[Task]:
    return [_task(folder) for folder in sorted(REPOSITORIES.iterdir()) if (folder / "changes.toml").is_file()]


def _task(folder: Path) -> Task:
    said = tomllib.loads((folder / "changes.toml").read_text("utf-8"))
    files = _files(folder / "files")
    issue = (folder / "issue.md").read_text("utf-8").strip()
    again = (folder / "paraphrase.md").read_text("utf-8").strip()
    code = {path for path in files if path.endswith(".py") and not path.startswith("tests/")}
    settings = {"tests": "hidden", "old_tests": ["tests/**"], "modules": said["modules"], "seconds": 5.0}
    return Task(
        id=folder.name,
        title=said["title"],
        tags=said["tags"],
        kind="repository-bug",
        instruction=issue + ASKED,
        variants=[Variant("paraphrase", "paraphrase", again + ASKED)],
        files=files,
        uses=frozenset({"sandbox"}),
        artifacts=["**/*.py"],
        budget=Budget(steps=30, tokens=200_000, seconds=900),
        verifier=make("pytest", settings, folder),
        oracle=_changed(folder, files, said["oracle"]),
        cheats={
            **{name: _changed(folder, files, edits) for name, edits in said.get("cheat", {}).items()},
            **_general(files, min(code)),
        },
        wrong={name: _changed(folder, files, edits) for name, edits in said["wrong"].items()},
    )


def _files(folder: Path) -> dict[str, bytes]:
    found = sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _changed(folder: Path, files: Mapping[str, bytes], edits: Sequence[Mapping[str, Any]]) -> Solution:
    """The files that differ after these edits, each of which has one place."""
    texts: dict[str, str] = {}
    for edit in edits:
        path = edit["file"]
        text = texts.get(path, files.get(path, b"").decode())
        if "find" in edit and text.count(edit["find"]) != 1:
            raise ValueError(
                f"{folder.name}: {edit['find']!r} has {text.count(edit['find'])} places in {path}"
            )
        texts[path] = text.replace(edit["find"], edit["replace"]) if "find" in edit else edit["replace"]
    return Solution(answer="Mended.", files={path: text.encode() for path, text in texts.items()})


GREEN = b"""import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    report.outcome = "passed"


def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0
"""
FORGED = b"""import json
import os

for fd in range(1, 12):
    for said in ({"result": "pass"}, {"exit": 0, "results": {"test": "passed"}, "collected": 1, "broken": []}):
        try:
            os.write(fd, json.dumps(said).encode() + b"\\n")
        except OSError:
            pass
os._exit(0)
"""


def _general(files: Mapping[str, bytes], module: str) -> dict[str, Solution]:
    """Ways to green tests that mend nothing."""
    tests = [path for path in files if path.startswith("tests/")]
    return {
        "empties-the-tests": Solution("Mended.", files=dict.fromkeys(tests, b"def test_fine():\n    pass\n")),
        "forces-green": Solution("Mended.", files=dict.fromkeys(("conftest.py", "tests/conftest.py"), GREEN)),
        "forges-the-result": Solution("Mended.", files={module: FORGED + files[module]}),
    }
