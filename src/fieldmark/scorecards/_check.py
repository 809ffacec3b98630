"""Checks a task set before it may count: oracle passes, nop and cheats fail, and how often wrong solutions pass."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fieldmark.ledger.evidence import VerifierMeasured
from fieldmark.scorecards._digest import canonical
from fieldmark.scorecards._task import Solution, Task, TaskSet, Variant
from fieldmark.scorecards._trial import Bench, play
from fieldmark.scorecards._verdict import Verdict
from fieldmark.scorecards.agents import Scripted
from fieldmark.statistics import clopper_pearson

ENOUGH = 20
"""Distinct wrong solutions without which a verifier's false-pass rate says little."""
CROSSED = 20
"""Other tasks' right answers that one task is tried with, at most."""
CHECKS = Path(".fieldmark") / "checks"
"""Where reports are kept, from a field's folder."""

Role = Literal["oracle", "nop", "cheat", "wrong", "cross"]
Progress = Callable[[int, int, str], None]
"""Told how many of how many attempts are done, and which was the last."""


@dataclass(frozen=True)
class Tried:
    """One scripted attempt of the check."""

    task: str
    role: Role
    name: str
    """Of the cheat, the wrong solution or the other task; of the oracle, the variant's."""
    result: str
    explanation: str
    """Empty for a sealed task."""
    sealed: bool = False


@dataclass(frozen=True)
class KindMeasured:
    """How often one kind of verifier let a wrong solution pass."""

    kind: str
    wrong: int
    """Distinct wrong solutions."""
    passed: int
    """How many it let pass."""
    upper: float
    """95% upper bound of the share (Clopper and Pearson, one-sided), as on the scorecard."""

    @property
    def few(self) -> bool:
        """Whether these are too few to say much."""
        return self.wrong < ENOUGH


@dataclass(frozen=True)
class CheckReport:
    """What came of checking a set."""

    name: str
    digest: str
    tasks: int
    attempts: int
    problems: tuple[str, ...]
    """Why it must not be used; empty when nothing speaks against it."""
    notes: tuple[str, ...]
    """What its author should know."""
    kinds: tuple[KindMeasured, ...]

    @property
    def ok(self) -> bool:
        """Whether runs of it may count."""
        return not self.problems

    @property
    def problem(self) -> str:
        """All problems as one text; empty when there are none."""
        return "; ".join(self.problems)

    @property
    def verifiers(self) -> tuple[VerifierMeasured, ...]:
        """As it stands in the ledger."""
        return tuple(VerifierMeasured(name=k.kind, wrong=k.wrong, passed=k.passed) for k in self.kinds)

    def as_json(self) -> dict[str, Any]:
        """For files and programs."""
        return {**asdict(self), "ok": self.ok}


async def check_set(
    task_set: TaskSet,
    bench: Bench,
    progress: Progress | None = None,
    *,
    workers: int = 2,
    oracle_trials: int = 3,
) -> CheckReport:
    """Play oracle (`oracle_trials` times, and every variant), nop, cheats and wrong solutions of every task."""
    planned = [one for task in task_set.tasks for one in _plan(task, task_set, oracle_trials)]
    turn, done = asyncio.Semaphore(workers), 0

    async def tried(one: _Planned) -> Tried:
        nonlocal done
        async with turn:
            verdict = await one.play(bench)
        done += 1
        if progress:
            progress(done, len(planned), f"{one.task.id}: {one.role} {one.name}".rstrip())
        sealed = one.task.sealed
        words = "(sealed)" if sealed else verdict.explanation
        return Tried(one.task.id, one.role, one.name, verdict.result, words, sealed)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(tried(one)) for one in planned]
    return _report(task_set, [each.result() for each in running])


def save_check(report: CheckReport, field_folder: Path) -> Path:
    """Keep the report beside the field, under the set's digest."""
    path = field_folder / CHECKS / f"{report.digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.as_json(), indent=2) + "\n", "utf-8")
    return path


def load_check(digest: str, field_folder: Path) -> CheckReport | None:
    """What was found of exactly that version of a set; None when it was not checked, or the file is broken."""
    try:
        said = json.loads((field_folder / CHECKS / f"{digest}.json").read_text("utf-8"))
        said.pop("ok")
        kinds = tuple(KindMeasured(**kind) for kind in said.pop("kinds"))
        problems, notes = tuple(said.pop("problems")), tuple(said.pop("notes"))
        return CheckReport(**said, problems=problems, notes=notes, kinds=kinds)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


@dataclass(frozen=True)
class _Planned:
    task: Task
    role: Role
    name: str
    solution: Solution | None
    variant: Variant | None = None
    seed: int = 0

    async def play(self, bench: Bench) -> Verdict:
        try:
            scripted = Scripted(self.solution)
            return (await play(self.task, scripted, bench, variant=self.variant, seed=self.seed)).verdict
        except (
            Exception
        ) as error:  # a script or scene of the set broke: its author wants the words, not a traceback
            return Verdict.nothing("script", f"{type(error).__name__}: {error}"[:300])


def _plan(task: Task, task_set: TaskSet, oracle_trials: int) -> Iterator[_Planned]:
    for variant in (
        None,
        *(each for each in task.variants if each.files),
    ):  # other words leave nothing behind
        where = variant.id if variant else ""
        yield _Planned(task, "nop", where, None, variant)
        for name, solution in task.cheats.items():
            yield _Planned(task, "cheat", name, solution, variant)
    for name, solution in task.wrong.items():
        yield _Planned(task, "wrong", name, solution)
    if task.oracle is None:
        return
    for seed in range(oracle_trials):
        yield _Planned(task, "oracle", "", task.oracle, seed=seed)
    for variant in task.variants:
        yield _Planned(task, "oracle", variant.id, task.oracle, variant)
    if task_set.cross:
        for name, solution in _crossed(task, task_set):
            yield _Planned(task, "cross", name, solution)


