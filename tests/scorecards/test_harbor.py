"""Harbor's task folders, read as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.errors import TaskSetError
from fieldmark.sandbox import WORK
from fieldmark.scorecards import Attempt, Bench, check_set, find_sets, judge, load_set, play
from fieldmark.scorecards.agents import Scripted
from tests.scorecards.test_load import write

TEST_SH = """\
#!/bin/bash
source $HOME/.local/bin/env
uvx -p 3.13 -w pytest==8.4.1 -w pytest-json-ctrf==0.3.5 pytest --ctrf /logs/verifier/ctrf.json /tests/test_state.py -rA
if [ $? -eq 0 ]; then
  echo 1 > /logs/verifier/reward.txt
else
  echo 0 > /logs/verifier/reward.txt
fi
"""
HELLO = {
    "instruction.md": 'Write "Hello, world!" to /app/hello.txt.\n',
    "task.toml": (
        'version = "1.0"\n[metadata]\ncategory = "files"\ntags = ["trivial"]\n'
        "[verifier]\ntimeout_sec = 60.0\n[agent]\ntimeout_sec = 90.0\n[environment]\ncpus = 1\n"
    ),
    "environment/Dockerfile": (
        "FROM ubuntu:24.04\nWORKDIR /app\nCOPY data.txt .\nRUN apt-get update && \\\n  apt-get install -y curl\n"
    ),
    "environment/data.txt": "data\n",
    "tests/test.sh": TEST_SH,
    "tests/test_state.py": (
        "from pathlib import Path\n\ndef test_it():\n"
        '    assert Path("/app/hello.txt").read_text().strip() == "Hello, world!"\n'
        '    assert Path("/app/data.txt").exists()\n'
    ),
    "solution/solve.sh": "#!/bin/bash\ncat /solution/word > /app/hello.txt\n",
    "solution/word": "Hello, world!\n",
}


async def test_a_task_is_read_and_its_tests_judge(tmp_path: Path) -> None:
    found = load_set(write(tmp_path / "hello", HELLO))
    task = found.tasks[0]
    assert (task.id, task.instruction) == ("hello", f'Write "Hello, world!" to {WORK}/hello.txt.')
    assert (task.kind, task.tags, task.budget.seconds) == ("files", ("trivial",), 90)
    assert task.files == {"data.txt": b"data\n"}
    assert found.trouble == (
        "hello: its image ubuntu:24.04 is not used: it runs with this machine's programs",
        "hello: its Dockerfile runs `apt-get update && apt-get install -y curl`, which is not done here",
    )
    report = await check_set(found, Bench(), oracle_trials=1)
    assert report.ok, report.problem
    assert [(k.kind, k.wrong, k.passed) for k in report.kinds] == [
        ("harbor", 0, 0)
    ]  # it brings no wrong solution


async def test_partial_rewards_and_missing_ones(tmp_path: Path) -> None:
    tasks = {f"half/{name}": text for name, text in HELLO.items()}
    tasks |= {f"none/{name}": text for name, text in HELLO.items()}
    tasks["half/tests/test.sh"] = "echo '{\"reward\": 0.25}' > /logs/verifier/reward.json\n"
    tasks["none/tests/test.sh"] = "echo trouble >&2\nexit 3\n"
    found = load_set(write(tmp_path / "both", tasks))
    half = await play(found.task("half"), Scripted(None), Bench())
    assert (half.verdict.result, half.verdict.score) == ("fail", 0.25)
    none = await play(found.task("none"), Scripted(None), Bench())
    assert (none.verdict.result, none.verdict.void) == ("void", "verifier")
    assert "it ended with 3: trouble" in none.verdict.explanation


async def test_a_reward_that_the_contender_left_is_none(tmp_path: Path) -> None:
    task = load_set(write(tmp_path / "hello", HELLO)).tasks[0]
    forged = {
        ".harbor/logs/verifier/reward.txt": b"1",
        ".harbor/tests/test.sh": f"echo 1 > {WORK}/.harbor/logs/verifier/reward.txt".encode(),
        ".harbor/tests/conftest.py": b"import os; os._exit(0)",
        "hello.txt": b"Wrong",
        "data.txt": b"data",
    }
    verdict = await judge(task.verifier, Attempt("hello", files=forged), Bench())
    assert (verdict.result, verdict.score) == ("fail", 0)


def test_a_field_may_hold_them(tmp_path: Path) -> None:
    write(tmp_path / "scorecards" / "hello", HELLO)
    assert ("hello", "field") in {(place.name, place.source) for place in find_sets(tmp_path)}
    assert load_set("hello", tmp_path).tasks[0].id == "hello"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(TaskSetError, match="several steps"):
        load_set(write(tmp_path / "steps", {**HELLO, "steps/one/instruction.md": "x"}))
    with pytest.raises(TaskSetError, match=r"broken/task.toml:1: not TOML"):
        load_set(write(tmp_path / "broken", {**HELLO, "task.toml": "x =\n"}))
    far = {
        **HELLO,
        "environment/Dockerfile": "FROM x\nWORKDIR /srv/it\nCOPY data.txt /etc/data\nCOPY none.txt .\n",
    }
    found = load_set(write(tmp_path / "far", far))
    assert [words for words in found.trouble if "cannot be followed" in words] == [
        "far: its Dockerfile's `COPY data.txt /etc/data` cannot be followed",
        "far: its Dockerfile's `COPY none.txt .` cannot be followed",
    ]
