"""Task sets as files: what is read, and every mistake with its place."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from fieldmark.errors import NotFound, TaskSetError
from fieldmark.scorecards import (
    Bench,
    Solution,
    Stage,
    Task,
    TaskSet,
    find_sets,
    load_set,
    play,
)
from fieldmark.scorecards.agents import Scripted
from fieldmark.scorecards.verifiers import make

SUM = {
    "scorecard.toml": 'title = "Sums"\nlicence = "Apache-2.0"\n[defaults]\nbudget = { steps = 3 }\ncross = true\n',
    "tasks/sum/task.toml": '[[checks]]\nkind = "number"\nequals = 4\n',
    "tasks/sum/instruction.md": "What is 2 + 2?\n",
    "tasks/sum/oracle/answer.md": "4\n",
    "tasks/sum/cheat/many/answer.md": "3 or 4\n",
    "tasks/sum/wrong/five/answer.md": "5\n",
    "tasks/sum/variants/words.md": "Two and two is?\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    """Files of a set."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
    return folder


def mistakes(folder: Path, field: Path | None = None) -> list[str]:
    with pytest.raises(TaskSetError) as caught:
        load_set(folder, field)
    return [str(problem) for problem in caught.value.problems]


async def test_a_set_of_folders_is_read_and_played(tmp_path: Path) -> None:
    found = load_set(write(tmp_path / "sums", SUM))
    assert (found.name, found.title, found.cross, len(found.digest)) == ("sums", "Sums", True, 64)
    task = found.task("sum")
    assert task.budget.steps == 3
    assert [(v.id, v.kind, v.instruction) for v in task.variants] == [
        ("words", "paraphrase", "Two and two is?")
    ]
    assert (await play(task, Scripted(task.oracle), Bench())).verdict.result == "pass"
    assert (await play(task, Scripted(task.cheats["many"]), Bench())).verdict.result == "fail"
    with pytest.raises(NotFound):
        load_set("nothing-of-that-name")


def test_every_part_of_a_folder_is_read(tmp_path: Path) -> None:
    task = load_set(
        write(
            tmp_path / "all",
            {
                "scorecard.toml": 'name = "whole"\n[defaults]\nuses = ["sandbox"]\nartifacts = ["out/**"]\n',
                "tasks/t1/task.toml": (
                    'title = "T"\nkind = "k"\ntags = ["a"]\nsystem = "Be brief."\nchecks_seconds = 9\n'
                    "[budget]\ntokens = 7\ncost = 0.5\n"
                    '[[checks]]\nkind = "exact"\nequals = "x"\n[[checks]]\nkind = "files"\npresent = ["out/a"]\n'
                    '[variants.moved]\nkind = "perturbation"\n'
                ),
                "tasks/t1/instruction.md": "Do it.\n",
                "tasks/t1/files/in/data.csv": "1\n",
                "tasks/t1/hidden/secret.txt": "s",
                "tasks/t1/tools.py": 'def clock(zone: str) -> str:\n    "Time."\n    return zone\nTOOLS = [clock]\n',
                "tasks/t1/variants/moved/files/in/data.csv": "2\n",
                "tasks/t1/oracle/calls.json": '[["clock", {"zone": "UTC"}]]',
                "tasks/t1/oracle/says.json": '["well"]',
                "tasks/t1/oracle/files/out/a": "1",
                "tasks/t1/cheat/c/play.py": 'async def play(stage):\n    return "c"\n',
            },
        )
    ).tasks[0]
    assert task.files == {"in/data.csv": b"1\n"}
    assert (task.uses, task.artifacts) == (frozenset({"sandbox"}), ("out/**",))
    assert (task.budget.tokens, task.budget.cost, task.checks_seconds) == (7, 0.5, 9)
    assert task.oracle == Solution("", ("well",), (("clock", {"zone": "UTC"}),), {"out/a": b"1"})
    assert task.cheats["c"].play is not None
    assert task.variants[0].files == {"in/data.csv": b"2\n"}
    assert task.variants[0].kind == "perturbation"
    assert [tool.name for tool in task.tools] == ["clock"]
    assert task.verifier.kind == "all"
    assert task.system == "Be brief."


