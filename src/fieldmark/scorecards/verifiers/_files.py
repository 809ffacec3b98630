"""`files`: the files that a contender left are what they should be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fieldmark.sandbox import glob
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, wrong
from fieldmark.scorecards.verifiers._patterns import checked, matches
from fieldmark.scorecards.verifiers._subject import Missing, file_text


class FilesSettings(Settings):
    """Settings of `files`. Every path is relative to the working folder and has to be among the task's artifacts."""

    present: Sequence[str] = ()
    """Patterns (`*` within a name, `**` across folders) of which each has to match a file."""
    absent: Sequence[str] = ()
    """Patterns that must match no file."""
    only: Sequence[str] = ()
    """Every file has to match one of these."""
    equals: Mapping[str, str] = {}
    """Path to its whole text; spaces at the ends of lines and of the text do not count."""
    same_as: Mapping[str, str] = {}
    """Path to a file of the task, such as `hidden/report.csv`, that it has to equal byte by byte."""
    contains: Mapping[str, Sequence[str]] = {}
    """Path to texts that each have to stand in it."""
    lacks: Mapping[str, Sequence[str]] = {}
    """Path to texts of which none may stand in it."""
    matches: Mapping[str, Sequence[str]] = {}
    """Path to regular expressions of which each has to be found in it."""


class Files(Check):
    """`files`: presence, content, nothing else touched. The score is the share of conditions that hold."""

    kind = "files"
    Settings = FilesSettings
    settings: FilesSettings

    def read(self, settings: FilesSettings) -> None:
        """Take the settings over."""
        self.settings = settings
        if not any(settings.model_dump().values()):
            raise wrong("present", "nothing is asked of any file", 'present = ["report.csv"]')
        for name in settings.same_as.values():
            self.beside(name, "same_as")
        for patterns in settings.matches.values():
            for pattern in patterns:
                checked(pattern)

    def decides(self) -> Sequence[Path]:
        """The files to compare with."""
        return [self.folder / name for name in self.settings.same_as.values()]

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Look, in a thread: a pattern may take its time."""
        return await asyncio.to_thread(self.look, attempt)

    def look(self, attempt: Attempt) -> Verdict:
        """Check every condition."""
        said = self.settings
        results = [
            *(_present(attempt, p) for p in said.present),
            *(_absent(attempt, p) for p in said.absent),
            *self._only(attempt),
            *(_text(attempt, p, _equals, e) for p, e in said.equals.items()),
            *(self._same(attempt, path, name) for path, name in said.same_as.items()),
            *(_text(attempt, p, _has, w) for p, ws in said.contains.items() for w in ws),
            *(_text(attempt, p, _lacks, w) for p, ws in said.lacks.items() for w in ws),
            *(_text(attempt, p, _matches, r) for p, rs in said.matches.items() for r in rs),
        ]
        wrong_ = [words for words in results if words]
        score = 1 - len(wrong_) / len(results)
        return Verdict.of(not wrong_, "; ".join(dict.fromkeys(wrong_[:10])), score=score)

    def _only(self, attempt: Attempt) -> list[str]:
        if not self.settings.only:
            return []
        allowed = [glob(pattern) for pattern in self.settings.only]
        other = [path for path in attempt.files if not any(a.fullmatch(path) for a in allowed)]
        return [f"'{other[0]}' should not be there" if other else ""]

    def _same(self, attempt: Attempt, path: str, name: str) -> str:
        if path not in attempt.files:
            return _missing(attempt, path)
        same = attempt.files[path] == (self.folder / name).read_bytes()
        return "" if same else f"'{path}' is not what it should be"


def _present(attempt: Attempt, pattern: str) -> str:
    found = any(glob(pattern).fullmatch(path) for path in attempt.files)
    return "" if found else _missing(attempt, pattern)


def _absent(attempt: Attempt, pattern: str) -> str:
    found = next((path for path in attempt.files if glob(pattern).fullmatch(path)), None)
    return f"'{found}' should not be there" if found else ""


def _missing(attempt: Attempt, path: str) -> str:
    why = attempt.left.get(path)
    return f"there is no file '{path}'" + (f": {why}" if why else "")


def _text(attempt: Attempt, path: str, holds: Callable[[str, str], bool], what: str) -> str:
    try:
        return "" if holds(file_text(attempt, path), what) else f"'{path}' is not what it should be"
    except Missing as missing:
        return str(missing)


def _equals(text: str, expected: str) -> bool:
    return _trimmed(text) == _trimmed(expected)


def _has(text: str, part: str) -> bool:
    return part in text


def _lacks(text: str, part: str) -> bool:
    return part not in text


def _matches(text: str, pattern: str) -> bool:
    return matches(pattern, text)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
