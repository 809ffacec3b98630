"""A verifier as a monitor of live cases: kind `verifier` in the registry of monitors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldmark.errors import InputError
from fieldmark.monitors import CaseFacts, Finding
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._spoken import calls_of
from fieldmark.scorecards._trial import Bench
from fieldmark.scorecards._verdict import judge
from fieldmark.scorecards.verifiers import make


class VerifierVoid(Exception):
    """The verifier itself failed: recorded as an error, not as a finding."""


class VerifierMonitor:
    """`verifier`: a live case is judged as a trial would be. Settings: `kind` of the verifier, and its own settings."""

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        kind = settings.get("kind")
        if not isinstance(kind, str):
            right = 'settings = { kind = "regex", pattern = "[0-9]+" }'
            raise InputError("'kind' of the verifier is missing", hint=right)
        self.verifier = make(
            kind, {name: value for name, value in settings.items() if name != "kind"}, folder
        )
        if self.verifier.needs_sandbox:
            raise InputError(
                f"'{kind}' needs a sandbox, which live cases have not", hint="judge it in a scorecard"
            )

    def __call__(self, case: CaseFacts) -> Finding:
        """Look at one case."""
        attempt = attempt_of(case)
        verdict = asyncio.run(judge(self.verifier, attempt, Bench()))
        if verdict.result == "void":
            raise VerifierVoid(verdict.explanation)
        return Finding(verdict.result == "pass", verdict.score, verdict.explanation)


def attempt_of(case: CaseFacts) -> Attempt:
    """A live case, as a verifier is shown a trial."""
    messages = [dict(m) for m in case.messages]
    return Attempt("", messages=tuple(messages), answer=case.answer, calls=tuple(calls_of(case.tool_calls)))
