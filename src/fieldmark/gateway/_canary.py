"""The canary set: fixed questions, each asked several times, and the answers of one run."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import rfc8785

from fieldmark.errors import ContenderFailure, FailureKind
from fieldmark.fields import Field, Member

AT_ONCE = 2
"""Canary questions that one contender answers at once: real work goes first."""
GIVE_UP = 4
"""Failures in a row after which the rest of a run is not asked."""


@dataclass(frozen=True)
class Canaries:
    """What is asked, and how."""

    prompts: tuple[str, ...]
    samples: int
    """Answers to each prompt in one run."""
    max_tokens: int
    temperature: float | None = None
    """None: the contender's own."""

    @classmethod
    def of(cls, field: Field) -> Canaries:
        """The set that the field's `[drift]` names, or else its own first prompts."""
        drift = field.drift
        prompts = drift.prompts or tuple(p.text for p in field.prompts[: drift.first])
        return cls(prompts, drift.samples, drift.max_tokens, drift.temperature)

    @property
    def key(self) -> str:
        """The beginning of a SHA-256: only runs of one key can be compared."""
        said: dict[str, Any] = {"prompts": list(self.prompts), "samples": self.samples}
        said |= {"max_tokens": self.max_tokens, "temperature": self.temperature}
        return hashlib.sha256(rfc8785.dumps(said)).hexdigest()[:16]

    @property
    def asked(self) -> int:
        """Answers in one run."""
        return len(self.prompts) * self.samples


@dataclass
class CanaryRun:
    """The answers of one run: texts by the prompt's place in the set. What failed is counted, not guessed."""

    answers: dict[str, list[str]]
    asked: int
    failures: Counter[FailureKind] = field(default_factory=Counter)
    ms: int = 0
    cost: float | None = None
    """Currency units; None without a price."""

    @property
    def failed(self) -> int:
        """Answers that did not come."""
        return self.asked - sum(map(len, self.answers.values()))


async def ask_canaries(
    member: Member, canaries: Canaries, *, at_once: int = AT_ONCE, seconds: float | None = None
) -> CanaryRun:
    """Ask a contender every canary `samples` times, at most `at_once` at a time, within its spend cap.

    A failure is data; after `GIVE_UP` of them in a row, or after so many seconds, the contender is left alone.
    """
    run = CanaryRun({str(place): [] for place in range(len(canaries.prompts))}, canaries.asked)
    # Sample by sample: what changes in the course of a run then meets every prompt alike.
    waiting = iter([place for _ in range(canaries.samples) for place in range(len(canaries.prompts))])
    began = time.monotonic()
    async with member.asked():
        asking = _Asking(member, canaries, run)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(asking.work(waiting) for _ in range(at_once)))
    run.ms = round((time.monotonic() - began) * 1000)
    return run


@dataclass
class _Asking:
    member: Member
    canaries: Canaries
    run: CanaryRun
    failed_in_a_row: int = 0

    async def work(self, waiting: Iterator[int]) -> None:
        while self.failed_in_a_row < GIVE_UP and (place := next(waiting, None)) is not None:
            try:
                text = await self._answer(self.canaries.prompts[place])
            except ContenderFailure as failure:
                self.run.failures[failure.kind] += 1
                self.failed_in_a_row += 1
            else:
                self.failed_in_a_row = 0
                self.run.answers[str(place)].append(text)

    async def _answer(self, prompt: str) -> str:
        self.member.check_budget()
        request: dict[str, Any] = {"messages": [{"role": "user", "content": prompt}]}
        request |= {"max_tokens": self.canaries.max_tokens, "temperature": self.canaries.temperature}
        reply = await self.member.contender.complete(request)
        usage = reply.get("usage") or {}
        cost = self.member.cost(usage.get("prompt_tokens"), usage.get("completion_tokens"))
        if cost is not None:
            self.member.spent += cost
            self.run.cost = (self.run.cost or 0.0) + cost
        message = reply["choices"][0]["message"]
        return message.get("content") or message.get("refusal") or ""  # saying nothing is an answer too
