"""`code`: functions of the contender are called, in a sandbox of their own; what is right never goes there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._digest import set_files
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, settings_of, wrong
from fieldmark.scorecards.verifiers.bridge import CodeSide, Foreign, Gone, decode, encode
from fieldmark.scorecards.verifiers.bridge.plain import same

_BLOCK = re.compile(
    r"^[ \t]*```[ \t]*(?:python|py|python3)?[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE
)
_CASE = frozenset(
    {"args", "kwargs", "equals", "raises", "call", "as", "after", "output", "absolute", "relative", "name"}
)


@dataclass(frozen=True)
class Source:
    """An argument that is written as Python and made where the code runs: `Source("lambda x: -x")`."""

    text: str


class CodeSettings(Settings):
    """Settings of `code`."""

    entry: str
    """File and function: `solution.py:total`."""
    cases: Any = None
    """A list of cases, or a file of the task with them: JSON, or Python with a list `CASES`. A case is a table: `args`,
    `kwargs`; `equals`, or `raises` (name of the exception or of a class it derives from); `after` (what the arguments
    are afterwards), `output` (what is printed); `call` another function; `as` a function put around the result, such
    as `list`; `absolute`, `relative` for its numbers; `name`, shown to people."""
    of: Literal["files", "answer", "either"] = "files"
    """Where the code stands: among the artifacts, in a block of the answer, or in either."""
    paths: Sequence[str] = (".",)
    """Folders from which modules are imported."""
    support: str = ""
    """A folder of the task whose files are put beside the contender's, over them."""
    seconds: Annotated[float, Field(gt=0)] = 5.0
    """Time for one case."""
    total_seconds: Annotated[float, Field(gt=0)] = 120.0
    """Time for all cases; those that are not reached fail."""
    memory_mb: Annotated[int, Field(ge=64)] = 512
    """Memory of the code."""
    absolute: Annotated[float, Field(ge=0)] = 0.0
    """Numbers of results may differ by this."""
    relative: Annotated[float, Field(ge=0)] = 0.0
    """Numbers of results may differ by this share of the right one."""


class Code(Check):
    """`code`: passes when every case does; the score is the share of cases."""

    kind = "code"
    Settings = CodeSettings
    settings: CodeSettings
    needs_sandbox: ClassVar[bool] = True

    def __init__(self, settings: Mapping[str, Any], folder: Path = Path()) -> None:
        """Cases may hold any plain data of Python, which the settings' model would not take."""
        self.folder = folder
        self.given = dict(settings)
        cases = settings.get("cases")
        read = settings_of(CodeSettings, {k: v for k, v in settings.items() if k != "cases"})
        self._cases: Any = cases
        self.read(read)

    def read(self, settings: CodeSettings) -> None:
        """Take the settings over."""
        self.settings = settings
        self._file, _, self._function = settings.entry.partition(":")
        if not self._file.endswith(".py") or not self._function.isidentifier():
            raise wrong("entry", f"'entry' cannot be '{settings.entry}'", 'entry = "solution.py:function"')
        if isinstance(self._cases, str):
            self.beside(self._cases, "cases")
        else:
            _check_cases(self._cases)
        if settings.support:
            self.beside(settings.support, "support")

    def decides(self) -> Sequence[Path]:
        """The cases and what supports the code."""
        named = [self.folder / self._cases] if isinstance(self._cases, str) else []
        return [*named, *(self.folder / self.settings.support / p for p in self._support())]

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        """Put the code into a fresh sandbox and ask it case after case."""
        files = self._files(attempt)
        if isinstance(files, str):
            return Verdict.of(False, files)
        cases = self._all_cases()
        said = self.settings
        results: list[str] = []
        until = time.monotonic() + said.total_seconds
        async with grading.sandbox(memory_mb=said.memory_mb, seconds=said.total_seconds + 60) as sandbox:
            for path, content in files.items():
                await sandbox.write(path, content)
            async with CodeSide(sandbox, paths=said.paths, seconds=said.seconds) as side:
                results += [await self._try(side, case, until) for case in cases]
        return _verdict(cases, results)

    async def _try(self, side: CodeSide, case: Mapping[str, Any], until: float) -> str:
        """What is wrong with one case; empty when nothing is."""
        if time.monotonic() > until:
            return "no time was left"
        try:
            answer = await side.ask(self._request(case))
            return self._judged(answer, case)
        except Gone as gone:
            return str(gone)
        except ValueError:
            await side.stop()
            return "it answered what is no data"

    def _request(self, case: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "op": "call",
            "module": module_of(self._file, self.settings.paths),
            "path": str(case.get("call", self._function)).split("."),
            "args": [_told(value) for value in case.get("args", ())],
            "kwargs": {name: _told(value) for name, value in case.get("kwargs", {}).items()},
            "as": case.get("as"),
            "after": "after" in case,
            "output": "output" in case,
            "by_value": True,
        }

    def _judged(self, answer: Mapping[str, Any], case: Mapping[str, Any]) -> str:
        if "raises" in case or "raised" in answer:
            return _raised(answer, case)
        absolute = case.get("absolute", self.settings.absolute)
        relative = case.get("relative", self.settings.relative)
        result = decode(answer["returned"])
        if "equals" in case and not same(result, case["equals"], absolute, relative):
            kind = result.type_name if isinstance(result, Foreign) else type(result).__name__
            return f"it returned something else ({kind[:80]})"
        if "after" in case and not same(decode(answer.get("after")), list(case["after"]), absolute, relative):
            return "its arguments are not what they should be afterwards"
        if "output" in case and str(answer.get("output", "")).strip() != str(case["output"]).strip():
            return "it printed something else"
        return ""

    def _all_cases(self) -> Sequence[Mapping[str, Any]]:
        if not isinstance(self._cases, str):
            return list(self._cases)
        path = self.folder / self._cases
        if path.suffix == ".json":
            cases = [_with_sources(case) for case in json.loads(path.read_text("utf-8"))]
        else:
            from runpy import run_path

            cases = run_path(str(path))["CASES"]
        _check_cases(cases)
        return list(cases)

    def _support(self) -> Iterator[str]:
        folder = self.folder / self.settings.support
        for path in set_files(folder) if self.settings.support else ():
            yield path.relative_to(folder).as_posix()

    def _files(self, attempt: Attempt) -> dict[str, bytes] | str:
        """The contender's files and what supports them, or why there are none."""
        files, of = dict(attempt.files), self.settings.of
        if of != "files" and (of == "answer" or self._file not in files):
            code = code_in(attempt.answer, self._function)
            if code is None:
                return "the answer has no block of code"
            files[self._file] = code.encode("utf-8", "replace")
        support = {p: (self.folder / self.settings.support / p).read_bytes() for p in self._support()}
        if self._file not in {**files, **support}:
            why = attempt.left.get(self._file)
            return f"there is no file '{self._file}'" + (f": {why}" if why else "")
        return {**files, **support}


