"""Checks of contender tables that go beyond their schema: kinds, their keys, doubled names, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fieldmark.contenders import CONTENDERS, ContenderSpec, make_contender, normalise_url
from fieldmark.errors import InputError, Problem
from fieldmark.fields._check import spelled
from fieldmark.fields._locate import KeyPath
from fieldmark.fields._read import Document

NEEDED: Mapping[str, tuple[str, ...]] = {"endpoint": ("url", "model"), "weights": ("model",)}
"""Keys that a kind cannot do without."""

_OF_AGENTS = ("command", "files", "card")
_FOREIGN: Mapping[str, tuple[str, ...]] = {
    "endpoint": ("context", "chat_template", "when", *_OF_AGENTS),
    "weights": ("url", "key_env", "max_tokens_field", "vision", "requests_per_minute", *_OF_AGENTS),
    "agent": ("system", "sampler", "vision"),
}
_FOREIGN_SAMPLER: Mapping[str, tuple[str, ...]] = {"endpoint": ("top_k", "min_p", "repeat_penalty")}
_SECRET_KEY = re.compile(
    r"(api_?)?key|((access|auth|bearer|api)_?)?token|secret|password|authorization", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"\b(sk-[\w-]{16,}|(hf|ghp|gsk|xai)_[A-Za-z0-9]{16,}|AIza[\w-]{30,}|Bearer [\w.-]{8,})", re.ASCII
)
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Entry:
    """One contender's table as written, and where."""

    document: Document
    path: KeyPath
    table: Mapping[str, Any]

    @property
    def name(self) -> str | None:
        """Its name, if it has one."""
        name = self.table.get("name")
        return name if isinstance(name, str) else None

    @property
    def place(self) -> str:
        """`FILE:LINE` of its name."""
        return f"{self.document.file}:{self.document.line((*self.path, 'name'))}"

    def problem(self, key: str, what: str, right: str = "") -> Problem:
        """A problem at a key of the table."""
        return self.document.problem((*self.path, key), what, right)


def entries(document: Document | None) -> list[Entry]:
    """The contender tables of `field.toml`, as far as they are tables."""
    tables = document.data.get("contenders") if document else None
    if not document or not isinstance(tables, list):
        return []
    return [Entry(document, ("contenders", i), t) for i, t in enumerate(tables) if isinstance(t, dict)]


def all_problems(entry: Entry) -> Iterator[Problem]:
    """What is wrong with one contender beyond its schema."""
    yield from _kind_problems(entry)
    yield from _address_problems(entry)


def doubled_names(listed: list[Entry]) -> Iterator[Problem]:
    """Every name that an earlier contender has already."""
    first: dict[str, Entry] = {}
    for entry in listed:
        if entry.name is None:
            continue
        earlier = first.setdefault(entry.name, entry)
        if earlier is not entry:
            what = f"a second contender is called '{entry.name}'"
            yield entry.problem("name", what, f"the first is at {earlier.place}; each needs its own name")


def misfits(specs: Sequence[ContenderSpec], listed: Sequence[Entry]) -> Iterator[Problem]:
    """What the kind itself refuses in a spec of the right form; `listed` are the tables in the same order."""
    for spec, entry in zip(specs, listed, strict=True):
        try:
            make_contender(spec)
        except InputError as error:
            yield entry.document.problem(entry.path, error.message, error.hint)


def _kind_problems(entry: Entry) -> Iterator[Problem]:
    """An unknown kind, a key the kind needs, a key that belongs to another kind, a cap without a price."""
    kind = entry.table.get("kind")
    if not isinstance(kind, str):
        return
    known = CONTENDERS.names()
    if kind not in known:
        yield entry.problem("kind", f"unknown kind '{kind}'", f"one of: {', '.join(known)}")
    for key in NEEDED.get(kind, ()):
        if entry.table.get(key) in (None, ""):
            yield entry.problem(
                key, f"'{key}' is missing", f"a contender of kind '{kind}' needs {' and '.join(NEEDED[kind])}"
            )
    for key in _FOREIGN.get(kind, ()):
        if key in entry.table:
            yield entry.problem(key, f"'{key}' is no key of kind '{kind}'", "take it out")
    sampler = entry.table.get("sampler")
    for key in _FOREIGN_SAMPLER.get(kind, ()):
        if isinstance(sampler, dict) and key in sampler:
            what = f"'sampler.{key}' is no key of kind '{kind}'"
            yield entry.document.problem((*entry.path, "sampler", key), what, "take it out")
    if "spend_cap" in entry.table and "price" not in entry.table:
        yield entry.problem(
            "spend_cap", "'spend_cap' has no price to count with", "add price = { input = ..., output = ... }"
        )


def _address_problems(entry: Entry) -> Iterator[Problem]:
    """A `url` that is none, a `key_env` that names no variable."""
    url, key_env = entry.table.get("url"), entry.table.get("key_env")
    if isinstance(url, str) and not _has_password(url):
        try:
            normalise_url(url)
        except InputError as error:
            yield entry.problem("url", f"'url': {error.message}", error.hint)
    if isinstance(key_env, str) and not _ENVIRONMENT.fullmatch(key_env) and not _SECRET_VALUE.search(key_env):
        yield entry.problem(
            "key_env", "'key_env' is no name of an environment variable", "such as OPENAI_API_KEY"
        )


def secrets(document: Document) -> dict[KeyPath, Problem]:
    """Keys and passwords that stand in the file itself. The problem never repeats them."""
    right = "put the name of an environment variable in key_env"
    return {
        path: document.problem(path, f"a secret is written in '{spelled(path)}'", right)
        for path, value in _leaves(document.data, ())
        if _is_secret(str(path[-1]), value)
    }


def _is_secret(key: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if key == "url" and _has_password(value):
        return True
    return bool(_SECRET_KEY.fullmatch(key.replace("-", "_")) or _SECRET_VALUE.search(value))


def _has_password(url: str) -> bool:
    try:
        return urlsplit(url).password is not None
    except ValueError:
        return False


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    else:
        yield path, value
