"""`all`: several checks, of which each has to pass."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldmark.errors import InputError
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._digest import canonical
from fieldmark.scorecards._verdict import Grading, Verdict, Verifier
from fieldmark.scorecards.verifiers._base import SettingsError, wrong
from fieldmark.scorecards.verifiers._make import make


class All(Verifier):
    """`all`: passes when every check does; the score is the mean of theirs. A void of one is a void.

    Settings: `checks`, a list of tables with `kind` and its settings.
    """

    kind = "all"

    def __init__(self, settings: Mapping[str, Any], folder: Path = Path()) -> None:
        """Make each check. Raises SettingsError that lists every mistake."""
        strange = [name for name in settings if name != "checks"]
        if strange:
            raise wrong(strange[0], f"unknown key '{strange[0]}'", "known: checks")
        checks = settings.get("checks")
        if not isinstance(checks, list | tuple) or not checks:
            raise wrong("checks", "'checks' is missing", 'checks = [{ kind = "exact", equals = "4" }]')
        self.checks = self._made(checks, folder)

    @classmethod
    def of(cls, checks: Sequence[Verifier]) -> All:
        """Of checks that are there already."""
        made = cls.__new__(cls)
        made.checks = tuple(checks)
        return made

    @property
    def needs_sandbox(self) -> bool:  # type: ignore[override]
        """Whether one of them does."""
        return any(check.needs_sandbox for check in self.checks)

    @property
    def needs_browser(self) -> bool:  # type: ignore[override]
        """Whether one of them does."""
        return any(check.needs_browser for check in self.checks)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of theirs."""
        return hashlib.sha256(canonical([self.kind, [c.digest for c in self.checks]])).hexdigest()

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        """Judge by each, one after another; stops at a void."""
        verdicts: list[Verdict] = []
        for check in self.checks:
            verdict = await check.verify(attempt, grading)
            if verdict.result == "void":
                return verdict
            verdicts.append(verdict)
        words = "; ".join(v.explanation for v in verdicts if v.explanation)
        score = sum(v.score or 0.0 for v in verdicts) / len(verdicts)
        evidence = {path: data for v in verdicts for path, data in v.evidence.items()}
        passed = all(v.result == "pass" for v in verdicts)
        return Verdict.of(passed, words, score=score, evidence=evidence)

    @staticmethod
    def _made(checks: Sequence[Any], folder: Path) -> tuple[Verifier, ...]:
        made: list[Verifier] = []
        found: list[tuple[tuple[str | int, ...], str, str]] = []
        for number, table in enumerate(checks):
            if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
                found.append((("checks", number), "a check has no kind", 'kind = "exact"'))
                continue
            try:
                made.append(make(table["kind"], {k: v for k, v in table.items() if k != "kind"}, folder))
            except SettingsError as error:
                found += [(("checks", number, *path), what, right) for path, what, right in error.found]
            except InputError as error:
                found.append((("checks", number), error.message, error.hint))
        if found:
            raise SettingsError(found)
        return tuple(made)
