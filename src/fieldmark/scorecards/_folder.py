"""Reads a task that is a folder, and says everything that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fieldmark.errors import InputError, Problem
from fieldmark.fields import Document, Reader, validated
from fieldmark.scorecards._digest import CACHES, set_files
from fieldmark.scorecards._mcp import mcp_scene
from fieldmark.scorecards._modules import ModuleTrouble, load_module
from fieldmark.scorecards._set_files import DefaultsTable, TaskFile
from fieldmark.scorecards._task import Budget, SceneMaker, Solution, Task, Tool, Variant
from fieldmark.scorecards._verdict import Verifier
from fieldmark.scorecards.verifiers import All, SettingsError

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_KNOWN = frozenset(
    {"task.toml", "instruction.md", "verifier.py", "tools.py", "scene.py", "README.md"}
    | {"variants", "files", "hidden", "oracle", "cheat", "wrong"}
)
_MOST = 16 << 20
"""Bytes of one file that is given to a contender."""


@dataclass
class TaskFolder:
    """One reading of one task's folder. `where` is its path in the set; mistakes gather in `reader.problems`."""

    reader: Reader
    where: str
    defaults: DefaultsTable
    version: str
    """Digest of the set, so that changed Python is loaded anew."""
    sealed: bool = False

    @property
    def folder(self) -> Path:
        """Of the task."""
        return self.reader.folder / self.where

    def task(self) -> Task | None:
        """The task; None with a problem noted."""
        before = len(self.reader.problems)
        if not ID.fullmatch(self.folder.name):
            what = f"'{self.folder.name}' is no id of a task"
            self._wrong(what, "up to 64 letters, digits, '-', '_'", "")
        self._strange()
        document, said = self._toml()
        instruction = self._text("instruction.md", required=True)
        verifier = self._verifier(document) if document else None
        oracle = self._solution("oracle")
        parts: dict[str, Any] = {
            "files": self._files("files"),
            "variants": self._variants(said),
            "oracle": oracle,
            "cheats": self._solutions("cheat"),
            "wrong": self._solutions("wrong"),
            "tools": self._tools(),
            "scene": self._scene() or _server(said),
        }
        if said is None or verifier is None or instruction is None or len(self.reader.problems) > before:
            return None
        return Task(
            id=self.folder.name, instruction=instruction, verifier=verifier, **self._said(said), **parts
        )

    def _said(self, said: TaskFile) -> dict[str, Any]:
        defaults = self.defaults
        return {
            "title": said.title,
            "kind": said.kind,
            "tags": tuple(said.tags),
            "system": said.system,
            "uses": frozenset(defaults.uses if said.uses is None else said.uses),
            "artifacts": tuple(defaults.artifacts if said.artifacts is None else said.artifacts),
            "budget": said.budget.over(defaults.budget.over(Budget())),
            "checks_seconds": said.checks_seconds or defaults.checks_seconds,
            "sealed": said.sealed or self.sealed,
        }

    def _toml(self) -> tuple[Document | None, TaskFile | None]:
        name = f"{self.where}/task.toml"
        document = self.reader.toml(name)
        if document is None and (self.folder / "task.toml").exists():
            return None, None
        document = document or Document(name, {}, {})
        said = validated(TaskFile, document, document.data, self.reader.problems, ())
        return document, said

    def _verifier(self, document: Document) -> Verifier | None:
        tables = document.data.get("checks") or []
        if not tables and (self.folder / "verifier.py").is_file():
            tables = [{"kind": "python", "function": "verifier.py:verify"}]
        if not tables:
            right = '[[checks]] with kind = "exact" and its settings, or a verifier.py'
            self.reader.problems.append(document.problem((), "nothing checks the result", right))
            return None
        try:
            checks = All({"checks": tables}, self.folder)
        except SettingsError as error:
            self.reader.problems += [document.problem(path, what, right) for path, what, right in error.found]
            return None
        except InputError as error:
            self.reader.problems.append(document.problem(("checks",), error.message, error.hint))
            return None
        return checks.checks[0] if len(checks.checks) == 1 else checks

    def _variants(self, said: TaskFile | None) -> tuple[Variant, ...]:
        place, found = self.folder / "variants", []
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.name in CACHES:
                continue
            name = path.name if path.is_dir() else path.stem
            if not ID.fullmatch(name) or not (path.is_dir() or path.suffix == ".md"):
                self._wrong(f"'{path.name}' is no variant", "ID.md, or a folder ID/", f"variants/{path.name}")
                continue
            found.append(self._variant(path, name, said))
        for name in said.variants if said else ():
            if name not in {variant.id for variant in found}:
                self._wrong(f"there is no variant '{name}'", f"a file variants/{name}.md", "task.toml")
        return tuple(found)

    def _variant(self, path: Path, name: str, said: TaskFile | None) -> Variant:
        inner = f"variants/{path.name}"
        files: Mapping[str, bytes] = {}
        if path.is_dir():
            files = self._files(f"{inner}/files")
            inner += "/instruction.md"
        text = self._text(inner)
        if text is None and not files:
            self._wrong("the variant changes nothing", "an instruction.md or files/", f"variants/{path.name}")
        kind: Literal["paraphrase", "perturbation"] = "perturbation" if files else "paraphrase"
        table = said.variants.get(name) if said else None
        return Variant(name, table.kind if table else kind, text, files)

    def _solutions(self, folder: str) -> dict[str, Solution]:
        place, found = self.folder / folder, {}
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.name in CACHES:
                continue
            if not path.is_dir():
                right = f"{folder}/NAME/{path.name}"
                self._wrong("it stands in no folder of its own", right, f"{folder}/{path.name}")
            elif (solution := self._solution(f"{folder}/{path.name}")) is not None:
                found[path.name] = solution
        return found

    def _solution(self, where: str) -> Solution | None:
        if not (self.folder / where).is_dir():
            return None
        before = len(self.reader.problems)
        play = self._function(f"{where}/play.py", "play")
        answer = self._text(f"{where}/answer.md")
        calls = self._calls(f"{where}/calls.json")
        says = self._json(f"{where}/says.json") or []
        if not isinstance(says, list) or not all(isinstance(text, str) for text in says):
            self._wrong("it is no list of texts", '["first", "then"]', f"{where}/says.json")
            says = []
        files = self._files(f"{where}/files")
        silent = play is None and answer is None and not calls and not says and not files
        if silent and len(self.reader.problems) == before:
            right = "answer.md, calls.json, says.json, files/ or play.py"
            self._wrong("it says nothing and does nothing", right, where)
        return Solution(answer or "", tuple(says), calls, files, play)

    def _calls(self, name: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        calls = self._json(name) or []
        fine = isinstance(calls, list) and all(
            isinstance(c, list) and len(c) == 2 and isinstance(c[0], str) and isinstance(c[1], dict)
            for c in calls
        )
        if not fine:
            self._wrong("it is no list of calls", '[["tool", {"argument": 1}]]', name)
            return ()
        return tuple((call[0], call[1]) for call in calls)

    def _tools(self) -> tuple[Tool, ...]:
        made = self._function("tools.py", "TOOLS")
        if made is None:
            return ()
        try:
            return tuple(one if isinstance(one, Tool) else Tool.of(one) for one in made)
        except Exception as error:
            self._wrong(f"TOOLS is no list of functions: {error}", "TOOLS = [function, ...]", "tools.py")
            return ()

    def _scene(self) -> SceneMaker | None:
        scene: SceneMaker | None = self._function("scene.py", "scene")
        return scene

    def _function(self, name: str, attribute: str) -> Any:
        path = self.folder / name
        if not path.is_file():
            return None
        try:
            module = load_module(self.reader.folder, path, self.version)
        except ModuleTrouble as trouble:
            self.reader.problems.append(trouble.problem)
            return None
        found = getattr(module, attribute, None)
        if found is None:
            self._wrong(f"it has no '{attribute}'", f"{attribute} defined in it", name)
        return found

    def _files(self, name: str) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        folder = self.folder / name
        for path in set_files(folder) if folder.is_dir() else ():
            inner = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                self._wrong("it is no plain file", "a file, not a link", f"{name}/{inner}")
            elif path.stat().st_size > _MOST:
                self._wrong("it is too big", f"at most {_MOST >> 20} MB", f"{name}/{inner}")
            else:
                found[inner] = path.read_bytes()
        return found

    def _text(self, name: str, *, required: bool = False) -> str | None:
        inner = f"{self.where}/{name}"
        missing = Problem(inner, None, "it is missing", "what the contender is told") if required else None
        text = self.reader.text(inner, missing)
        if required and text is not None and not text.strip():
            self._wrong("it is empty", "what the contender is told", name)
        return None if text is None else text.strip("\n")

    def _json(self, name: str) -> Any:
        text = self.reader.text(f"{self.where}/{name}")
        if text is None:
            return None
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            self._wrong(f"it is not JSON: {error.msg}", "JSON", name, error.lineno)
        except (ValueError, RecursionError) as error:
            self._wrong(f"it is not JSON: {error}", "JSON", name)
        return None

    def _strange(self) -> None:
        """A misspelt folder would be a cheat that is never tried."""
        for path in sorted(self.folder.iterdir()):
            if path.name not in _KNOWN and path.name not in CACHES and path.suffix not in {".py", ".json"}:
                self._wrong(
                    "nothing of that name belongs to a task", f"known: {', '.join(sorted(_KNOWN))}", path.name
                )

    def _wrong(self, what: str, right: str, name: str, line: int | None = None) -> None:
        where = f"{self.where}/{name}" if name else self.where
        self.reader.problems.append(Problem(where, line, what, right))


def _server(said: TaskFile | None) -> SceneMaker | None:
    """The scene with the tools of the MCP server that a task names."""
    if said is None or said.mcp is None:
        return None
    return mcp_scene(said.mcp.command, trusted=said.mcp.trusted, only=said.mcp.only)
