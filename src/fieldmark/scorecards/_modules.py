"""Loads the Python of a task set: trusted code of whoever wrote the set, each version under a name of its own."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from fieldmark.errors import Problem

_TURN = threading.RLock()
"""Another thread must not be given a module that is only half there."""
_PREFIX = "fieldmark_set_"


class _Source(SourceFileLoader):
    """Compiles what stands in the file. Python's kept bytecode counts as fresh when a file changes within a second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _Finder:
    """Finds what is beside a set's module."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(_PREFIX):
            return None
        found = (FileFinder(folder, (_Source, [".py"])).find_spec(name) for folder in path or ())
        return next(filter(None, found), None)


sys.meta_path.insert(0, _Finder)


class ModuleTrouble(Exception):
    """A file of a set cannot be loaded; `problem` says why and in which line."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def load_module(root: Path, path: Path, version: str) -> ModuleType:
    """The module in `path` below `root`. `from . import data` finds what is beside it.

    Raises:
        ModuleTrouble: it cannot be loaded.
    """
    with _TURN:
        return _loaded(root, path, f"{_package(path.parent, version)}.{path.stem}")


def _loaded(root: Path, path: Path, name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path, loader=_Source(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ModuleTrouble(_problem(root, path, error)) from error
    return module


def call(root: Path, path: Path, function: Any, *arguments: Any) -> Any:
    """What a function of a set returns. Raises ModuleTrouble when it raises."""
    try:
        return function(*arguments)
    except Exception as error:
        raise ModuleTrouble(_problem(root, path, error)) from error


def _package(folder: Path, version: str) -> str:
    """A package whose modules are the files of `folder`; another version of the folder is another package."""
    named = hashlib.sha256(f"{folder.resolve()}|{version}".encode()).hexdigest()[:16]
    name = _PREFIX + named
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name


def _problem(root: Path, path: Path, error: Exception) -> Problem:
    file, line = path, None
    if isinstance(error, SyntaxError) and error.filename:
        file, line = Path(error.filename), error.lineno
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if Path(frame.filename).is_relative_to(root):
                file, line = Path(frame.filename), frame.lineno
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else path.name
    message = getattr(error, "msg", None) or str(error)
    return Problem(name, line, f"{type(error).__name__}: {message}"[:500], getattr(error, "hint", ""))
