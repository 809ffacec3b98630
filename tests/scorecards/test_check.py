"""What a task set has to pass before anybody takes it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fieldmark.cli import _score_sets
from fieldmark.errors import InputError
from fieldmark.scorecards import (
    Attempt,
    Bench,
    CheckReport,
    Grading,
    Solution,
    Stage,
    Task,
    TaskSet,
    Variant,
    Verdict,
    Verifier,
    check_set,
    load_check,
    save_check,
)
from fieldmark.scorecards.verifiers import make
from tests.house import write_field
from tests.scorecards.stub import Body, Said, step, stub
from tests.scorecards.test_load import SUM, write

RIGHT = make("exact", {"equals": "4"})
MANY = {"many": Solution("3 4 5")}


def one(**parts: object) -> TaskSet:
    given = {"oracle": Solution("4"), "cheats": MANY, "verifier": RIGHT, **parts}
    return TaskSet("s", [Task("t", "2 + 2?", **given)])  # type: ignore[arg-type]


async def report(task_set: TaskSet) -> CheckReport:
    return await check_set(task_set, Bench())


class Flaky(Verifier):
    kind = "flaky"
    digest = "f" * 64

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        return Verdict.of(attempt.answer == "4" and attempt.seed != 1)


class Throws(Verifier):
    kind = "throws"
    digest = "e" * 64

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        raise ZeroDivisionError("on purpose")


async def test_a_sound_set_may_be_used() -> None:
    found = await report(one(variants=[Variant("w", "paraphrase", "two and two?")]))
    assert found.ok
    assert found.attempts == 1 + 1 + 3 + 1
    assert [(k.kind, k.wrong, k.passed) for k in found.kinds] == [("exact", 1, 0)]
    assert any("too few" in note for note in found.notes)


async def test_a_set_is_refused_with_every_reason() -> None:
    async def says(**parts: object) -> str:
        found = await report(one(**parts))
        assert not found.ok
        return found.problem

    assert "it has no oracle" in await says(oracle=None)
    assert "it has no cheat" in await says(cheats={})
    assert "the oracle fails: answer: '5' is not right" in await says(oracle=Solution("5"))
    assert "the cheat 'c' passes" in await says(cheats={"c": Solution(" 4")})
    assert "does nothing (nop) passes" in await says(verifier=make("regex", {"pattern": ".*"}))
    assert "flaky, it passes 2 of 3 times" in await says(verifier=Flaky())
    assert "was void: the verifier failed: ZeroDivisionError: on purpose" in await says(verifier=Throws())

    given = Variant("given", "perturbation", files={"out.txt": b"4"})
    files = make("files", {"equals": {"out.txt": "4"}})
    held = {"uses": ("sandbox",), "artifacts": ("out.txt",), "verifier": files}
    wrote = {"oracle": Solution(files={"out.txt": b"4"}), "cheats": {"c": Solution(files={"out.txt": b"5"})}}
    assert (await report(one(**held, **wrote))).ok
    assert "does nothing (nop) passes on variant given" in await says(**held, **wrote, variants=[given])

    async def breaks(stage: Stage) -> str:
        raise KeyError("no such tool")

    assert "was void: KeyError" in await says(oracle=Solution(play=breaks))


async def test_false_passes_are_counted_once_each() -> None:
    loose = make("regex", {"pattern": "4"})
    wrong = {"a": Solution("14"), "b": Solution("14"), "c": Solution("5")}
    tasks = [
        Task("t", "2 + 2?", loose, oracle=Solution("4"), cheats={"x": Solution("no")}, wrong=wrong),
        Task("u", "Name it.", loose, oracle=Solution("24"), cheats={"x": Solution("no")}),
    ]
    found = await report(TaskSet("s", tasks, cross=True))
    measured = found.kinds[0]
    # t: 14 (said twice), 5, no, and 24 of u; u: no, which the same verifier has judged, and 4 of t
    assert (measured.wrong, measured.passed) == (5, 3)
    assert measured.upper > 3 / 5
    assert sum("let" in note for note in found.notes) == 4
    assert found.ok


async def test_tasks_that_differ_in_names_and_numbers_only_are_named() -> None:
    tasks = [
        Task(i, text, RIGHT, oracle=Solution("4"), cheats=MANY)
        for i, text in (
            ("a", "Ask Ann for 3 eggs."),
            ("b", "Ask Bob for 12 eggs."),
            ("c", "Ask Bob for tea."),
        )
    ]
    found = await report(TaskSet("s", tasks))
    assert [note for note in found.notes if "differs" in note] == [
        "b: its instruction differs from that of a in names and numbers only"
    ]


async def test_of_sealed_tasks_a_report_says_no_word() -> None:
    verifier = make("regex", {"pattern": "tiger"})
    cheats = {"says-it": Solution("a tiger")}
    task = Task("q7", "Which animal?", verifier, oracle=Solution("lion"), cheats=cheats, sealed=True)
    found = await report(TaskSet("s", [task]))
    said = json.dumps(found.as_json())
    assert "q7: the oracle fails: (sealed)" in found.problems
    assert "q7: a cheat solution passes" in found.problems
    assert not any(word in said for word in ("tiger", "lion", "says-it", "animal"))


async def test_reports_are_kept_by_digest(tmp_path: Path) -> None:
    found = await report(one())
    save_check(found, tmp_path)
    assert load_check(found.digest, tmp_path) == found
    assert load_check("0" * 64, tmp_path) is None
    (tmp_path / ".fieldmark/checks" / f"{found.digest}.json").write_text("[]")
    assert load_check(found.digest, tmp_path) is None


APP = typer.Typer()
_score_sets.add_to(APP)


def run(*words: str) -> Result:
    return CliRunner().invoke(APP, list(words), catch_exceptions=True)


def test_a_new_set_passes_its_own_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = run("new", "demo")
    assert made.exit_code == 0
    assert "Now: fieldmark score check ./demo" in made.stdout
    checked = run("check", "./demo")
    assert checked.exit_code == 0, checked.stdout
    assert "number       let 0 of 3 wrong solutions pass" in checked.stdout
    assert "This set may be used." in checked.stdout
    assert "there is already something" in str(run("new", "demo").exception)
    assert isinstance(run("new", "De mo").exception, InputError)


def test_check_refuses_and_keeps_its_report_in_the_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = write_field(tmp_path / "field", "")
    monkeypatch.chdir(field)
    write(field / "scorecards" / "sums", {n: t for n, t in SUM.items() if "oracle" not in n})
    checked = run("check", "sums", "--format", "json")
    assert checked.exit_code == 1
    said = json.loads(checked.stdout)
    assert said["problems"] == ["sum: it has no oracle, so nobody knows whether it can be solved"]
    kept = load_check(said["digest"], field)
    assert kept is not None
    assert not kept.ok
    write(field / "scorecards" / "broken", {"scorecard.toml": "title = 1\n"})
    monkeypatch.setattr("fieldmark.scorecards._load.SHIPPED", tmp_path)
    listed = run("list").stdout
    assert "sums" in listed
    assert "cannot be used: scorecard.toml:1: 'title' is 1" in listed


def test_what_a_run_can_find_is_said_before_it() -> None:
    said = run("power", "tools-basic", "--trials", "8", "--difference", "5").stdout
    assert said.startswith("20 open tasks, 8 trials of each; 95% confidence")
    assert "a difference of 27 points, the same on every task (for 5 points: about 246 tasks)" in said
    assert (
        "a difference of 32 points, varying by 25 points from task to task (for 5 points: about 425 tasks)"
        in said
    )


async def test_a_judge_is_calibrated_from_the_command_line(tmp_path: Path) -> None:
    def says(body: Body) -> Said:
        return step(score=9 if "a good reply" in str(body["messages"]) else 2, reason="so")

    labels = tmp_path / "labels.jsonl"
    lines = [
        {"instruction": "q", "answer": f"a {word} reply", "passes": word == "good"}
        for word in 20 * ("good", "bad")
    ]
    labels.write_text("\n".join(json.dumps(line) for line in lines))
    task = tmp_path / "desk" / "tasks" / "kind-reply"
    task.mkdir(parents=True)
    (tmp_path / "desk" / "scorecard.toml").write_text("")
    (task / "instruction.md").write_text("Reply.")
    async with stub(says) as (url, _):
        (task / "task.toml").write_text(
            '[[checks]]\nkind = "model_judge"\nquestion = "Is it kind?"\n'
            f'contender = {{ kind = "endpoint", url = "{url}", model = "m" }}\n'
        )
        words = "calibrate", str(tmp_path / "desk"), "kind-reply", str(labels)
        done = await asyncio.to_thread(run, *words)
        assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "it counts"), done
        assert done.stdout.startswith("agrees with people in 100% (91% to 100%) of 40, kappa 1.00")
        labels.write_text("\n".join(json.dumps({**line, "passes": True}) for line in lines))
        done = await asyncio.to_thread(run, *words)
        assert done.exit_code == 1
        assert "the judge agrees with people in 50% of cases" in done.stdout
    assert isinstance(run("calibrate", "tools-basic", "convert-weight", str(labels)).exception, InputError)
    assert isinstance(run("calibrate", "clock", "x", str(tmp_path / "none")).exception, InputError)