def code_in(answer: str, function: str) -> str | None:
    """The code of an answer: its last block that defines the function, else its last, else the answer itself."""
    blocks = [match[1] for match in _BLOCK.finditer(answer)]
    defining = re.compile(rf"^(?:async )?(?:def|class) +{re.escape(function)}\b", re.MULTILINE)
    named = [block for block in blocks if defining.search(block)]
    if named or blocks:
        return (named or blocks)[-1]
    return answer if defining.search(answer) else None


def module_of(file: str, paths: Sequence[str]) -> str:
    """Name under which a file is imported."""
    inner = next((file[len(p) + 1 :] for p in paths if p != "." and file.startswith(p + "/")), file)
    return inner.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _verdict(cases: Sequence[Mapping[str, Any]], results: Sequence[str]) -> Verdict:
    right = results.count("")
    shown = [
        f"case {case.get('name') or number}: {words}"
        for number, (case, words) in enumerate(zip(cases, results, strict=True), 1)
        if words
    ]
    words = f"{right} of {len(cases)} cases right" + (f"; {'; '.join(shown[:5])}" if shown else "")
    return Verdict.of(right == len(cases), words, score=right / len(cases))


def _raised(answer: Mapping[str, Any], case: Mapping[str, Any]) -> str:
    raised = answer.get("raised")
    if not isinstance(raised, Mapping):
        return "it raised nothing"
    line = raised.get("line")
    names = [str(name) for name in line] if isinstance(line, list) else []
    wanted = case.get("raises")
    if wanted and any(name == wanted or name.rpartition(".")[2] == wanted for name in names):
        return ""
    return f"it raised {str(raised.get('type'))[:80]}"


def _told(value: Any) -> Any:
    if isinstance(value, Source):
        return {"t": "source", "v": value.text}
    return encode(value)


def _with_sources(case: Mapping[str, Any]) -> Mapping[str, Any]:
    """JSON's `{"$source": "lambda x: x"}` as a `Source`."""
    args = [
        Source(a["$source"]) if isinstance(a, dict) and set(a) == {"$source"} else a
        for a in case.get("args", ())
    ]
    return {**case, "args": args}


def _check_cases(cases: Any) -> None:
    if not isinstance(cases, list | tuple) or not cases:
        raise wrong("cases", "'cases' is missing", "cases = [{ args = [1, 2], equals = 3 }]")
    for number, case in enumerate(cases, 1):
        strange = sorted(set(case) - _CASE) if isinstance(case, Mapping) else ["no table"]
        if strange:
            raise wrong("cases", f"case {number}: unknown {strange[0]}", f"known: {', '.join(sorted(_CASE))}")
        if not {"equals", "raises", "after", "output"} & set(case):
            raise wrong("cases", f"case {number} expects nothing", "equals, raises, after or output")
