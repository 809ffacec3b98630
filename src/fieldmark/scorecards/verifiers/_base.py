"""What the built-in verifiers share: settings that are checked when a task is loaded, and a digest of what decides."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from fieldmark.errors import InputError, Problem
from fieldmark.fields import Document, KeyPath, validated
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._digest import canonical
from fieldmark.scorecards._verdict import Grading, Verdict, Verifier

M = TypeVar("M", bound=BaseModel)
_ALIAS = re.compile(r"\b(schema|is)_\b")


class SettingsError(InputError):
    """Settings of a verifier are wrong; `found` says where in them, what, and what would be right."""

    def __init__(self, found: Sequence[tuple[KeyPath, str, str]]) -> None:
        super().__init__("; ".join(what + (f" ({right})" if right else "") for _, what, right in found))
        self.found = tuple(found)


class Settings(BaseModel):
    """The table that a check takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Subject(Settings):
    """For checks that look at one text."""

    of: str = "answer"
    """What is looked at: `answer`, `file:PATH` of an artifact, or `state:PLACE` such as `state:order.status`."""


class Check(Verifier):
    """A verifier with settings. Subclasses set `kind` and `Settings`, and write `look` or `verify`."""

    version: ClassVar[int] = 1
    """Raised when the same settings would judge otherwise."""
    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: Mapping[str, Any], folder: Path = Path()) -> None:
        """`folder` is where paths in the settings are meant from. Raises InputError."""
        self.folder = folder
        self.given = plain(settings)
        self.read(settings_of(self.Settings, self.given))

    def read(self, settings: Any) -> None:
        """Take the settings over, and check what the model cannot. Raises InputError."""
        self.settings = settings

    def decides(self) -> Sequence[Path]:
        """Files that decide a verdict beside the settings."""
        return ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of kind, version, settings and files."""
        files = {path.relative_to(self.folder).as_posix(): _sha(path) for path in sorted(self.decides())}
        said = [self.kind, self.version, self.given, files]
        return hashlib.sha256(canonical(said)).hexdigest()

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Judge it, by `look`."""
        return self.look(attempt)

    def look(self, attempt: Attempt) -> Verdict:
        """Judge at once, for checks that need nothing else."""
        raise NotImplementedError

    def beside(self, name: str, key: str) -> Path:
        """The file of that name in the task's folder. Raises SettingsError."""
        root = self.folder.resolve()
        try:
            path = (root / name).resolve()
        except (ValueError, OSError, RuntimeError):
            path = root
        if path == root or not path.is_relative_to(root):
            raise wrong(key, f"'{name}' leads out of the task's folder", "a file inside it")
        if not path.exists():
            raise wrong(key, f"there is no file '{name}'", "its name, from the task's folder")
        return self.folder / name

    def text(self, name: str, key: str) -> str:
        """Text of a file in the task's folder. Raises SettingsError."""
        try:
            return self.beside(name, key).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise wrong(key, f"'{name}' cannot be read: {error}", "a text in UTF-8") from None


def settings_of(model: type[M], given: Mapping[str, Any]) -> M:
    """`given` as a `model`. Raises SettingsError that lists every mistake."""
    places = _Places("", dict(given), {})
    found = validated(model, places, dict(given), [], ())
    if found is None:
        raise SettingsError(places.found)
    return found


def wrong(key: str, what: str, right: str = "") -> SettingsError:
    """One mistake at one key."""
    return SettingsError([((key,) if key else (), what, right)])


def plain(value: Any) -> Any:
    """The same with dates as texts, as they would stand in JSON, and tuples as lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value


class _Places(Document):
    """Remembers where each mistake is, so that a loader can point to its line."""

    @property
    def found(self) -> list[tuple[KeyPath, str, str]]:
        found: list[tuple[KeyPath, str, str]] = self.data.setdefault("", [])
        return found

    def problem(self, path: KeyPath, what: str, right: str = "") -> Problem:
        # `schema_` is spelled so only because the model has a `schema` of its own
        self.found.append((path, what, _ALIAS.sub(r"\1", right)))
        return super().problem(path, what, right)


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