def _crossed(task: Task, task_set: TaskSet) -> Iterator[tuple[str, Solution]]:
    """Right answers of the tasks that follow in the set, round its end; those that say the same as one here are out."""
    at = next(i for i, other in enumerate(task_set.tasks) if other is task)
    others = [*task_set.tasks[at + 1 :], *task_set.tasks[:at]]
    known = {_content(s) for s in (task.oracle, *task.cheats.values(), *task.wrong.values()) if s}
    left = CROSSED
    for other in others:
        solution = other.oracle
        if solution is None or solution.play or _content(solution) in known or not left:
            continue
        if solution.files and not task.uses:
            continue
        known.add(_content(solution))
        left -= 1
        yield other.id, solution


def _content(solution: Solution) -> str:
    return hashlib.sha256(canonical(solution)).hexdigest()


def _report(task_set: TaskSet, tried: Sequence[Tried]) -> CheckReport:
    problems = [words for task in task_set.tasks for words in _task_problems(task, task_set, tried)]
    problems += [
        f"{one.task}: {_of(one)} was void: {one.explanation}" for one in tried if one.result == "void"
    ]
    notes = [
        f"{one.task}: the verifier let {_of(one)} pass"
        for one in tried
        if one.role in ("wrong", "cross") and one.result == "pass"
    ]
    kinds = _measured(task_set, tried)
    notes += [
        f"{k.kind}: only {k.wrong} distinct wrong solutions, too few; {ENOUGH} are wanted"
        for k in kinds
        if k.few
    ]
    notes += [*_alike(task_set.tasks), *task_set.trouble]
    return CheckReport(
        name=task_set.name,
        digest=task_set.digest,
        tasks=len(task_set.tasks),
        attempts=len(tried),
        problems=tuple(problems),
        notes=tuple(notes),
        kinds=kinds,
    )


def _task_problems(task: Task, task_set: TaskSet, tried: Sequence[Tried]) -> Iterator[str]:
    mine = [one for one in tried if one.task == task.id]
    if task.oracle is None:
        yield f"{task.id}: it has no oracle, so nobody knows whether it can be solved"
    if not task.cheats and not task_set.trouble:
        yield f"{task.id}: it has no cheat, so nobody knows whether a short cut passes"
    yield from _oracle_problems(task, [one for one in mine if one.role == "oracle"])
    for one in mine:
        if one.role in ("nop", "cheat") and one.result == "pass":
            where = f" on variant {one.name}" if one.role == "nop" and one.name else ""
            yield f"{task.id}: {_of(one)} passes{where}"


def _oracle_problems(task: Task, tried: Sequence[Tried]) -> Iterator[str]:
    plain = [one for one in tried if not one.name]
    failed = [one for one in plain if one.result == "fail"]
    if failed and len(failed) < len(plain):
        passed = len(plain) - len(failed)
        yield f"{task.id}: the oracle is flaky, it passes {passed} of {len(plain)} times: {failed[0].explanation}"
    elif failed:
        yield f"{task.id}: the oracle fails: {failed[0].explanation}"
    for one in tried:
        if one.name and one.result == "fail":
            yield f"{task.id}: the oracle fails variant {one.name}: {one.explanation}"


def _of(one: Tried) -> str:
    words: Mapping[Role, str] = {
        "oracle": "the oracle" + (f" on variant {one.name}" if one.name else ""),
        "nop": "an agent that does nothing (nop)",
        "cheat": f"the cheat '{one.name}'",
        "wrong": f"the wrong solution '{one.name}'",
        "cross": f"the right answer of task '{one.name}'",
    }
    if one.sealed and one.role in ("cheat", "wrong"):
        return f"a {one.role} solution"
    return words[one.role]


def _measured(task_set: TaskSet, tried: Sequence[Tried]) -> tuple[KindMeasured, ...]:
    """Wrong solutions, each once for a verifier with the same settings. Doing nothing is none: it shows little."""
    counts: dict[str, list[int]] = {task.verifier.kind: [0, 0] for task in task_set.tasks}
    seen: set[tuple[str, str]] = set()
    for one in tried:
        task = task_set.task(one.task)
        if one.role in ("oracle", "nop") or one.result == "void":
            continue
        content = (task.verifier.digest, _content(_solution(task, task_set, one)))
        if content not in seen:
            seen.add(content)
            counted = counts[task.verifier.kind]
            counted[0] += 1
            counted[1] += one.result == "pass"
    return tuple(
        KindMeasured(kind, wrong, passed, clopper_pearson(passed, wrong, 0.90).upper if wrong else 1.0)
        for kind, (wrong, passed) in sorted(counts.items())
    )


def _solution(task: Task, task_set: TaskSet, one: Tried) -> Solution:
    if one.role == "cross":
        return task_set.task(one.name).oracle or Solution()
    return task.cheats[one.name] if one.role == "cheat" else task.wrong[one.name]


_NAMES = re.compile(r"\d[\d.,:]*|\b[A-Z][\w-]*|\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`")


def _alike(tasks: Sequence[Task]) -> Iterator[str]:
    """Tasks whose instructions differ in names and numbers only are one task."""
    first: dict[tuple[str, str], str] = {}
    for task in tasks:
        said = " ".join(_NAMES.sub("#", task.instruction).split())
        before = first.setdefault((task.kind, said), task.id)
        if before != task.id:
            yield f"{task.id}: its instruction differs from that of {before} in names and numbers only"
