"""The locator against documents that were written together with the line of each key."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.fields import locate, toml

Path = tuple[str | int, ...]


def test_every_way_to_write_a_key() -> None:
    text = '''\
# comment with [brackets] = "and quotes
title = "a # b"      # c
a.b . "c d" = 1
'lit.eral' = [ 1, [ 2,
  3 ], # ] not the end
  "x]",
  { y = 1, z.w = [
    4 ] } ]

[table]   # d
key = """
[not.a.table]
key = 1 \\""" """"
other = \'\'\'it''s\'\'\'
when = 1979-05-27 07:32:00

[table.inner."q\\u0041"]
[[list]]
[[list]]
n = {}
[list.sub]
m = 0x1F
[[list.deep]]
[[list.deep]]
k = -inf'''
    expected: dict[Path, int] = {
        ("title",): 2,
        ("a",): 3,
        ("a", "b"): 3,
        ("a", "b", "c d"): 3,
        ("lit.eral",): 4,
        ("lit.eral", 0): 4,
        ("lit.eral", 1): 4,
        ("lit.eral", 1, 0): 4,
        ("lit.eral", 1, 1): 5,
        ("lit.eral", 2): 6,
        ("lit.eral", 3): 7,
        ("lit.eral", 3, "y"): 7,
        ("lit.eral", 3, "z"): 7,
        ("lit.eral", 3, "z", "w"): 7,
        ("lit.eral", 3, "z", "w", 0): 8,
        ("table",): 10,
        ("table", "key"): 11,
        ("table", "other"): 14,
        ("table", "when"): 15,
        ("table", "inner"): 17,
        ("table", "inner", "qA"): 17,
        ("list",): 18,
        ("list", 0): 18,
        ("list", 1): 19,
        ("list", 1, "n"): 20,
        ("list", 1, "sub"): 21,
        ("list", 1, "sub", "m"): 22,
        ("list", 1, "deep"): 23,
        ("list", 1, "deep", 0): 23,
        ("list", 1, "deep", 1): 24,
        ("list", 1, "deep", 1, "k"): 25,
    }
    assert locate(text) == expected
    assert set(locate(text)) == set(paths(tomllib.loads(text)))


@pytest.mark.parametrize("text", ["", "\n\n", "# only", "a = 1", "a = 1\n", "[a]", "a = []\nb = {}"])
def test_short_documents(text: str) -> None:
    assert set(locate(text)) == set(paths(tomllib.loads(text)))


def test_a_table_is_at_its_own_header() -> None:
    assert locate("[a.b]\nx = 1\n\n[a]\ny = 1\n")["a",] == 4


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path of a parsed document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths(inner, (*path, key))


texts = st.text(st.sampled_from("ab\"'#[]{}=,.\\\n é☃\t"), max_size=8)
keys = st.one_of(st.from_regex(r"[a-z0-9_-]{1,4}", fullmatch=True), texts)
scalars = st.one_of(
    texts,
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.floats(allow_nan=False),
    st.dates(min_value=date(1000, 1, 1)),
    st.datetimes(min_value=datetime.fromisoformat("1000-01-01")),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
tables = st.recursive(
    st.dictionaries(keys, values, max_size=3),
    lambda inner: st.dictionaries(
        keys, st.one_of(values, inner, st.lists(inner, min_size=1, max_size=3)), max_size=4
    ),
    max_leaves=12,
)


@dataclass
class Writer:
    """Writes TOML in a style drawn for each piece, and notes the line of each key and element."""

    data: st.DataObject
    text: str = ""
    lines: dict[Path, int] = field(default_factory=dict)

    def put(self, *choices: str) -> None:
        self.text += choices[0] if len(choices) == 1 else self.data.draw(st.sampled_from(choices))

    def at(self, path: Path) -> None:
        self.lines[path] = self.line()

    def line(self) -> int:
        return self.text.count("\n") + 1

    def key(self, key: str) -> None:
        bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
        self.put(
            *([key] if bare else []),
            quoted(key),
            *([f"'{key}'"] if "'" not in key and "\n" not in key else []),
        )

    def table(self, table: dict[str, Any], path: Path) -> None:
        """Plain values first, then tables under headers of their own; each of both may be inline instead."""
        headed: list[str] = []
        for key, value in table.items():
            if (is_table(value) or is_tables(value)) and self.data.draw(st.booleans()):
                headed.append(key)
            elif is_table(value) and value and self.data.draw(st.booleans()):
                for dotted in value:
                    self.pair(path, (key, dotted), value[dotted])
            else:
                self.pair(path, (key,), value)
        for key in headed:
            inner = (*path, key)
            if is_table(table[key]):
                self.header("[", inner, table[key])
            else:
                for index, element in enumerate(table[key]):
                    self.header("[[", (*inner, index), element)
                self.lines[inner] = self.lines[*inner, 0]

    def pair(self, path: Path, names: tuple[str, ...], value: Any) -> None:
        self.put("", "\n", "# [x] = 'y\n", "  ", "\t")
        for index, name in enumerate(names):
            path = (*path, name)
            self.lines.setdefault(path, self.line())
            self.put(*([".", " . "] if index else [""]))
            self.key(name)
        self.put("=", " = ", "\t=")
        self.value(value, path)
        self.put("\n", " # = '\n", "\n\n")

    def header(self, bracket: str, path: Path, table: dict[str, Any]) -> None:
        self.put("", "\n", " ")
        self.at(path)
        self.put(bracket)
        for index, key in enumerate(k for k in path if isinstance(k, str)):
            self.put(*([".", " . "] if index else ["", " "]))
            self.key(key)
        self.put("]" * len(bracket))
        self.put("\n", " # ]\n")
        self.table(table, path)

    def value(self, value: Any, path: Path) -> None:
        if isinstance(value, dict):
            self.put("{", "{ ")
            for index, (key, inner) in enumerate(value.items()):
                self.put(*([",", " , "] if index else [""]))
                self.at((*path, key))
                self.key(key)
                self.put("=", " = ")
                self.value(inner, (*path, key))
            self.put("}", " }")
        elif isinstance(value, list):
            self.put("[", "[ ", "[\n", "[ # ]\n")
            for index, inner in enumerate(value):
                self.put(*([",", " ,\n ", ", # ,[\n"] if index else [""]))
                self.at((*path, index))
                self.value(inner, (*path, index))
            self.put("", "\n", *([",", ",\n"] if value else []))
            self.put("]")
        else:
            self.put(*spellings(value))


def is_table(value: Any) -> bool:
    return isinstance(value, dict)


def is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_table, value))


def quoted(text: str) -> str:
    return toml({"k": [text]})[len("k = [") : -len("]\n")]


def spellings(value: Any) -> list[str]:
    """Some of the ways to write a value."""
    if isinstance(value, date):
        return [value.isoformat(), value.isoformat().replace("T", " ")]
    if not isinstance(value, str):
        return [toml({"k": value})[len("k = ") : -1]]
    ways = [quoted(value), f'"""\n{quoted(value)[1:-1]}"""']
    if not value.endswith("\\") and '"' not in value:
        raw = value.replace("\\", "\\\\")
        ways += [f'"""\n{raw}"""', f'"""\n{raw}\\\n\n  """']
    if "'" not in value:
        ways += [f"'''\n{value}'''", *([f"'{value}'"] if "\n" not in value else [])]
    return ways


@given(table=tables, data=st.data())
def test_generated_documents(table: dict[str, Any], data: st.DataObject) -> None:
    writer = Writer(data)
    writer.table(table, ())
    assert tomllib.loads(writer.text) == table
    assert locate(writer.text) == writer.lines
