"""The kinds of monitor that come with Fieldmark."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldmark.errors import InputError
from fieldmark.monitors._base import CaseFacts, Finding

_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)


class JsonSchema:
    """`json_schema`: the answer is JSON and fits a schema. Settings: `schema`, a file or the schema itself."""

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        _only(settings, "schema")
        schema = settings.get("schema")
        if isinstance(schema, str):
            schema = _read_json(_inside(folder, schema))
        if not isinstance(schema, dict | bool):
            raise InputError("'schema' is missing", hint='settings = { schema = "answer.schema.json" }')
        self._schema = schema
        self._validator: Any = None

    def __call__(self, case: CaseFacts) -> Finding:
        """Look at one case."""
        fenced = _FENCE.fullmatch(case.answer)
        try:
            value = json.loads(fenced[1] if fenced else case.answer)
        except (ValueError, RecursionError) as error:
            return Finding(False, 0.0, f"the answer is not JSON: {error}")
        if self._validator is None:
            import jsonschema_rs

            self._validator = jsonschema_rs.validator_for(self._schema)
        wrong = next(iter(self._validator.iter_errors(value)), None)
        if wrong is None:
            return Finding(True, 1.0)
        place = "".join(f"[{p!r}]" for p in wrong.instance_path)
        return Finding(False, 0.0, f"the answer{place}: {wrong.message}")


class Forbidden:
    """`forbidden`: nothing of a list is said. Settings: `words` (whole words, any case) and `patterns`."""

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:  # noqa: ARG002
        _only(settings, "words", "patterns")
        words, patterns = _texts(settings, "words"), _texts(settings, "patterns")
        if not words and not patterns:
            raise InputError("nothing is forbidden", hint='settings = { words = ["guarantee"] }')
        try:
            self._patterns = [
                *(re.compile(rf"(?<!\w){re.escape(w)}(?!\w)", re.IGNORECASE) for w in words),
                *map(re.compile, patterns),
            ]
        except (re.error, OverflowError, RecursionError) as error:
            raise InputError(f"a pattern is no regular expression: {error}") from None

    def __call__(self, case: CaseFacts) -> Finding:
        """Look at one case."""
        found = [m[0] for p in self._patterns if (m := p.search(case.answer))]
        return Finding(not found, float(not found), f"it says: {', '.join(found)}"[:500] if found else "")


class Citation:
    """`citation`: the answer cites. Settings: `pattern` of a citation (default `[1]` and the like), `least` (1), and
    `in_request`: whether what is cited must stand in the question too (false)."""

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:  # noqa: ARG002
        _only(settings, "pattern", "least", "in_request")
        pattern, least = settings.get("pattern", r"\[\d+\]"), settings.get("least", 1)
        in_request = settings.get("in_request", False)
        if not isinstance(least, int) or least < 1 or not isinstance(in_request, bool):
            raise InputError("'least' is a whole number from 1, 'in_request' true or false")
        try:
            self._pattern = re.compile(pattern)
        except (re.error, TypeError, OverflowError, RecursionError) as error:
            raise InputError(f"'pattern' is no regular expression: {error}") from None
        self._least, self._in_request = least, in_request

    def __call__(self, case: CaseFacts) -> Finding:
        """Look at one case."""
        cited = list(dict.fromkeys(m[0] for m in self._pattern.finditer(case.answer)))
        if len(cited) < self._least:
            return Finding(False, len(cited) / self._least, f"{len(cited)} cited, {self._least} wanted")
        asked = json.dumps(list(case.messages), ensure_ascii=False) if self._in_request else ""
        foreign = [c for c in cited if c not in asked] if self._in_request else []
        score = 1 - len(foreign) / len(cited)
        return Finding(
            not foreign, score, f"not in the question: {', '.join(foreign)}"[:500] if foreign else ""
        )


class PythonFunction:
    """`python`: a function of a file in the field's folder. Settings: `function = "checks.py:name"`.

    It is given a `CaseFacts` and returns a `Finding`, or true or false.
    """

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        _only(settings, "function")
        place = settings.get("function")
        file, _, name = place.partition(":") if isinstance(place, str) else ("", "", "")
        if not file or not name:
            raise InputError("'function' is missing", hint='settings = { function = "checks.py:name" }')
        self._path, self._name = _inside(folder, file), name
        source = _read(self._path)
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise InputError(f"'{file}' is no Python: {error}") from None
        defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        if name not in defined:
            known = ", ".join(defined) or "none"
            raise InputError(f"'{file}' has no function '{name}'", hint=f"functions there: {known}")
        self._function: Callable[[CaseFacts], object] | None = None

    def __call__(self, case: CaseFacts) -> Finding:
        """Look at one case."""
        if self._function is None:
            from runpy import run_path

            self._function = run_path(str(self._path))[self._name]
        found = self._function(case)
        if isinstance(found, bool):
            return Finding(found)
        if not isinstance(found, Finding):
            raise TypeError(f"{self._name} returned {type(found).__name__}, not a Finding or a bool")
        return found


def _only(settings: Mapping[str, Any], *known: str) -> None:
    for name in settings:
        if name not in known:
            raise InputError(f"unknown setting '{name}'", hint="known: " + ", ".join(known))


def _texts(settings: Mapping[str, Any], name: str) -> Sequence[str]:
    value = settings.get(name, [])
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) and text for text in value):
        raise InputError(f"'{name}' is a list of texts")
    return value


def _inside(folder: Path, name: str) -> Path:
    root = folder.resolve()
    try:
        path = (root / name).resolve()
    except (ValueError, OSError, RuntimeError):
        path = root
    if path == root or not path.is_relative_to(root):
        raise InputError(f"'{name}' is no file inside the field's folder")
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"'{path.name}' cannot be read: {error}") from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"'{path.name}' is not JSON: {error}") from None
