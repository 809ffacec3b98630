"""Finds and reads task sets: by name, or by path; as folders, Python, or Harbor's folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fieldmark.errors import NotFound, Problem, TaskSetError
from fieldmark.fields import Reader, nearest, validated
from fieldmark.scorecards._digest import CACHES, folder_digest
from fieldmark.scorecards._folder import ID, TaskFolder
from fieldmark.scorecards._harbor import harbor_set, is_harbor
from fieldmark.scorecards._modules import ModuleTrouble, call, load_module
from fieldmark.scorecards._set_files import DefaultsTable, SetFile
from fieldmark.scorecards._task import Task, TaskSet

SET_FILE = "scorecard.toml"
SHIPPED = Path(__file__).parent / "sets"
"""Sets that come with Fieldmark."""
OF_FIELD = "scorecards"
"""Folder of a field's own sets."""


@dataclass(frozen=True)
class SetPlace:
    """A task set that can be loaded."""

    name: str
    folder: Path
    source: Literal["field", "shipped"]


def find_sets(field_folder: Path | None = None) -> list[SetPlace]:
    """Every set that can be loaded by name, sorted; a field's own set hides a shipped one of its name."""
    found = {place.name: place for place in _in(SHIPPED, "shipped")}
    if field_folder is not None:
        found |= {place.name: place for place in _in(field_folder / OF_FIELD, "field")}
    return [found[name] for name in sorted(found)]


def load_set(name_or_path: str | Path, field_folder: Path | None = None) -> TaskSet:
    """The task set of that name, or in that folder. Sealed tasks of the field come with it.

    Raises:
        NotFound: no set has that name.
        TaskSetError: something in it is wrong; lists every place at once.
    """
    folder = _folder_of(name_or_path, field_folder)
    if not (folder / SET_FILE).is_file() and is_harbor(folder):
        return harbor_set(folder)
    return _Loading(folder, field_folder).task_set()


def _folder_of(name_or_path: str | Path, field_folder: Path | None) -> Path:
    known = {place.name: place.folder for place in find_sets(field_folder)}
    name = str(name_or_path)
    if name in known and not isinstance(name_or_path, Path):
        return known[name]
    path = Path(name_or_path)
    if path.is_dir():
        return path.resolve()
    right = nearest(name, list(known)) if known else f"a folder with {SET_FILE}"
    raise NotFound(f"there is no task set '{name}'", hint=right)


def _in(folder: Path, source: Literal["field", "shipped"]) -> list[SetPlace]:
    if not folder.is_dir():
        return []
    inner = [p for p in folder.iterdir() if p.is_dir()]
    return [SetPlace(p.name, p, source) for p in inner if (p / SET_FILE).is_file() or is_harbor(p)]


class _Loading:
    """One reading of a set; each step adds what it finds wrong."""

    def __init__(self, folder: Path, field_folder: Path | None) -> None:
        self.folder = folder
        self.field_folder = field_folder
        self.reader = Reader(folder)
        self.problems = self.reader.problems

    def task_set(self) -> TaskSet:
        """The set. Raises TaskSetError."""
        missing = Problem(SET_FILE, None, "it is missing", "`fieldmark score new NAME` makes a set")
        document = self.reader.toml(SET_FILE, missing)
        said = validated(SetFile, document, document.data, self.problems, ()) if document else None
        if said is None:
            raise TaskSetError(self.problems)
        version = folder_digest(self.folder)
        name = said.name or self.folder.name
        tasks = [*self._python(version), *self._folders("tasks", said.defaults, version)]
        tasks += self._sealed(name, said.defaults, version)
        self._whole(tasks)
        if self.problems:
            raise TaskSetError(sorted(dict.fromkeys(self.problems), key=lambda p: (p.file, p.line or 0)))
        return TaskSet(
            name=name,
            tasks=tuple(tasks),
            version=said.version,
            title=said.title or name,
            description=said.description,
            licence=said.licence,
            digest=version,
            folder=self.folder,
            cross=said.defaults.cross,
        )

    def _python(self, version: str) -> list[Task]:
        path = self.folder / "tasks.py"
        if not path.is_file():
            return []
        try:
            module = load_module(self.folder, path, version)
            function = getattr(module, "tasks", None)
            made = call(self.folder, path, function) if callable(function) else None
        except ModuleTrouble as trouble:
            self.problems.append(trouble.problem)
            return []
        if not isinstance(made, Sequence) or not all(isinstance(task, Task) for task in made):
            self._wrong(
                "tasks.py", "its function `tasks` returns no list of Task", "def tasks() -> list[Task]"
            )
            return []
        return list(made)

    def _folders(
        self, where: str, defaults: DefaultsTable, version: str, *, sealed: bool = False
    ) -> list[Task]:
        place = self.folder / where
        found = []
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.name in CACHES:
                continue
            if not path.is_dir():
                self._wrong(f"{where}/{path.name}", "it is no folder of a task", f"{where}/ID/task.toml")
                continue
            task = TaskFolder(self.reader, f"{where}/{path.name}", defaults, version, sealed).task()
            found += [task] if task else []
        return found

    def _sealed(self, name: str, defaults: DefaultsTable, version: str) -> list[Task]:
        """Of the set's folder, or, for a shipped set, of the field's folder of the same name."""
        if (self.folder / "sealed").is_dir() or self.field_folder is None:
            return self._folders("sealed", defaults, version, sealed=True)
        beside = self.field_folder.resolve() / OF_FIELD / name
        if beside == self.folder or not (beside / "sealed").is_dir():
            return []
        other = _Loading(beside, None)
        found = other._folders("sealed", defaults, folder_digest(beside), sealed=True)
        self.problems += other.problems
        return found

    def _whole(self, tasks: Sequence[Task]) -> None:
        """What can only be seen of all tasks together."""
        if not tasks and not self.problems:
            self._wrong(SET_FILE, "the set has no tasks", "folders tasks/ID/, or tasks.py")
        for name, count in Counter(task.id for task in tasks).items():
            if count > 1:
                self._wrong("tasks", f"{count} tasks have the id '{name}'", "an id for each")
            if not ID.fullmatch(name):
                self._wrong("tasks.py", f"'{name}' is no id of a task", "up to 64 letters, digits, '-', '_'")

    def _wrong(self, file: str, what: str, right: str) -> None:
        self.problems.append(Problem(file, None, what, right))
