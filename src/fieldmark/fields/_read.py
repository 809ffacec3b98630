"""Reads the files of a field folder and remembers what they looked like, so that a change can be noticed."""

from __future__ import annotations

import errno
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Any

from fieldmark.errors import Problem
from fieldmark.fields._locate import KeyPath, locate

Stamp = tuple[int, ...] | None
"""`(mtime_ns, size, inode)` of a file, None where there is none."""

_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True)
class Document:
    """A TOML file with the line of each key."""

    file: str
    data: dict[str, Any]
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """Line of the key, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, what: str, right: str = "") -> Problem:
        """A problem at that key."""
        return Problem(self.file, self.line(path), what, right)


@dataclass
class Reader:
    """Reads files of one folder. What is wrong with them gathers in `problems`, their stamps in `stamps`."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    stamps: dict[Path, Stamp] = field(default_factory=dict)

    def text(self, name: str, missing: Problem | None = None) -> str | None:
        """Text of a file inside the folder. None where there is none: with `missing`, that is a problem."""
        path = self.folder / name
        self.stamps[path] = stamp(path)
        try:
            content = _content(path)
        except FileNotFoundError:
            if missing:
                self.problems.append(missing)
            return None
        except OSError as error:
            self._wrong(
                name, None, f"cannot be read: {error.strerror}", "a text file that this user may read"
            )
            return None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self._wrong(
                name, line, f"byte 0x{content[error.start]:02x} is not UTF-8", "save the file as UTF-8"
            )
            return None

    def toml(self, name: str, missing: Problem | None = None) -> Document | None:
        """A TOML file of the folder, None where it is missing or not TOML."""
        text = self.text(name, missing)
        if text is None:
            return None
        text = text.replace("\r\n", "\n")
        try:
            return Document(name, tomllib.loads(text), locate(text))
        except tomllib.TOMLDecodeError as error:
            what, line = _syntax(text, str(error))
            self._wrong(name, line, f"not TOML: {what}", _syntax_hint(text, line))
        except (ValueError, RecursionError):
            self._wrong(name, None, "not TOML: a value is too long or nested too deeply", "")
        return None

    def names(self, folder: str) -> list[str]:
        """Paths of the `.toml` files in a folder of the field, by name."""
        path = self.folder / folder
        self.stamps[path] = stamp(path)
        if not path.is_dir():
            return []
        return sorted(f"{folder}/{p.name}" for p in path.glob("*.toml") if not p.name.startswith("."))

    def outside(self, name: str) -> bool:
        """Whether a path leaves the folder, be it by `..`, from the root, or through a link."""
        root = self.folder.resolve()
        try:
            return not (root / name).resolve().is_relative_to(root)
        except (ValueError, OSError, RuntimeError):  # a NUL in it, or links in a circle
            return True

    def _wrong(self, file: str, line: int | None, what: str, right: str) -> None:
        self.problems.append(Problem(file, line, what, right))


def _content(path: Path) -> bytes:
    if not S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    return path.read_bytes()


def stamp(path: Path) -> Stamp:
    """What changes when a file, or the listing of a folder, does."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _syntax(text: str, said: str) -> tuple[str, int]:
    """What tomllib said without its place, and the line."""
    match = _TOML_PLACE.search(said)
    line = int(match[1]) if match and match[1] else len(text.rstrip("\n").split("\n"))
    what = _TOML_PLACE.sub("", said)
    return what[:1].lower() + what[1:], line


def _syntax_hint(text: str, line: int) -> str:
    """What is most often meant by a line that is not TOML."""
    lines = text.split("\n")
    found = lines[line - 1] if line <= len(lines) else ""
    if found.count('"') % 2 or found.count("'") % 2:
        return 'a text ends with its quote on the same line, one of several lines with three: """'
    bare = re.fullmatch(r"\s*[\w.-]+\s*=\s*([^\s\"'\[{\d+-][^\"'#]*?)\s*(#.*)?", found)
    if bare and bare[1] not in ("true", "false"):
        boolean = bare[1].lower() in ("true", "false", "yes", "no", "on", "off")
        return "true or false, in small letters" if boolean else "a text stands in quotes"
    return ""
