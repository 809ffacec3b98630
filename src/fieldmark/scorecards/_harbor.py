"""Harbor's task folders, read as they are: instruction.md, task.toml, environment/, tests/, solution/.

There is no container here: the image, and what a Dockerfile runs, are not had, which the set's `trouble` says. Its
WORKDIR and COPY are followed, and the format's own places (the working folder, /tests, /solution, /logs) lie in the
sandbox's working folder, so every text of the task is read with those paths put in.
Source of the format: harborframework.com/docs/tasks.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fieldmark.errors import Problem, TaskSetError
from fieldmark.fields import Document, Reader
from fieldmark.sandbox import WORK
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._digest import folder_digest, set_files
from fieldmark.scorecards._folder import ID
from fieldmark.scorecards._stage import Stage
from fieldmark.scorecards._task import Budget, Solution, Task, TaskSet
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers import Check
from fieldmark.scorecards.verifiers._base import Settings

HIDDEN = ".harbor"
"""Folder in the sandbox's working folder for the format's own places."""
_HOME = f"{HIDDEN}/home"
_UVX = """#!/bin/sh
# stands in for `uvx ... pytest ARGUMENTS`: there is no network, and pytest is here already
while [ $# -gt 0 ] && [ "$1" != pytest ]; do shift; done
shift
arguments=
for one in "$@"; do
  if [ "$one" = --ctrf ]; then skip=1; continue; fi
  if [ -n "$skip" ]; then skip=; continue; fi
  arguments="$arguments '$one'"
done
eval "exec PYTHON -m pytest -p no:cacheprovider $arguments"
"""
_STEPS = 100
_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""The format's tests bring their plug-ins along; those that happen to be installed here are none of theirs."""


def is_harbor(folder: Path) -> bool:
    """Whether it is one of Harbor's tasks, or a folder of them."""
    return bool(_task_folders(folder))


def harbor_set(folder: Path) -> TaskSet:
    """Its tasks as a set.

    Raises:
        TaskSetError: none of them can be read; lists every place at once.
    """
    problems: list[Problem] = []
    trouble: list[str] = []
    tasks = []
    for place in _task_folders(folder):
        reading = _Reading(Reader(place), place)
        task = reading.task()
        problems += [
            Problem(f"{place.name}/{p.file}", p.line, p.what, p.right) for p in reading.reader.problems
        ]
        trouble += [f"{place.name}: {words}" for words in reading.trouble]
        tasks += [task] if task else []
    if problems or not tasks:
        raise TaskSetError(problems or [Problem(folder.name, None, "; ".join(trouble), "a task of one step")])
    return TaskSet(
        name=_slug(folder.name),
        tasks=tuple(tasks),
        title=folder.name,
        description="Tasks in Harbor's format. Their tests run the contender's files where the reward is written.",
        digest=folder_digest(folder),
        folder=folder,
        trouble=tuple(trouble),
    )


def _task_folders(folder: Path) -> list[Path]:
    if (folder / "instruction.md").is_file() and (folder / "tests").is_dir():
        return [folder]
    inner = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [p for p in inner if (p / "task.toml").is_file() and (p / "instruction.md").is_file()]


@dataclass
class _Paths:
    """The format's places, and where they lie here."""

    workdir: str

    def here(self, text: str) -> str:
        """A text with its paths put in."""
        places = {"/tests": "tests", "/solution": "solution", "/oracle": "solution", "/logs": "logs"}
        for place, inner in places.items():
            text = _replaced(text, place, f"{WORK}/{HIDDEN}/{inner}")
        return _replaced(text, self.workdir, WORK) if self.workdir not in ("/", WORK) else text

    def file(self, content: bytes) -> bytes:
        """The same of a file, if it is a text."""
        try:
            return self.here(content.decode()).encode()
        except UnicodeDecodeError:
            return content


def _replaced(text: str, place: str, by: str) -> str:
    return re.sub(rf"(?<![\w./-]){re.escape(place)}(?![\w-])", by, text)


class _Reading:
    """One task's folder."""

    def __init__(self, reader: Reader, folder: Path) -> None:
        self.reader = reader
        self.folder = folder
        self.trouble: list[str] = []

    def task(self) -> Task | None:
        """The task; None with a problem or trouble noted."""
        missing = Problem("task.toml", None, "it is missing", "Harbor's settings of a task")
        document = self.reader.toml("task.toml", missing)
        untold = Problem("instruction.md", None, "it is missing", "what the contender is told")
        instruction = self.reader.text("instruction.md", untold)
        if document is None or instruction is None:
            return None
        if (self.folder / "steps").is_dir() or document.data.get("steps"):
            self.trouble.append("it has several steps, which are not read")
            return None
        if not (self.folder / "tests" / "test.sh").is_file():
            self.reader.problems.append(
                Problem("tests/test.sh", None, "it is missing", "what writes the reward")
            )
            return None
        return self._made(document, instruction)

    def _made(self, document: Document, instruction: str) -> Task:
        recipe = self._recipe()
        paths = _Paths(str(_at(document, "environment", "workdir") or recipe.workdir))
        verifying = float(_at(document, "verifier", "timeout_sec") or 600)
        settings = {
            "seconds": verifying,
            "workdir": paths.workdir,
            "env": _at(document, "verifier", "env") or {},
        }
        return Task(
            id=_slug(self.folder.name),
            instruction=paths.here(instruction.strip("\n")),
            verifier=HarborTests(settings, self.folder),
            title=str(_at(document, "task", "name") or self.folder.name),
            tags=_texts(_at(document, "metadata", "tags") or _at(document, "task", "keywords")),
            kind=str(_at(document, "metadata", "category") or ""),
            files={path: paths.file(content) for path, content in recipe.files.items()},
            uses=frozenset({"sandbox"}),
            artifacts=("**",),
            budget=Budget(steps=_STEPS, seconds=float(_at(document, "agent", "timeout_sec") or 600)),
            oracle=self._oracle(paths),
            checks_seconds=verifying + 60,
        )

    def _recipe(self) -> _Recipe:
        text = self.reader.text("environment/Dockerfile")
        recipe = _Recipe.read(text or "", self.folder / "environment")
        self.trouble += recipe.trouble
        if (self.folder / "environment" / "docker-compose.yaml").is_file():
            self.trouble.append("it wants several containers (docker-compose.yaml), which are not had")
        return recipe

    def _oracle(self, paths: _Paths) -> Solution | None:
        folder = self.folder / "solution"
        if not (folder / "solve.sh").is_file():
            return None
        files = {p.relative_to(folder).as_posix(): paths.file(p.read_bytes()) for p in set_files(folder)}

        async def solve(stage: Stage) -> str:
            sandbox = stage.scene.sandbox
            assert sandbox is not None
            for path, content in files.items():
                await sandbox.write(f"{HIDDEN}/solution/{path}", content)
            done = await sandbox.exec(["bash", f"{HIDDEN}/solution/solve.sh"])
            stage.note(
                "note", text=f"solve.sh ended with {done.code}: {done.stderr.decode(errors='replace')[-500:]}"
            )
            await sandbox.exec(["rm", "-rf", HIDDEN])
            return "done"

        return Solution(play=solve)


@dataclass
class _Recipe:
    """What of a Dockerfile can be followed without building an image."""

    workdir: str
    files: Mapping[str, bytes]
    trouble: Sequence[str]

    @classmethod
    def read(cls, text: str, context: Path) -> _Recipe:
        """Follow WORKDIR and COPY; say what else it wants."""
        workdir, files, trouble = "/app", dict[str, bytes](), list[str]()
        for word, rest in _orders(text):
            if word == "WORKDIR":
                workdir = rest.rstrip("/") or "/"
            elif word in ("COPY", "ADD"):
                found = _copied(rest, workdir, context)
                files |= found or {}
                trouble += (
                    [] if found is not None else [f"its Dockerfile's `{word} {rest}` cannot be followed"]
                )
            elif word == "RUN":
                trouble.append(f"its Dockerfile runs `{rest[:100]}`, which is not done here")
            elif word == "FROM":
                trouble.append(f"its image {rest} is not used: it runs with this machine's programs")
        return cls(workdir, files, trouble)


def _orders(text: str) -> Iterator[tuple[str, str]]:
    plain = re.sub(r"\\\s*\n", " ", text)
    for line in plain.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word and not word.startswith("#"):
            yield word.upper(), " ".join(rest.split())


def _copied(rest: str, workdir: str, context: Path) -> dict[str, bytes] | None:
    """Files of `COPY SOURCE... TARGET` that land in the working folder; None when they land elsewhere."""
    *sources, target = [part for part in shlex.split(rest) if not part.startswith("--")] or [""]
    inner = target.removeprefix(workdir) if target.startswith("/") else target.removeprefix("./")
    if not sources or (target.startswith("/") and not f"{target}/".startswith(workdir.rstrip("/") + "/")):
        return None
    inner = inner.strip("/").removeprefix(".")
    found: dict[str, bytes] = {}
    for source in sources:
        path = (context / source.lstrip("/")).resolve()
        if not path.exists() or not path.is_relative_to(context.resolve()):
            return None
        if path.is_dir():
            names = {f.relative_to(path).as_posix(): f for f in set_files(path) if f.name != "Dockerfile"}
        else:
            into = target.endswith("/") or not inner or len(sources) > 1
            names = {path.name if into else "": path}
        found |= {f"{inner}/{name}".strip("/"): file.read_bytes() for name, file in names.items()}
    return found


class _TestsSettings(Settings):
    seconds: float = 600
    workdir: str = "/app"
    env: Mapping[str, str] = {}


class HarborTests(Check):
    """`harbor`: tests/test.sh runs beside what the contender left, and writes the reward."""

    kind = "harbor"
    Settings = _TestsSettings
    settings: _TestsSettings
    needs_sandbox: ClassVar[bool] = True

    def decides(self) -> Sequence[Path]:
        """The tests."""
        return set_files(self.folder / "tests")

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        """Put everything into a fresh sandbox, run test.sh, read the reward."""
        paths, folder = _Paths(self.settings.workdir), self.folder / "tests"
        async with grading.sandbox(seconds=self.settings.seconds) as sandbox:
            for path, content in attempt.files.items():
                if path.split("/")[0] != HIDDEN:  # a reward that the contender brings along is none
                    await sandbox.write(path, content)
            for file in set_files(folder):
                inner = file.relative_to(folder).as_posix()
                await sandbox.write(f"{HIDDEN}/tests/{inner}", paths.file(file.read_bytes()))
            await sandbox.write(f"{HIDDEN}/logs/verifier/.keep", b"")
            await sandbox.write(f"{_HOME}/.local/bin/env", b"")
            await sandbox.write(f"{_HOME}/.local/bin/uvx", _UVX.replace("PYTHON", sandbox.python).encode())
            prepare = f'chmod +x {_HOME}/.local/bin/uvx; export HOME="$PWD/{_HOME}"; '
            path_ = f'export PATH="$HOME/.local/bin:{Path(sandbox.python).parent}:$PATH"; '
            script = f"{prepare}{path_}exec bash {HIDDEN}/tests/test.sh"
            done = await sandbox.exec(["bash", "-c", script], env={**_ENVIRONMENT, **self.settings.env})
            reward = await _reward(sandbox)
        if reward is None:
            said = (done.stderr or done.stdout).decode(errors="replace")[-300:]
            why = "it took too long" if done.timed_out else f"it ended with {done.code}: {said}"
            return Verdict.nothing("verifier", f"tests/test.sh wrote no reward; {why}")
        return Verdict.of(reward >= 1, f"reward {reward:g}", score=min(max(reward, 0.0), 1.0))


async def _reward(sandbox: Any) -> float | None:
    for name in ("reward.txt", "reward.json"):
        try:
            text = (await sandbox.read(f"{HIDDEN}/logs/verifier/{name}")).decode()
            said = json.loads(text)
            return float(said["reward"] if isinstance(said, dict) else said)
        except (OSError, ValueError, TypeError, KeyError):
            continue
    return None


def _at(document: Document, table: str, key: str) -> Any:
    found = document.data.get(table)
    return found.get(key) if isinstance(found, dict) else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _slug(name: str) -> str:
    made = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64] or "task"
    return made if ID.fullmatch(made) else f"t{made}"[:64]
