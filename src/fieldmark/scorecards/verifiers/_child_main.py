"""The child: reads an attempt, calls the function, writes one line to a pipe of its own. Standard library only."""

from __future__ import annotations

import base64
import json
import os
import sys
from runpy import run_path
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Judge once."""
    asked = json.loads(sys.stdin.buffer.read())
    answers = int(sys.argv[1])
    try:
        said = _said(_call(asked))
    except BaseException as error:  # whatever it raises is what is said of it
        said = {"error": f"{type(error).__name__}: {error}"[:300]}
    os.write(answers, json.dumps({**said, "token": asked["token"]}).encode() + b"\n")


def _call(asked: dict[str, Any]) -> Any:
    attempt = asked["attempt"]
    attempt["files"] = {path: base64.b64decode(data) for path, data in attempt["files"].items()}
    attempt["calls"] = [SimpleNamespace(**call) for call in attempt["calls"]]
    attempt["events"] = [SimpleNamespace(**event) for event in attempt["events"]]
    sys.path.insert(0, os.path.dirname(asked["file"]))
    function = run_path(asked["file"])[asked["function"]]
    return function(SimpleNamespace(**attempt))


def _said(found: Any) -> dict[str, Any]:
    """True or false; a score; either with words; or a table or object with `passed`, `score`, `explanation`."""
    words = ""
    if isinstance(found, tuple) and len(found) == 2:
        found, words = found
    if isinstance(found, dict):
        found = SimpleNamespace(**found)
    if isinstance(found, bool):
        return _table(found, float(found), words)
    if isinstance(found, int | float):
        return _table(found >= 1, found, words)
    result = getattr(found, "result", None)  # a Verdict
    if result == "void":
        raise RuntimeError(getattr(found, "explanation", "void"))
    passed = getattr(found, "passed", None if result is None else result == "pass")
    if not isinstance(passed, bool):
        raise TypeError(f"it returned {type(found).__name__}, not true or false")
    score = getattr(found, "score", None)
    return _table(
        passed, float(passed) if score is None else score, getattr(found, "explanation", "") or words
    )


def _table(passed: bool, score: float, words: str) -> dict[str, Any]:
    score = float(score)
    if not 0 <= score <= 1:
        raise ValueError(f"a score of {score:g} is not from 0 to 1")
    return {"passed": passed, "score": score, "explanation": str(words)[:2000]}


if __name__ == "__main__":
    main()
