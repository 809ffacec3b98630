"""`pytest`: hidden tests judge the contender's modules from another sandbox; old tests have to pass still."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from fieldmark.sandbox import Running, Sandbox, glob
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._digest import set_files
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, wrong
from fieldmark.scorecards.verifiers.bridge import CodeSide, Gone, encode

_LINE = 16 << 20
_TOOLS = frozenset({"pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "fieldmark_code"})
HIDDEN, OLD = "hidden", "old"
"""Folders in the sandbox with the tests."""


class PytestSettings(Settings):
    """Settings of `pytest`."""

    tests: str = "hidden"
    """Folder of the task with the hidden tests and what they need. They import the contender's modules as usual."""
    modules: Sequence[str] = ()
    """Names of its modules and packages; empty: every one at the top of `paths`."""
    paths: Sequence[str] = (".",)
    """Folders from which modules are imported: `src`."""
    old_tests: Sequence[str] = ()
    """Patterns of the tests that stand in the task's `files/`: they have to pass still, as they were."""
    support: str = ""
    """A folder of the task whose files are put beside the contender's, over them."""
    seconds: Annotated[float, Field(gt=0)] = 10.0
    """Time for one call of its code."""
    total_seconds: Annotated[float, Field(gt=0)] = 120.0
    """Time for all tests."""
    memory_mb: Annotated[int, Field(ge=64)] = 512
    """Memory of the code."""


@dataclass(frozen=True)
class _Ran:
    passed: int
    total: int
    broken: int = 0

    @property
    def said(self) -> str:
        broken = f" ({self.broken} files of tests could not even be loaded)" if self.broken else ""
        return f"{self.passed} of {self.total}{broken}"


class Slow(Exception):
    """The contender's code used up the time of the tests."""


class Pytest(Check):
    """`pytest`: passes when every hidden and every old test does; the score is the share of them."""

    kind = "pytest"
    Settings = PytestSettings
    settings: PytestSettings
    needs_sandbox: ClassVar[bool] = True

    def read(self, settings: PytestSettings) -> None:
        """Take the settings over."""
        self.settings = settings
        hidden = self.beside(settings.tests, "tests")
        names = [path.name for path in set_files(hidden)]
        if not any(glob("test_*.py").fullmatch(n) or glob("*_test.py").fullmatch(n) for n in names):
            raise wrong("tests", f"'{settings.tests}' has no test", "a file test_*.py in it")
        if settings.support:
            self.beside(settings.support, "support")
        for pattern in settings.old_tests:
            if not self._old([pattern]):
                raise wrong("old_tests", f"no file in files/ is '{pattern}'", 'old_tests = ["tests/**"]')

    def decides(self) -> Sequence[Path]:
        """Tests, hidden and old, and what supports the code."""
        folders = [self.settings.tests, *([self.settings.support] if self.settings.support else [])]
        found = [path for folder in folders for path in set_files(self.folder / folder)]
        return [*found, *(self.folder / "files" / path for path in self._old(self.settings.old_tests))]

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        """Two sandboxes: one with the code, one with the tests; between them only plain data."""
        said, code = self.settings, {**attempt.files, **self._read(self.settings.support)}
        if not any(path.endswith(".py") for path in code):
            return Verdict.of(False, "there is no Python file")
        old = {path: (self.folder / "files" / path).read_bytes() for path in self._old(said.old_tests)}
        tests = {HIDDEN: self._read(said.tests), OLD: old}
        try:
            ran = await self._run(code, tests, grading)
        except Slow:
            return Verdict.of(
                False, f"its code took most of the {said.total_seconds:g} s that all tests have"
            )
        hidden, before = ran[HIDDEN], ran[OLD]
        if not hidden.total:
            raise RuntimeError("pytest found no hidden test")
        right, total = hidden.passed + before.passed, hidden.total + before.total
        words = f"hidden tests: {hidden.said}" + (f"; old tests: {before.said}" if said.old_tests else "")
        passed = right == total
        return Verdict.of(passed, words, score=1.0 if passed else right / total)

    async def _run(
        self, code: Mapping[str, bytes], tests: Mapping[str, Mapping[str, bytes]], grading: Grading
    ) -> Mapping[str, _Ran]:
        said = self.settings
        limit = said.total_seconds + 60
        async with (
            grading.sandbox(memory_mb=said.memory_mb, seconds=limit) as theirs,
            grading.sandbox(seconds=limit) as ours,
        ):
            for path, content in code.items():
                await theirs.write(path, content)
            for folder, files_ in tests.items():
                for path, content in files_.items():
                    await ours.write(f"{folder}/{path}", content)
            async with CodeSide(theirs, paths=said.paths, seconds=said.seconds) as side:
                own = [path for files_ in tests.values() for path in files_]
                return await self._judged(ours, side, self._modules(code, own))

    def _modules(self, code: Mapping[str, bytes], tests: Sequence[str]) -> list[str]:
        """What tests import from the contender: what the task says or gives, so that no file of its can stand in for
        anything else that the tests import.
        """
        if self.settings.modules:
            return list(self.settings.modules)
        given = self._read("files") if (self.folder / "files").is_dir() else {}
        found = top_modules(given, self.settings.paths) or top_modules(code, self.settings.paths)
        own = {path.split("/")[0].removesuffix(".py") for path in tests}
        return sorted(found - own - sys.stdlib_module_names - _TOOLS)

    async def _judged(self, ours: Sandbox, side: CodeSide, modules: Sequence[str]) -> Mapping[str, _Ran]:
        environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0"}
        running = await ours.start([ours.python, "-I", "-B", "-c", _source()], env=environment)
        try:
            return await _Relay(running, side, self.settings.total_seconds).results(modules)
        finally:
            await running.stop()

    def _old(self, patterns: Sequence[str]) -> list[str]:
        folder = self.folder / "files"
        wanted = [glob(pattern) for pattern in patterns]
        found = [path.relative_to(folder).as_posix() for path in set_files(folder)] if folder.is_dir() else []
        return [path for path in found if any(w.fullmatch(path) for w in wanted)]

    def _read(self, folder: str) -> dict[str, bytes]:
        root = self.folder / folder
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in set_files(root)} if folder else {}


