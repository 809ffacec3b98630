"""The child process: reads cases, one JSON line each, and answers each with one line. Ends when its input does."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from fieldmark.monitors import MONITORS, CaseFacts, Finding, Monitor

_EXPLANATION = 2_000
"""Characters of an explanation that are kept."""


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a monitor prints is no answer
    monitors: dict[str, Monitor] = {}
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        _answer(json.loads(line), monitors, answers)


def _answer(asked: Mapping[str, Any], monitors: dict[str, Monitor], answers: TextIO) -> None:
    try:
        said = _said(_look(asked, monitors))
    except Exception as error:  # whatever a monitor raises is what is recorded of it
        said = {"error": type(error).__name__}
    print(json.dumps(said), file=answers, flush=True)


def _look(asked: Mapping[str, Any], monitors: dict[str, Monitor]) -> Finding:
    version = asked["version"]
    if version not in monitors:
        monitors[version] = MONITORS.get(asked["kind"])(asked["settings"], Path(asked["folder"]))
    return monitors[version](CaseFacts(**asked["facts"]))


def _said(finding: Finding) -> dict[str, Any]:
    score = None if finding.score is None else float(finding.score)
    if score is not None and not math.isfinite(score):
        raise ValueError("a score is a number")
    explanation = str(finding.explanation)[:_EXPLANATION]
    return {"passed": bool(finding.passed), "score": score, "explanation": explanation}


if __name__ == "__main__":
    main()
