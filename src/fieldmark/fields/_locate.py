"""Where each key of a TOML document stands: tomllib gives the values but no positions."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]
"""Keys and array indices from the root, such as `("contenders", 0, "sampler", "top_p")`."""

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:'{0,2})|"(?:\\.|[^"\\])*"|'[^']*\'''', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def locate(text: str) -> dict[KeyPath, int]:
    """Line (from 1) of every key, table and array element of `text`, which tomllib must have accepted.

    A key is where its name begins, an element where its value begins, a table at its own header if it has
    one, else where it is first named.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    """One pass over valid TOML; `at` is the offset of what comes next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}  # of the arrays of tables so far
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip(_GAP) < len(self.text):
            if self._sees("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        start, brackets = self.at, 2 if self._sees("[[") else 1
        self.at += brackets
        keys = self._keys()
        path: KeyPath = ()
        for position, key in enumerate(keys, start=1):
            path = self._note((*path, key), start)
            if brackets == 2 and position == len(keys):
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path = self._note((*path, self._lengths[path] - 1), start)
        self.lines[path] = self._line(start)
        self.at += brackets
        return path

    def _pair(self, table: KeyPath) -> None:
        start, path = self.at, table
        for key in self._keys():
            path = self._note((*path, key), start)
        self.at += len("=")
        self._skip(_SPACE)
        self._value(path)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            raw = self._take(_KEY)
            keys.append(tomllib.loads(f"key = {raw}")["key"] if raw[0] in "\"'" else raw)
            self._skip(_SPACE)
            if not self._sees("."):
                return keys
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        if self._sees("["):
            self._array(path)
        elif self._sees("{"):
            self._inline_table(path)
        elif self._sees('"') or self._sees("'"):
            self._take(_STRING)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        index = 0
        while not self._ends("]"):
            self._value(self._note((*path, index), self.at))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        while not self._ends("}"):
            self._pair(path)

    def _ends(self, closing: str) -> bool:
        """Step over the opening bracket or comma and what surrounds it; true past the `closing` bracket."""
        self._skip(_GAP)
        if self.text[self.at] in "[{,":
            self.at += 1
            self._skip(_GAP)
        if not self._sees(closing):
            return False
        self.at += 1
        return True

    def _note(self, path: KeyPath, at: int) -> KeyPath:
        self.lines.setdefault(path, self._line(at))
        return path

    def _line(self, at: int) -> int:
        return bisect_right(self._starts, at)

    def _sees(self, what: str) -> bool:
        return self.text.startswith(what, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        self._take(pattern)
        return self.at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match, f"not TOML at offset {self.at}"
        self.at = match.end()
        return match[0]
