"""`fieldmark score`, through the command itself, on a set that somebody wrote into a folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest
from typer.testing import CliRunner, Result

from fieldmark.cli import _score_junit, _score_run, _score_show, score
from fieldmark.errors import InputError, NotFound
from fieldmark.scorecards.views import ContenderScore, Estimate, RunView, Share
from tests.house import write_field

TASKS = """
import asyncio
from pathlib import Path
from fieldmark.scorecards import Budget, Solution, Task, Tool, Variant
from fieldmark.scorecards.verifiers import make

async def slowly(stage):
    await asyncio.sleep(SECONDS)
    return stage.scene.task.id.removeprefix("say-")

def tasks() -> list[Task]:
    return [
        Task(
            f"say-{word}", f"Say {word}.", make("exact", {"equals": word}, Path(__file__).parent), title=f"Say {word}",
            tags=("short",) if len(word) < 4 else (),
            variants=(Variant("polite", "paraphrase", f"Please say {word}."),),
            oracle=Solution(play=slowly), cheats={"echo": Solution(answer=f"Say {word}.")},
            wrong={"<b>\\x1b": Solution(answer="<script>alert(1)</script>\\x1b[31m \\u2028")},
        )
        for word in ("red", "green", "blue", "white", "black", "grey", "pink", "brown")
    ]
