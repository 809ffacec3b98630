"""Digests of task sets: of every file of a folder, or of what Python objects say."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import math
import os
from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from types import CellType
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from fieldmark.scorecards._task import Task

CACHES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".git", ".DS_Store"})
"""Names that belong to nobody's task."""


def set_files(folder: Path, *, without: Collection[str] = ()) -> list[Path]:
    """Every file of a folder, links included, sorted by its path within; caches and top folders `without` left out."""
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        left = {*CACHES, *(without if Path(place) == folder else ())}
        folders[:] = sorted(name for name in folders if name not in left)
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        found += [Path(place, name) for name in [*files, *links] if name not in CACHES]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def folder_digest(folder: Path) -> str:
    """SHA-256 (hex) over (path, SHA-256 of the content) of every file. A link counts as where it leads.

    Without `sealed/`: those tasks have commitments with a salt, so that no guess at them can be confirmed.
    """
    total = hashlib.sha256()
    for path in set_files(folder, without={"sealed"}):
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        name = path.relative_to(folder).as_posix()
        total.update(orjson.dumps([name, hashlib.sha256(content).hexdigest()]) + b"\n")
    return total.hexdigest()


def tasks_digest(tasks: Sequence[Task]) -> str:
    """SHA-256 (hex) of what tasks say that were made in Python."""
    return hashlib.sha256(canonical(list(tasks))).hexdigest()


def canonical(value: Any) -> bytes:
    """What a value says, as bytes that are the same in every process. Types are kept apart: 1, 1.0, true and "1"."""
    return orjson.dumps(_said(value), option=orjson.OPT_SORT_KEYS)


def _said(value: Any) -> Any:  # noqa: PLR0911 (one for each sort of value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", value.hex() if math.isfinite(value) else repr(value)]
    if isinstance(value, bytes | bytearray):
        return ["bytes", hashlib.sha256(value).hexdigest()]
    if isinstance(value, Mapping):
        return ["map", sorted([canonical(k).hex(), _said(v)] for k, v in value.items())]
    if isinstance(value, Set):
        return ["set", sorted(canonical(v).hex() for v in value)]
    if isinstance(value, list | tuple):
        return ["list", [_said(v) for v in value]]
    return _object(value)


def _object(value: Any) -> Any:
    digest = getattr(value, "digest", None)
    if isinstance(digest, str):
        return ["digest", digest]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: _said(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return [type(value).__qualname__, parts]
    if isinstance(value, functools.partial):
        return ["partial", _said(value.func), _plain(value.args), _plain(value.keywords)]
    if callable(value):
        said = ["code", getattr(value, "__qualname__", type(value).__qualname__), _source(value)]
        return said + ([held] if (held := _held(value)) else [])
    return [type(value).__qualname__, str(value)]


def _held(value: Any) -> list[Any]:
    """Values that a function made inside another one holds of it, and those of its defaults."""
    function = inspect.unwrap(value)
    if not inspect.isfunction(function):
        return []
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    held = [[name, _plain(cell.cell_contents)] for name, cell in cells if _is_filled(cell)]
    if function.__closure__:
        held += [_plain(function.__defaults__), _plain(function.__kwdefaults__)]
    return held


def _is_filled(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    """As `_said`, but of an object its type alone: it may lead back to where it is held, or be told by its address."""
    if isinstance(value, list | tuple):
        return ["list", [_plain(each) for each in value]]
    if isinstance(value, Mapping):
        return ["map", sorted([str(key), orjson.dumps(_plain(each)).decode()] for key, each in value.items())]
    if value is None or isinstance(value, bool | str | int | float | bytes | bytearray):
        return _said(value)
    if callable(value):
        return ["code", getattr(value, "__qualname__", type(value).__qualname__), _source(value)]
    return ["object", type(value).__qualname__]


def _source(value: Any) -> str:
    """What a function or class is written as; of one without a source, nothing (its name still counts)."""
    try:
        return inspect.getsource(inspect.unwrap(value))
    except (OSError, TypeError):
        return ""