def top_modules(code: Mapping[str, bytes], paths: Sequence[str]) -> set[str]:
    """Names of the modules and packages that can be imported from `paths`; tests are none."""
    found: set[str] = set()
    for file in code:
        for path in paths:
            inner = file if path == "." else file.removeprefix(path + "/")
            if file.endswith(".py") and (path == "." or inner != file):
                found.add(inner.split("/")[0].removesuffix(".py"))
    return {name for name in found if name.isidentifier() and not _is_test(name)}


def _is_test(name: str) -> bool:
    return (
        name in ("tests", "test", "conftest", "setup") or name.startswith("test_") or name.endswith("_test")
    )


class _Relay:
    """Hands questions of the tests to the code, and its answers back, until the tests are over."""

    def __init__(self, running: Running, side: CodeSide, seconds: float) -> None:
        self.running = running
        self.side = side
        self.seconds = seconds
        self.waited = 0.0
        """Seconds that the code took."""

    async def results(self, modules: Sequence[str]) -> Mapping[str, _Ran]:
        token = secrets.token_hex(16)
        arguments = ["-q", "-p", "no:cacheprovider", "--rootdir=.", "--import-mode=importlib"]
        await self._send(
            {"token": token, "modules": modules, "arguments": arguments, "folders": [HIDDEN, OLD]}
        )
        until = time.monotonic() + self.seconds
        while True:
            line = await self._line(until)
            asked = json.loads(line)
            if asked.get("token") == token:
                return {folder: _ran(asked, folder) for folder in (HIDDEN, OLD)}
            begun = time.monotonic()
            answer = await self._answer(asked)
            self.waited += time.monotonic() - begun
            await self._send(answer)

    async def _line(self, until: float) -> bytes:
        left = until - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            line = await self.running.line(seconds=left, limit=_LINE)
        except TimeoutError:
            if self.waited > self.seconds / 2:
                raise Slow from None
            raise TimeoutError(f"the tests took more than {self.seconds:g} s") from None
        if line is None:
            said = (await self.running.stop()).stderr.decode(errors="replace")[-400:]
            raise RuntimeError(f"the tests ended without a result: {said}")
        return line

    async def _answer(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        sandbox = self.side.sandbox
        try:
            if asked.get("op") == "write":
                await sandbox.write(asked["name"], encoded_bytes(asked["args"][0]))
                return {"returned": None}
            if asked.get("op") == "read":
                return {"returned": encode(await sandbox.read(asked["name"]))}
            return await self.side.ask(asked)
        except Gone as gone:
            return {"lost": str(gone)}
        except (OSError, ValueError) as error:
            return {"lost": f"{asked.get('name')}: {error}"}

    async def _send(self, said: Mapping[str, Any]) -> None:
        await self.running.send(json.dumps(said).encode() + b"\n")


def encoded_bytes(told: Any) -> bytes:
    """Bytes that the tests sent."""
    from fieldmark.scorecards.verifiers.bridge import decode

    data = decode(told)
    if not isinstance(data, bytes):
        raise ValueError("no bytes")
    return data


def _ran(said: Mapping[str, Any], folder: str) -> _Ran:
    results = [outcome for node, outcome in said["results"].items() if node.startswith(f"{folder}/")]
    collected = sum(node.startswith(f"{folder}/") for node in said["collected"])
    broken = sum(node.startswith(f"{folder}/") for node in said["broken"])
    passed, failed = results.count("passed"), results.count("failed")
    unrun = max(collected - len(results), 0)
    return _Ran(passed, passed + failed + broken + unrun, broken)


def _source() -> str:
    here = files("fieldmark.scorecards.verifiers.bridge")
    plain, side = ((here / name).read_text("utf-8") for name in ("plain.py", "grader_side.py"))
    return f"{plain}\n{side.replace('from __future__ import annotations', '')}\nmain()\n"
