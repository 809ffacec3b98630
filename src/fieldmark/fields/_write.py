"""Adds and removes contenders as files of their own; what a person wrote is never rewritten."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from fieldmark.contenders import ContenderSpec
from fieldmark.errors import Conflict, FieldError, NotFound
from fieldmark.fields._contenders import Entry, all_problems, secrets
from fieldmark.fields._load import CONTENDERS, contender_entries
from fieldmark.fields._read import Document
from fieldmark.fields._toml import toml

BY_PAGE = "# Added on the page: it may lead inside this network only as [access] private_endpoints allows.\n"
"""First line of such a file. Whoever deletes it has made the contender their own, as those of `field.toml` are."""


def write_contender(folder: Path, spec: ContenderSpec, *, by_page: bool = False) -> Path:
    """Write a contender to `contenders/NAME.toml`, whole or not at all; the path.

    Raises:
        Conflict: the name is taken.
        FieldError: the spec lacks a key its kind needs, or holds a secret.
    """
    table = spec.model_dump(exclude_defaults=True)
    file = f"{CONTENDERS}/{spec.name}.toml"
    document = Document(file, table, {})
    problems = [*secrets(document).values(), *all_problems(Entry(document, (), table))]
    if problems:
        raise FieldError(problems)
    if taken := _entry(folder, spec.name):
        raise _taken(spec.name, taken.place)
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    try:
        _write_new(path, (BY_PAGE if by_page else "") + toml(table))
    except FileExistsError:
        raise _taken(spec.name, file) from None
    return path


def remove_contender(folder: Path, name: str) -> None:
    """Delete `contenders/NAME.toml`.

    Raises:
        NotFound: no contender has that name.
        Conflict: it stands in `field.toml`, which only a person edits; says on which line.
    """
    entry = _entry(folder, name)
    if entry is None:
        raise NotFound(f"no contender is called '{name}'")
    if entry.path:
        line = entry.document.line(entry.path)
        raise Conflict(
            f"contender '{name}' stands in {entry.document.file}, which is yours and is never rewritten",
            code="in_field_toml",
            hint=f"delete its table there: it begins on line {line}",
        )
    (folder / entry.document.file).unlink()


def added_by_page(folder: Path, name: str) -> bool:
    """Whether a contender is as the page wrote it, not as a person did."""
    try:
        with (folder / CONTENDERS / f"{name}.toml").open(encoding="utf-8", errors="replace") as file:
            return file.readline() == BY_PAGE
    except OSError:
        return False


def _entry(folder: Path, name: str) -> Entry | None:
    return next((e for e in contender_entries(folder) if e.name == name), None)


def _taken(name: str, place: str) -> Conflict:
    return Conflict(
        f"a contender is called '{name}' already, at {place}", code="name_taken", hint="choose another name"
    )


def _write_new(path: Path, text: str) -> None:
    """Write a file that must not exist yet: it appears with all of its content."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=".", suffix=".part"
    ) as part:
        part.write(text)
        part.flush()
        os.fsync(part.fileno())
        os.link(part.name, path)