"""


def fieldmark(*arguments: object) -> Result:
    return CliRunner().invoke(score.group, [str(each) for each in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = write_field(tmp_path / "field", "")
    write_set(folder, 0.0)
    return folder


def write_set(folder: Path, seconds: float) -> None:
    made = folder / "scorecards" / "colours"
    made.mkdir(parents=True, exist_ok=True)
    (made / "scorecard.toml").write_text(
        'name = "colours"\ntitle = "Colours"\nversion = "2"\nlicence = "CC0"\n'
    )
    (made / "tasks.py").write_text(TASKS.replace("SECONDS", str(seconds)))


def test_a_run_its_numbers_and_everything_that_reads_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fieldmark.scorecards._cards.MOST", 40)  # so that there are several pages
    junit = tmp_path / "out" / "junit.xml"
    ran = fieldmark(
        "run",
        "colours",
        "oracle",
        "seeded:0.5,seed=2",
        "--trials",
        3,
        "--seed",
        5,
        "--field",
        folder,
        "--junit",
        junit,
    )
    assert ran.exit_code == 0, ran.output
    assert "complete, 96 of 96 trials" in ran.stdout
    assert "100.0%" in ran.stdout
    assert "about 11 more tasks; more trials of these alone would not do" in " ".join(ran.stdout.split())
    suites = parse(junit).getroot().findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["colours: oracle", "colours: seeded:0.5,seed=2"]
    assert (suites[0].get("tests"), suites[0].get("failures")) == ("8", "0")
    assert int(suites[1].get("failures", "0")) == len(suites[1].findall("testcase/failure")) > 0
    text = suites[1].findall("testcase/failure")[0].text or ""
    assert "trial " in text
    assert "\x1b" not in text

    shown = json.loads(fieldmark("show", "colours", "--field", folder, "--format", "json").stdout)
    assert shown["checked"] == "passed"
    assert shown["line"]["scores"][0]["name"] == "oracle"
    assert shown["verifiers"][0]["passed"] == 0
    told = fieldmark("show", "colours", "--field", folder).stdout
    assert "checked: oracle passes, nop and cheats fail" in told
    compared = fieldmark("compare", "colours", "oracle", "seeded", "--field", folder)
    assert isinstance(compared.exception, NotFound)
    compared = fieldmark("compare", "colours", "oracle", "seeded:0.5,seed=2", "--field", folder)
    assert "oracle" in compared.stdout.splitlines()[0]
    (run,) = json.loads(fieldmark("runs", "--field", folder, "--format", "json").stdout)
    assert (run["ended"], run["done"]) == ("complete", 96)
    for columns in ("30", "80", "200"):  # however narrow: no id and no name is cut off
        monkeypatch.setenv("COLUMNS", columns)
        assert run["id"] in fieldmark("runs", "--field", folder).stdout
        narrow = fieldmark("show", "colours", "--field", folder).stdout
        assert "seeded:0.5,seed=2" in narrow
        assert "…" not in narrow
    (named,) = re.findall(r"^  (\S+)  .*, trial 1: fail$", narrow, re.MULTILINE)[:1]
    assert "fail" in fieldmark("trial", named, "--field", folder).stdout

    out = tmp_path / "colours.zip"
    assert fieldmark("bundle", "colours", out, "--field", folder).stdout.endswith("96 trials\n")
    with zipfile.ZipFile(out) as bundle:
        assert sorted(bundle.namelist()) == ["colours/data.js", "colours/index.html", "colours/trials/0.js"]
        script = bundle.read("colours/trials/0.js").decode()
        assert "<" not in script
        assert "\u2028" not in script
        data = bundle.read("colours/data.js").decode()
        trials = json.loads(data.removeprefix("window.FIELDMARK = ").removesuffix(";\n"))["trials"]
    assert len({each["id"] for each in trials}) == 96
    failed = next(each["id"] for each in trials if each["result"] == "fail")
    one = fieldmark("trial", failed, "--field", folder)
    assert "fail" in one.stdout.splitlines()[0]
    assert "\x1b" not in one.stdout
    assert isinstance(fieldmark("trial", "nothing", "--field", folder).exception, NotFound)


def test_the_lower_bound_decides_in_ci(folder: Path) -> None:
    common = ("--trials", 1, "--no-variants", "--unchecked", "--field", folder)
    passed = fieldmark("run", "colours", "oracle", *common, "--fail-under", 0.5)
    assert passed.exit_code == 0, passed.output
    assert "interval 63." in passed.stderr
    failed = fieldmark(
        "run", "colours", "oracle", *common, "--fail-under", 0.9
    )  # all pass, but eight tasks say little
    assert failed.exit_code == 1
    assert "its lower bound is under 90.0%" in failed.stderr
    assert "8 tasks show at most 63.1%, even when every trial passes" in failed.stderr
    assert "at most" not in passed.stderr
    assert fieldmark("run", "colours", "oracle", "nop", *common, "--fail-under", 0.5).exit_code == 1


def write_broken(folder: Path, *fine: str, broken: bool = True) -> None:
    """A set with a task whose verifier breaks, beside those that are fine."""
    for name, code in (*((each, "True") for each in fine), *[("broken", "1 / 0")] * broken):
        task = folder / "scorecards" / "two" / "tasks" / name
        (task / "oracle").mkdir(parents=True)
        (task / "oracle" / "answer.md").write_text("yes")
        (task / "task.toml").write_text(f'title = "{name}"\n')
        (task / "instruction.md").write_text(f"Say yes, {name}.")
        (task / "verifier.py").write_text(f"def verify(attempt):\n    return {code}\n")
    (folder / "scorecards" / "two" / "scorecard.toml").write_text('title = "Two"\n')


def test_a_task_that_is_only_void_does_not_pass_ci(tmp_path: Path) -> None:
    """What cannot be judged is not in the rate, so the rate alone would let it through."""
    folder = write_field(tmp_path / "field", "")
    write_broken(folder, "fine")
    common = ("two", "oracle", "--trials", 1, "--unchecked", "--field", folder, "--fail-under", 0.01)
    assert fieldmark("run", *common, "--tasks", "fine").exit_code == 0
    failed = fieldmark("run", *common)
    assert failed.exit_code == 1, failed.output
    assert "not under 1.0%" in failed.stderr
    assert "1 task has no verdict" in failed.stderr


def test_a_run_that_is_precise_early_is_held_to_the_same(tmp_path: Path) -> None:
    """By this seed the broken task is the first."""
    folder = write_field(tmp_path / "field", "")
    write_broken(folder, *(f"fine-{n}" for n in range(9)))
    gate = ("--trials", 1, "--unchecked", "--seed", 18, "--until", "+-45%", "--fail-under", 0.01)
    failed = fieldmark("run", "two", "oracle", *gate, "--field", folder)
    assert "precise" in failed.stdout
    assert "not under 1.0%" in failed.stderr
    assert "1 task has no verdict" in failed.stderr
    assert failed.exit_code == 1, failed.output


def test_a_set_that_fails_its_own_checks_is_not_run(folder: Path) -> None:
    tasks = folder / "scorecards" / "colours" / "tasks.py"
    tasks.write_text(
        tasks.read_text().replace(
            'cheats={"echo": Solution(answer=f"Say {word}.")}', 'cheats={"it": Solution(answer=word)}'
        )
    )
    ran = fieldmark("run", "colours", "oracle", "--trials", 1, "--field", folder)
    assert ran.exit_code == 1
    assert "the cheat 'it' passes" in ran.stdout.replace("\n", " ")
    assert "0 of 16 trials" in ran.stdout
    card = json.loads(fieldmark("show", "colours", "--field", folder, "--format", "json").stdout)
    assert (card["checked"], card["verifiers"][0]["passed"]) == ("failed", 8)
    assert (
        fieldmark("run", "colours", "oracle", "--trials", 1, "--field", folder, "--unchecked").exit_code == 0
    )
    assert "its own checks FAIL" in fieldmark("show", "colours", "--field", folder).stdout


def test_how_trials_of_one_task_go_together_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    share = Share(passed=6, failed=2, void=0)
    plain = ContenderScore(digest="d", name="alder", kind="model", share=share, tasks=4, rate=None)
    _score_show.scores([plain], 0.95)
    assert "agreement" not in capsys.readouterr().out
    alike = Estimate(value=0.3, low=0.05, high=0.6, n=4)
    worse = Estimate(value=-0.12, low=-0.3, high=0.06, n=4)
    _score_show.scores([plain.model_copy(update={"correlation": alike, "change": worse})], 0.95)
    told = " ".join(capsys.readouterr().out.split())
    assert "alder: agreement of one task's trials beyond chance 0.30 (0.05 to 0.60)" in told
    assert "alder: pass rate from the first to the last trial -12 points (-30 to +6)" in told


def test_what_cannot_be_run_is_said(folder: Path) -> None:
    def refused(*arguments: object) -> object:
        return fieldmark("run", *arguments, "--field", folder).exception

    assert isinstance(refused(), InputError)
    assert isinstance(refused("colours"), InputError)
    assert isinstance(refused("colors", "oracle"), NotFound)
    assert isinstance(refused("colours", "alder"), NotFound)
    assert isinstance(refused("colours", "people"), InputError)
    assert isinstance(refused("colours", "seeded:2"), InputError)
    assert isinstance(refused("colours", "oracle", "--tasks", "say-mauve"), InputError)
    assert isinstance(refused("colours", "oracle", "--until", "very"), InputError)
    assert isinstance(refused("--continue", "nothing"), NotFound)
    assert (
        fieldmark("run", "colours", "oracle", "--tasks", "short", "--trials", 2, "--field", folder).exit_code
        == 0
    )
    done = json.loads(fieldmark("runs", "--field", folder, "--format", "json").stdout)[0]
    assert done["planned"] == 4
    for more in (
        ("colours", "oracle"),
        ("--trials", 3),
        ("--tasks", "short"),
        ("--no-variants",),
        ("--seed", 9),
        ("--until", "+-5%"),
        ("--calling", "grammar"),
    ):
        assert "with --continue" in str(refused(*more, "--continue", done["id"]))
    assert "cannot be written" in str(
        refused("colours", "oracle", "--junit", folder / "field.toml" / "such.xml")
    )
    unused = folder / "unused.xml"
    assert isinstance(refused("colours", "alder", "--junit", unused), NotFound)
    assert not unused.exists()  # an empty file would be no XML
    assert "of 'colours', not of 'clock'" in str(refused("clock", "--continue", done["id"]))


def test_a_run_that_has_ended_can_still_be_reported(folder: Path, tmp_path: Path) -> None:
    common = ("--trials", 1, "--no-variants", "--unchecked", "--field", folder)
    assert fieldmark("run", "colours", "nop", *common).exit_code == 0
    (run,) = json.loads(fieldmark("runs", "--field", folder, "--format", "json").stdout)
    report = tmp_path / "scores.xml"
    again = ("run", "--continue", run["id"], "--field", folder, "--junit", report)
    assert fieldmark(*again).exit_code == 0
    assert "<failure" in report.read_text()
    gated = fieldmark(*again, "--fail-under", 0.5)
    assert gated.exit_code == 1
    assert "its lower bound is under 50.0%" in gated.stderr
    told = fieldmark(*again[:-2])
    assert (told.exit_code, "complete, 8 of 8 trials" in told.stdout) == (0, True)


def test_scores_are_printed_though_the_file_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("scores.xml cannot be written: No space left on device")

    monkeypatch.setattr(_score_junit, "write", full)
    ran = fieldmark(
        *("run", "colours", "oracle", "--trials", 1, "--no-variants", "--unchecked", "--field", folder),
        *("--fail-under", 0.5, "--junit", folder / "scores.xml"),
    )
    assert ran.exit_code == 1
    assert "complete, 8 of 8 trials" in ran.stdout
    assert "not under 50.0%" in ran.stderr
    assert "No space left" in ran.stderr


def test_what_stays_void_is_no_success(folder: Path, tmp_path: Path) -> None:
    """One trial of one task, beside passes of the same task: each is void three times."""
    kept = folder / "times"
    verifier = folder / "scorecards" / "two" / "tasks" / "fine" / "verifier.py"
    write_broken(folder, "fine", broken=False)
    verifier.write_text(
        "from pathlib import Path\n\n"
        "def verify(attempt):\n"
        f"    kept = Path({str(kept)!r})\n"
        "    times = len(kept.read_text()) if kept.exists() else 0\n"
        "    kept.write_text('x' * (times + 1))\n"
        "    return times >= 4 or 1 / (times == 0)\n"  # the second trial is void, three times
    )
    report = tmp_path / "scores.xml"
    failed = fieldmark(
        *("run", "two", "oracle", "--trials", 3, "--workers", 1, "--unchecked", "--field", folder),
        *("--fail-under", 0.001, "--junit", report),
    )
    assert "complete, 2 of 3 trials, 3 void" in failed.stdout
    assert "oracle: 3 of 5 attempts were void; 1 trial stays void" in failed.stderr
    assert failed.exit_code == 1, failed.output
    suite = parse(report).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "1")
    (error,) = suite.findall("testcase/error")
    assert error.get("message") == "some trials stay void (verifier)"
    assert len((error.text or "").splitlines()) == 3


def test_a_set_in_a_folder_elsewhere_is_continued(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "hues"
    (folder / "scorecards" / "colours").rename(elsewhere)
    (elsewhere / "scorecard.toml").write_text(
        'name = "hues"\ntitle = "Hues"\nversion = "2"\nlicence = "CC0"\n'
    )
    order = _score_run.Order(str(elsewhere), ["oracle"], trials=1, form="json", junit=Path("a b.xml"))
    ran = fieldmark("run", elsewhere, "oracle", "--trials", 1, "--unchecked", "--field", folder)
    assert ran.exit_code == 0, ran.output
    (run,) = json.loads(fieldmark("runs", "--field", folder, "--format", "json").stdout)
    view = RunView(**run)
    said = _score_run._again(view, folder, order)
    assert said == (
        f"fieldmark score run --continue {view.id} {elsewhere} --junit 'a b.xml' --format json --field {folder}"
    )
    told = fieldmark("run", elsewhere, "--continue", view.id, "--field", folder)
    assert (told.exit_code, "complete, 16 of 16" in told.stdout) == (0, True)


def test_an_interrupted_run_says_how_it_goes_on(folder: Path) -> None:
    write_set(folder, 0.05)
    command = [
        sys.executable,
        "-m",
        "fieldmark",
        "score",
        "run",
        "colours",
        "oracle",
        "--trials",
        "40",
        "--unchecked",
    ]
    with subprocess.Popen(
        [*command, "--no-variants", "--fail-under", "0.5", "--field", str(folder)],
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as process:
        assert process.stderr
        assert "of 320 trials" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    line = said.strip().splitlines()[-1].split()
    assert line[:4] == ["fieldmark", "score", "run", "--continue"]
    found = json.loads(fieldmark("runs", "--field", folder, "--format", "json").stdout)[0]
    assert (found["id"], found["state"]) == (line[4], "paused")
    assert line[5:] == ["--unchecked", "--fail-under", "0.5", "--field", str(folder)]
    again = fieldmark("run", "--continue", line[4], "--workers", 64, "--field", folder)
    assert again.exit_code == 0, again.output
    assert "complete, 320 of 320 trials" in again.stdout
