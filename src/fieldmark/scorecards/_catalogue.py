"""The task sets at hand: those that ship, those of the field's folder, and what is added."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fieldmark.errors import FieldmarkError, NotFound, TaskSetError
from fieldmark.scorecards._digest import folder_digest
from fieldmark.scorecards._load import find_sets, load_set
from fieldmark.scorecards._seal import concealed, said_openly, seal_stamp
from fieldmark.scorecards._task import TaskSet

_FRESH_SECONDS = 2.0
INSPECT = "inspect:"
"""Before the place of an Inspect task."""

Origin = Literal["shipped", "field"]


@dataclass
class _Loaded:
    task_set: TaskSet | None
    error: FieldmarkError | None
    digest: str
    at: float


@dataclass
class Catalogue:
    """Loads sets by name, once for each version of their files. Safe to use from several threads."""

    folder: Path | None = None
    """The field's; None: only what ships."""
    made: dict[str, TaskSet] = field(default_factory=dict)
    """Sets made in Python, by name."""
    elsewhere: dict[str, Path] = field(default_factory=dict)
    """Folders of sets that lie somewhere else, by name."""
    _known: dict[str, _Loaded] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def names(self) -> list[str]:
        """Names of all sets, sorted; a field's own set hides one that ships under the same name."""
        return sorted({*self.made, *self.elsewhere, *(place.name for place in find_sets(self.folder))})

    def origin(self, name: str) -> Origin:
        """Where a set comes from."""
        place = next((place for place in find_sets(self.folder) if place.name == name), None)
        return "shipped" if place is not None and place.source == "shipped" else "field"

    def add(self, path: Path) -> str:
        """Have the set in a folder too; its name.

        Raises:
            NotFound: there is none.
            TaskSetError: its files are wrong.
        """
        name = load_set(path.resolve(), self.folder).name
        self.elsewhere[name] = path.resolve()
        return name

    def named(self, name_or_path: str) -> str:
        """The name of a set: as it is when there is one of that name, or of the set in that folder, which is added.

        `inspect:FILE.py@NAME` is a task of Inspect's.

        Raises:
            NotFound: there is none.
            TaskSetError: its files are wrong.
        """
        place = name_or_path.removeprefix(INSPECT)
        if place != name_or_path:
            from fieldmark.scorecards.inspect import inspect_set

            found = inspect_set(place)
            self.made[found.name] = found
            return found.name
        if name_or_path not in self.names() and Path(name_or_path).is_dir():
            return self.add(Path(name_or_path))
        return name_or_path

    def get(self, name: str) -> TaskSet:
        """The set as its files say now; of sealed tasks it shows no name, only opaque ids.

        Raises:
            NotFound: there is none of that name.
            TaskSetError: its files are wrong.
        """
        if name in self.made:
            return self.made[name]
        path = self.path(name)
        with self._lock:
            loaded = self._known.get(name)
            if loaded is None or time.monotonic() - loaded.at > _FRESH_SECONDS:
                loaded = self._known[name] = self._load(path, loaded)
        if loaded.task_set is None:
            assert loaded.error is not None
            raise loaded.error
        return loaded.task_set

    def digest(self, name: str) -> str:
        """The set's digest as its files are now, without loading them.

        Raises:
            NotFound: there is no such set any more.
        """
        return self.made[name].digest if name in self.made else folder_digest(self.path(name))

    def path(self, name: str) -> Path:
        """The folder of a set. Raises NotFound."""
        if name in self.elsewhere:
            return self.elsewhere[name]
        found = next((place.folder for place in find_sets(self.folder) if place.name == name), None)
        if found is None:
            known = ", ".join(self.names()) or "none yet"
            raise NotFound(
                f"no scorecard is called '{name}'", hint=f"scorecards: {known}; or a folder's path"
            )
        return found

    def _load(self, path: Path, before: _Loaded | None) -> _Loaded:
        digest = folder_digest(path) + seal_stamp(path, path.name, self.folder)
        if before is not None and before.digest == digest:
            return _Loaded(before.task_set, before.error, digest, time.monotonic())
        try:
            found = concealed(load_set(path, self.folder), self.folder)
            return _Loaded(found, None, digest, time.monotonic())
        except TaskSetError as error:
            return _Loaded(None, said_openly(error), digest, time.monotonic())
        except FieldmarkError as error:
            return _Loaded(None, error, digest, time.monotonic())