def test_python_sets_find_what_is_beside_them_and_changes_are_seen(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "py",
        {
            "scorecard.toml": "",
            "data.py": 'RIGHT = "a"\n',
            "tasks.py": """
                from fieldmark.scorecards import Task
                from fieldmark.scorecards.verifiers import make
                from . import data

                def tasks():
                    return [Task("t", data.RIGHT, make("exact", {"equals": data.RIGHT}))]
            """,
        },
    )
    before = load_set(folder)
    assert before.tasks[0].instruction == "a"
    assert load_set(folder).digest == before.digest
    data = folder / "data.py"
    before_the_edit = data.stat().st_mtime_ns
    data.write_text('RIGHT = "b"\n')
    os.utime(data, ns=(before_the_edit, before_the_edit))  # as when it is edited twice within a second
    after = load_set(folder)
    assert after.tasks[0].instruction == "b"
    assert after.digest != before.digest


def test_the_digest_is_of_what_is_said() -> None:
    def one(answer: str, instruction: str = "i") -> TaskSet:
        return TaskSet(
            "s", [Task("t", instruction, make("exact", {"equals": answer}), oracle=Solution(answer))]
        )

    assert one("a").digest == one("a").digest
    assert len({one("a").digest, one("b").digest, one("a", "j").digest}) == 3


def test_the_digest_is_of_what_functions_hold() -> None:
    def made(number: int) -> Callable[[Stage], Awaitable[str]]:
        async def play(stage: Stage) -> str:
            return str(number)

        return play

    async def says(words: str, stage: Stage) -> str:
        return words

    def one(play: Callable[[Stage], Awaitable[str]]) -> str:
        return TaskSet(
            "s", [Task("t", "i", make("exact", {"equals": "1"}), oracle=Solution(play=play))]
        ).digest

    assert one(made(1)) == one(made(1)) != one(made(2))
    assert one(partial(says, "1")) == one(partial(says, "1")) != one(partial(says, "2"))


def test_caches_and_sealed_tasks_do_not_change_the_digest(tmp_path: Path) -> None:
    folder = write(tmp_path / "sums", SUM)
    before = load_set(folder).digest
    sealed = {name.replace("tasks/sum", "sealed/q7"): text for name, text in SUM.items() if "sum/" in name}
    write(folder, {"tasks/sum/__pycache__/x.pyc": "x", **sealed})
    found = load_set(folder)
    assert found.digest == before
    assert [(task.id, task.sealed) for task in found.tasks] == [("sum", False), ("q7", True)]


def test_sealed_tasks_of_a_field_join_a_set_from_elsewhere(tmp_path: Path) -> None:
    folder, field = write(tmp_path / "sums", SUM), tmp_path / "field"
    write(
        field / "scorecards" / "sums",
        {n.replace("tasks/sum", "sealed/q7"): t for n, t in SUM.items() if "sum/" in n},
    )
    assert [task.id for task in load_set(folder, field).tasks if task.sealed] == ["q7"]
    assert [task.id for task in load_set(folder).tasks] == ["sum"]


def test_a_fields_own_set_is_found_by_name(tmp_path: Path) -> None:
    write(tmp_path / "scorecards" / "sums", SUM)
    places = {place.name: place.source for place in find_sets(tmp_path)}
    assert places["sums"] == "field"
    assert "shipped" in places.values()
    assert load_set("sums", tmp_path).folder == tmp_path / "scorecards" / "sums"


