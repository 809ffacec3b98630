"""Files of a folder that hostile code may be changing at this moment: no link is followed, nothing is trusted twice."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache

from fieldmark.sandbox._base import Collected

DEEPEST = 40
"""Folders within folders that are looked into."""
MOST_SEEN = 20_000
"""Entries that are looked at."""
MOST_LEFT = 100
"""Files of which it is said why they were left."""
MOST_NAMED = 400
"""Characters of a path."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def parts(path: str) -> list[str]:
    """The names of a relative path. Raises ValueError for one that could lead elsewhere."""
    found = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in found or not found or "\0" in path:
        raise ValueError(f"'{path[:200]}' is no path within the working folder")
    return found


@lru_cache(maxsize=256)
def glob(pattern: str) -> re.Pattern[str]:
    """A path pattern as a regular expression for `fullmatch`: `*` and `?` within a name, `**` across folders."""
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        text += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.compile(text, re.DOTALL)


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns is of that path."""
    return any(glob("/".join(parts(pattern))).fullmatch(path) for pattern in patterns)


def read(folder: int, path: str, limit: int) -> bytes:
    """A file below the folder with that descriptor. Raises FileNotFoundError, and ValueError when it is unfit."""
    names = parts(path)
    opened = os.dup(folder)
    try:
        for name in names[:-1]:
            deeper = os.open(name, _FOLDER, dir_fd=opened)
            os.close(opened)
            opened = deeper
        return _content(opened, names[-1], limit)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise FileNotFoundError(errno.ENOENT, "no such file in the working folder", path) from None
        raise ValueError(f"{path}: {reason(error)}") from None
    finally:
        os.close(opened)


def collect(folder: int, patterns: Sequence[str], max_files: int, max_bytes: int) -> Collected:
    """Files that match, in order of their paths, as many as fit. `max_bytes` bounds all of them together."""
    depth = max((DEEPEST if "**" in p else len(parts(p)) for p in patterns), default=0)
    files: dict[str, bytes] = {}
    left: dict[str, str] = {}
    for path, why in sorted(_walk(folder, depth)):
        if not why and not matches(path, patterns):
            continue
        try:
            if why or len(files) >= max_files:
                raise ValueError(why or f"more than {max_files} files")
            if path != _shown(path):
                raise ValueError("a name that is too long, or no text")
            files[path] = read(folder, path, max_bytes)
            max_bytes -= len(files[path])
        except (ValueError, FileNotFoundError) as error:
            if len(left) < MOST_LEFT:
                left[_shown(path)] = str(error).removeprefix(f"{path}: ")
    return Collected(files, left)


def _walk(folder: int, depth: int) -> Iterator[tuple[str, str]]:
    """Paths of everything that is no folder, with why it cannot be taken ("" when perhaps it can)."""
    waiting, seen = [""], 0
    while waiting:
        above = waiting.pop()
        for name, is_folder in _entries(folder, above):
            seen += 1
            path = f"{above}/{name}" if above else name
            if seen > MOST_SEEN:
                yield above or ".", f"not everything was looked at: more than {MOST_SEEN} files"
                return
            if not is_folder:
                yield path, ""
            elif path.count("/") + 1 < depth:
                waiting.append(path)
            elif depth >= DEEPEST:
                yield path, f"more than {DEEPEST} folders deep"


def _entries(folder: int, path: str) -> Iterator[tuple[str, bool]]:
    opened = os.dup(folder)
    try:
        for name in parts(path) if path else ():
            deeper = os.open(name, _FOLDER, dir_fd=opened)
            os.close(opened)
            opened = deeper
        # a duplicate shares its position with the original: open anew to read from the start
        again = os.open(".", _FOLDER, dir_fd=opened)
        try:
            with os.scandir(again) as entries:
                for entry in entries:
                    yield entry.name, entry.is_dir(follow_symlinks=False)
        finally:
            os.close(again)
    except OSError:
        return
    finally:
        os.close(opened)


def _content(folder: int, name: str, limit: int) -> bytes:
    descriptor = os.open(name, _FILE, dir_fd=folder)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("no plain file")
        if found.st_size > limit:
            raise ValueError(f"too big: {found.st_size} bytes, {limit} are allowed")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise ValueError(f"too big: it grew beyond {limit} bytes")
        return data
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """What a failed system call means for whoever wants a file."""
    known = {
        errno.ELOOP: "a link",
        errno.EMLINK: "a link",
        errno.ENOTDIR: "a link or file stands where a folder should",
        errno.ENXIO: "no plain file",
        errno.ENAMETOOLONG: "the name is too long",
        errno.EACCES: "it may not be read",
    }
    return known.get(error.errno or 0, error.strerror or "cannot be read")


def _shown(path: str) -> str:
    text = path.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MOST_NAMED else text[:MOST_NAMED] + "..."
