"""One trial from the empty stage to the verdict."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from fieldmark.errors import ContenderFailure, FailureKind, SandboxError
from fieldmark.ledger.evidence import Ended
from fieldmark.sandbox import SANDBOXES, Limits, Mount, Sandbox
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._hands import hands
from fieldmark.scorecards._stage import BudgetSpent, Scene, ScriptFault, Stage
from fieldmark.scorecards._task import Task, Variant
from fieldmark.scorecards._verdict import Verdict, judge
from fieldmark.scorecards.agents import Agent, GaveUp

ENDPOINT_FAULTS: frozenset[FailureKind] = frozenset(
    {"unreachable", "refused", "over_budget", "interrupted", "crashed"}
)
"""Failures that say nothing about a contender's skill: the trial is void. A timeout or a cut-off answer is a fail, and
so is a server that broke off (`broke_off`) for the second time in one trial."""
_SERVER_ERROR = 500


@dataclass(frozen=True)
class TrialKey:
    """What names a trial within a run. A void earns a new `attempt` of the same trial."""

    run: str
    task: str
    variant: str
    contender: str
    trial: int
    attempt: int = 1

    def seed(self, run_seed: int) -> int:
        """Seed of this attempt, below 2**32."""
        named = f"{run_seed}|{self.task}|{self.variant}|{self.contender}|{self.trial}|{self.attempt}"
        return int.from_bytes(hashlib.sha256(named.encode()).digest()[:4], "big")


@dataclass(frozen=True)
class Bench:
    """Where trials are played and judged: the kind of sandbox, and its limits. Also the `Grading` of verifiers."""

    sandbox_kind: str = "bubblewrap"
    limits: Limits = field(default_factory=Limits)

    def sandbox(
        self, mounts: Sequence[Mount] = (), *, memory_mb: int | None = None, seconds: float | None = None
    ) -> Sandbox:
        """A new sandbox, not yet opened. Raises SandboxError when this machine cannot have one."""
        kind = SANDBOXES.get(self.sandbox_kind)
        if trouble := kind.trouble():
            raise SandboxError(f"no {self.sandbox_kind} sandbox: {trouble}")
        limits = Limits(
            memory_mb=memory_mb or self.limits.memory_mb,
            processes=self.limits.processes,
            disk_mb=self.limits.disk_mb,
            seconds=seconds or self.limits.seconds,
            output_kb=self.limits.output_kb,
        )
        return kind(limits, mounts)


@dataclass(frozen=True)
class Played:
    """A trial that is over."""

    attempt: Attempt
    verdict: Verdict
    judging_ms: int


async def play(
    task: Task, agent: Agent, bench: Bench, *, variant: Variant | None = None, seed: int = 0
) -> Played:
    """Let `agent` take `task` once and judge what came of it. Whatever goes wrong is data; only cancelling raises."""
    scene = task.scene(task, variant, seed) if task.scene else Scene(task, variant, seed)
    stage = Stage(scene, task.budget)
    stage.bench = bench
    attempt = await _attempt(agent, stage, bench)
    begun = time.monotonic()
    verdict = _void_by_endpoint(attempt) or await judge(
        task.verifier, attempt, bench, seconds=task.checks_seconds
    )
    return Played(attempt, _only_answered(attempt, verdict), round((time.monotonic() - begun) * 1000))


async def _attempt(agent: Agent, stage: Stage, bench: Bench) -> Attempt:
    try:
        async with AsyncExitStack() as open_:
            await _set_up(stage.scene, bench, open_, getattr(agent, "mounts", ()))
            return await _act(agent, stage)
    except SandboxError as error:
        return replace(stage.attempt("cancelled"), sandbox_fault=error.message)


async def _set_up(scene: Scene, bench: Bench, opened: AsyncExitStack, mounts: Sequence[Mount]) -> None:
    task, variant = scene.task, scene.variant
    if "sandbox" in task.uses:
        scene.sandbox = await opened.enter_async_context(bench.sandbox(mounts))
        files = {**task.files, **(variant.files if variant else {})}
        for path, content in files.items():
            await scene.sandbox.write(path, content)
        scene.hands = hands(scene.sandbox)
    opened.push_async_callback(scene.close)
    await scene.open()


async def _act(agent: Agent, stage: Stage) -> Attempt:
    ended: Ended = "answered"
    failure: ContenderFailure | None = None
    fault = ""
    try:
        async with asyncio.timeout(stage.budget.seconds) as stage.clock:
            await stage.begin()
            await agent.take(stage)
    except BudgetSpent as spent:
        ended = spent.which
    except TimeoutError:
        ended = "seconds"
        if stage.waited:  # the time went to the endpoint's limit: that says nothing about the contender
            words = f"it waited {stage.waited:.0f} s for its endpoint, and the time was up"
            ended, failure = "failed", ContenderFailure("refused", words)
    except GaveUp:
        ended = "gave_up"
    except ContenderFailure as error:
        ended, failure = "failed", error
        acted = bool(stage.steps or stage.calls)
        if acted and error.kind == "refused" and (error.status or 0) >= _SERVER_ERROR:
            error.kind = "crashed"
    except ScriptFault as error:
        fault = str(error) or "the script failed"
    return await stage.end(ended, failure, script_fault=fault)


def broke_off(attempt: Attempt) -> bool:
    """Whether the contender's own server answered with an error (HTTP 500 and above) after the contender had acted."""
    return attempt.failure == "crashed" and (attempt.status or 0) >= _SERVER_ERROR


def _void_by_endpoint(attempt: Attempt) -> Verdict | None:
    if broke_off(attempt):
        return Verdict.nothing(
            "endpoint", f"its server broke off in the middle of the task (HTTP {attempt.status})"
        )
    if attempt.failure in ENDPOINT_FAULTS:
        return Verdict.nothing("endpoint", f"the contender could not be asked ({attempt.failure})")
    if attempt.sandbox_fault:
        return Verdict.nothing("sandbox", attempt.sandbox_fault)
    return None


def _only_answered(attempt: Attempt, verdict: Verdict) -> Verdict:
    """The verdict; a fail, beside what the verifier said, when it passes what its contender did not bring to an end."""
    if verdict.result != "pass" or attempt.ended == "answered":
        return verdict
    if attempt.ended == "failed":
        why = f"the contender failed: {attempt.detail}"
    elif attempt.ended == "gave_up":
        why = "it was given up"
    else:
        why = f"the budget of {attempt.ended} was used up"
    said = f" ({verdict.explanation})" if verdict.explanation else ""
    return replace(verdict, result="fail", score=0.0, explanation=f"{why}; what is there would pass{said}")
