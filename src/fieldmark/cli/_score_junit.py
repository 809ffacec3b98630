"""JUnit XML of a run, as CI systems read it: one test case for each task and contender. A trial that stays void is an
error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from fieldmark.errors import InputError

if TYPE_CHECKING:
    from fieldmark.scorecards import Cards
    from fieldmark.scorecards.views import ContenderScore, RunView, TrialLine

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(path: Path, cards: Cards, view: RunView, scores: Sequence[ContenderScore]) -> None:
    """Write it. Raises InputError when the file cannot be written."""
    from fieldmark.scorecards import Filter

    root = Element("testsuites", name="fieldmark score")
    by_contender: dict[str, dict[str, list[TrialLine]]] = {}
    for line in cards.every_trial(view.scorecard, Filter(run=view.id)):
        by_contender.setdefault(line.contender, {}).setdefault(line.task, []).append(line)
    for score in scores:
        _suite(root, view, score, by_contender.get(score.digest, {}))
    indent(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def _suite(root: Element, view: RunView, score: ContenderScore, tasks: dict[str, list[TrialLine]]) -> None:
    cases = [(task, _counted(lines), lines) for task, lines in sorted(tasks.items())]
    failures = sum(any(line.result == "fail" for line in counted) for _, counted, _ in cases)
    errors = sum(bool(_lost(lines)) for _, _, lines in cases)
    seconds = sum(line.ms for lines in tasks.values() for line in lines) / 1000
    suite = SubElement(
        root,
        "testsuite",
        name=_xml(f"{view.scorecard}: {score.name}"),
        tests=str(len(cases)),
        failures=str(failures),
        errors=str(errors),
        skipped="0",
        time=f"{seconds:.3f}",
        timestamp=view.at,
    )
    told = {"run": view.id, "task set digest": view.digest, "contender digest": score.digest}
    if score.rate is not None:
        told |= {
            "pass rate": f"{score.rate.value:.4f}",
            "low": f"{score.rate.low:.4f}",
            "high": f"{score.rate.high:.4f}",
        }
    properties = SubElement(suite, "properties")
    for name, value in told.items():
        SubElement(properties, "property", name=name, value=_xml(value))
    for task, counted, lines in cases:
        _case(suite, f"{view.scorecard}.{score.name}", task, counted, lines)


def _lost(lines: Sequence[TrialLine]) -> list[TrialLine]:
    """Attempts of trials that stay void."""
    judged = {(line.variant, line.trial) for line in _counted(lines)}
    return [line for line in lines if line.result == "void" and (line.variant, line.trial) not in judged]


def _counted(lines: Sequence[TrialLine]) -> list[TrialLine]:
    return [line for line in lines if line.result in {"pass", "fail"}]


def _case(
    suite: Element, classname: str, task: str, counted: Sequence[TrialLine], lines: Sequence[TrialLine]
) -> None:
    seconds = sum(line.ms for line in lines) / 1000
    case = SubElement(suite, "testcase", classname=_xml(classname), name=_xml(task), time=f"{seconds:.3f}")
    failed = [line for line in counted if line.result == "fail"]
    lost = _lost(lines)
    again = [line for line in lines if line.result == "void" and line not in lost]
    if failed:
        passed = len(counted) - len(failed)
        found = SubElement(case, "failure", message=f"{passed} of {len(counted)} trials passed")
        found.text = _told(failed)
    if lost:
        reasons = ", ".join(sorted({line.void or "other" for line in lost}))
        what = "some trials stay void" if counted else "no verdict: void"
        SubElement(case, "error", message=_xml(f"{what} ({reasons})")).text = _told(lost)
    if again:
        SubElement(
            case, "system-out"
        ).text = f"{len(again)} attempts were void and were tried again\n{_told(again)}"


def _told(lines: Sequence[TrialLine]) -> str:
    return _xml(
        "\n".join(
            f"trial {line.trial}{f' ({line.variant})' if line.variant else ''}, record {line.id}: "
            f"{line.explanation or line.ended}"
            for line in lines
        )
    )


def _xml(text: str) -> str:
    """What XML 1.0 can say, the rest as pytest writes it (#x1B)."""
    return _NOT_XML.sub(lambda found: f"#x{ord(found[0]):02X}", text)