def test_every_mistake_is_listed_with_its_place(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "bad",
        SUM
        | {
            "tasks/sum/task.toml": 'titel = "x"\n\n[[checks]]\nkind = "number"\nequal = 4\nabsolute = "x"\n',
            "tasks/sum/chaet/x/answer.md": "",
            "tasks/sum/cheat/answer.md": "",
            "tasks/sum/wrong/empty/note.txt": "",
            "tasks/no way/instruction.md": "",
            "tasks/other/task.toml": '[[checks]]\nkind = "exakt"\n',
            "tasks/other/instruction.md": " ",
            "tasks/other/oracle/calls.json": '[["x"]]',
            "tasks/third/instruction.md": "x",
            "tasks/third/task.toml": '[variants.gone]\nkind = "paraphrase"\n',
            "tasks/loose.md": "",
        },
    )
    found = mistakes(folder)
    for wanted in (
        "tasks/sum/task.toml:1: unknown key 'titel' (did you mean 'title'?)",
        "tasks/sum/task.toml:3: 'equals' is missing",
        "tasks/sum/task.toml:5: unknown key 'equal' (did you mean 'equals'?)",
        "tasks/sum/task.toml:6: 'absolute' is \"x\" (a number without quotes)",
        "tasks/sum/chaet: nothing of that name belongs to a task",
        "tasks/sum/cheat/answer.md: it stands in no folder of its own (cheat/NAME/answer.md)",
        "tasks/sum/wrong/empty: it says nothing and does nothing",
        "tasks/no way: 'no way' is no id of a task",
        "tasks/other/task.toml:1: no kind of check is called 'exakt' (did you mean 'exact'?)",
        "tasks/other/instruction.md: it is empty",
        "tasks/other/oracle/calls.json: it is no list of calls",
        "tasks/third/task.toml:1: nothing checks the result",
        "tasks/third/task.toml: there is no variant 'gone'",
        "tasks/loose.md: it is no folder of a task",
    ):
        assert any(one.startswith(wanted) for one in found), (wanted, found)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def tasks(:\n", "tasks.py:1: SyntaxError"),
        ("x = 1\n1 / 0\n", "tasks.py:2: ZeroDivisionError: division by zero"),
        ("def tasks():\n    return 1 / 0\n", "tasks.py:2: ZeroDivisionError"),
        ("def tasks():\n    return 5\n", "tasks.py: its function `tasks` returns no list of Task"),
        ("def tasks():\n    return []\n", "scorecard.toml: the set has no tasks"),
        (
            "from fieldmark.scorecards.verifiers import make\n\ndef tasks():\n    make('exact', {})\n",
            "tasks.py:4: SettingsError: 'equals' is missing",
        ),
    ],
)
def test_mistakes_in_python_have_their_line(tmp_path: Path, code: str, said: str) -> None:
    folder = write(tmp_path / "bad", {"scorecard.toml": ""})
    (folder / "tasks.py").write_text(code)
    found = mistakes(folder)
    assert found[0].startswith(said)
    assert len(found) == 1


def test_broken_files_are_mistakes_too(tmp_path: Path) -> None:
    assert mistakes(write(tmp_path / "a", {"x": ""})) == [
        "scorecard.toml: it is missing (`fieldmark score new NAME` makes a set)"
    ]
    assert mistakes(write(tmp_path / "b", {"scorecard.toml": 'name = "A b"\n'}))[0].startswith(
        "scorecard.toml:1"
    )
    assert "not TOML" in mistakes(write(tmp_path / "c", {"scorecard.toml": "name =\n"}))[0]
    folder = write(tmp_path / "d", SUM)
    (folder / "tasks/sum/oracle/answer.md").write_bytes(b"\xff")
    assert "is not UTF-8" in mistakes(folder)[0]
    (folder / "tasks/sum/oracle/answer.md").write_text("4")
    (folder / "tasks/sum/files").mkdir()
    (folder / "tasks/sum/files/passwd").symlink_to("/etc/passwd")
    assert mistakes(folder) == ["tasks/sum/files/passwd: it is no plain file (a file, not a link)"]


def test_two_tasks_with_one_id_are_a_mistake(tmp_path: Path) -> None:
    folder = write(tmp_path / "twice", SUM)
    write(folder, {n.replace("tasks/", "sealed/"): t for n, t in SUM.items() if n.startswith("tasks/")})
    assert mistakes(folder) == ["tasks: 2 tasks have the id 'sum' (an id for each)"]
