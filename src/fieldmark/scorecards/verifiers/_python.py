"""`python`: a function of a file of the task judges."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, wrong
from fieldmark.scorecards.verifiers._child import ChildFailed, run_function
from fieldmark.scorecards.verifiers._subject import too_deep


class PythonSettings(Settings):
    """Settings of `python`."""

    function: str = "verifier.py:verify"
    """File of the task and function: it is given an attempt (`answer`, `calls`, `state`, `files`, ...) and returns true
    or false, a score from 0 to 1 (1 passes), either with words in a tuple, or a table with `passed`, `score`,
    `explanation`."""
    seconds: Annotated[float, Field(gt=0)] = 30.0
    """Time it may take; afterwards the trial is void."""


class PythonFunction(Check):
    """`python`: in a process of its own; when it throws, hangs or ends the process, the trial is void."""

    kind = "python"
    Settings = PythonSettings
    settings: PythonSettings

    def read(self, settings: PythonSettings) -> None:
        """Take the settings over; the file is only parsed."""
        self.settings = settings
        file, _, self._name = settings.function.partition(":")
        source = self.text(file, "function")
        self._path = (self.folder / file).absolute()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise wrong(
                "function", f"'{file}' is no Python: {error}", "a file that Python can read"
            ) from None
        defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        if self._name not in defined:
            known = ", ".join(defined) or "none"
            raise wrong("function", f"'{file}' has no function '{self._name}'", f"functions there: {known}")

    def decides(self) -> Sequence[Path]:
        """Every Python file beside it, which it may import, and what is hidden in the task."""
        hidden = self.folder / "hidden"
        beside = set(self._path.parent.glob("*.py")) | {self._path}
        return sorted(
            beside | ({p for p in hidden.rglob("*") if p.is_file() and "__pycache__" not in p.parts})
        )

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Call it."""
        if too_deep([attempt.state, [call.arguments for call in attempt.calls]]):
            return Verdict.of(False, "what it left is nested too deeply")
        try:
            said = await run_function(self._path, self._name, attempt, seconds=self.settings.seconds)
        except ChildFailed as failed:
            return Verdict.nothing("verifier", f"the verifier failed: {failed}")
        return Verdict.of(said["passed"], said["explanation"], score=said["score"])
