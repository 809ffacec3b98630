"""Verifiers: from an attempt to a verdict. Written once; used as score, gate, reward and live monitor."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from fieldmark.errors import SandboxError
from fieldmark.ledger.evidence import VerdictResult, VoidReason
from fieldmark.plugins import Registry
from fieldmark.sandbox import Mount, Sandbox
from fieldmark.scorecards._attempt import Attempt


@dataclass(frozen=True)
class Verdict:
    """What a verifier says of an attempt."""

    result: VerdictResult
    score: float | None = None
    """0 (worst) to 1 (best); None for a void."""
    explanation: str = ""
    """Why, for people. Never shows hidden tests or the right answer of a sealed task."""
    void: VoidReason | None = None
    evidence: Mapping[str, bytes] = field(default_factory=dict)
    """Files that show it, such as screenshots, by path."""

    @classmethod
    def of(
        cls, passed: bool, explanation: str = "", *, score: float | None = None,
        evidence: Mapping[str, bytes] | None = None,
    ) -> Verdict:  # fmt: skip
        """Pass or fail; the score is 1 or 0 unless said."""
        score = float(passed) if score is None else score
        return cls("pass" if passed else "fail", score, explanation, evidence=evidence or {})

    @classmethod
    def nothing(cls, reason: VoidReason, explanation: str) -> Verdict:
        """Void: the infrastructure failed."""
        return cls("void", None, explanation, reason)


class Grading(Protocol):
    """What a verifier may use. Each sandbox is fresh and knows nothing of the contender's."""

    def sandbox(self, mounts: Sequence[Mount] = (), *, memory_mb: int = 512, seconds: float = 60) -> Sandbox:
        """A new sandbox, not yet opened. Raises SandboxError when none can be had."""
        ...


class Verifier(ABC):
    """One check of attempts. Making one is cheap and harmless; what is slow waits for `verify`."""

    kind: ClassVar[str]
    """Name in the registry."""
    needs_sandbox: ClassVar[bool] = False
    needs_browser: ClassVar[bool] = False

    @property
    @abstractmethod
    def digest(self) -> str:
        """SHA-256 (hex) of everything that decides a verdict: kind, version, settings, files, code."""

    @abstractmethod
    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        """Judge it. Never raise for a wrong answer: what is raised is the verifier's fault and makes the trial void,
        but for `AnswerTooLong`."""


VerifierMaker = Callable[[Mapping[str, Any], Path], Verifier]
"""Makes a verifier of its settings; paths in them are meant from the task's folder. Raises InputError."""

VERIFIERS: Registry[VerifierMaker] = Registry("fieldmark.verifiers")
"""Every kind of verifier."""


class AnswerTooLong(TimeoutError):
    """A pattern takes too long on what the contender said: a verifier may raise it, and the contender fails."""


async def judge(verifier: Verifier, attempt: Attempt, grading: Grading, *, seconds: float = 300) -> Verdict:
    """The verdict, whatever happens: a verifier that throws or hangs, or a sandbox that dies, is a void."""
    if attempt.script_fault:
        return Verdict.nothing("script", attempt.script_fault)
    try:
        async with asyncio.timeout(seconds):
            return await verifier.verify(attempt, grading)
    except AnswerTooLong as error:
        return Verdict.of(False, str(error))
    except TimeoutError:
        return Verdict.nothing("verifier", f"the verifier said nothing for {seconds:g} s")
    except SandboxError as error:
        return Verdict.nothing("sandbox", error.message)
    except Exception as error:
        return Verdict.nothing("verifier", f"the verifier failed: {type(error).__name__}: {error}"[:500])
