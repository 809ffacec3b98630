"""One trial from the empty stage to the verdict."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from fieldmark.errors import ContenderFailure, FailureKind, SandboxError
from fieldmark.ledger.evidence import Ended
from fieldmark.sandbox import SANDBOXES, Limits, Mount, Sandbox
from fieldmark.scorecards._attempt import Attempt, Event
from fieldmark.scorecards._hands import hands
from fieldmark.scorecards._stage import BudgetSpent, Scene, ScriptFault, Stage
from fieldmark.scorecards._task import Task, Variant
from fieldmark.scorecards._verdict import Verdict, judge
from fieldmark.scorecards.agents import Agent, GaveUp

ENDPOINT_FAULTS: frozenset[FailureKind] = frozenset(
    {"unreachable", "refused", "over_budget", "interrupted", "crashed"}
)
"""Failures that say nothing about a contender's skill: the trial is void. A timeout or a cut-off answer is a fail."""


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
    task: Task,
    agent: Agent,
    bench: Bench,
    *,
    variant: Variant | None = None,
    seed: int = 0,
    heard: Callable[[Event], None] | None = None,
) -> Played:
    """Let `agent` take `task` once and judge what came of it. Whatever goes wrong is data; only cancelling raises."""
    attempt = await attempt_task(task, agent, bench, variant=variant, seed=seed, heard=heard)
    begun = time.monotonic()
    verdict = _void_by_endpoint(attempt) or await judge(
        task.verifier, attempt, bench, seconds=task.checks_seconds
    )
    return Played(attempt, verdict, round((time.monotonic() - begun) * 1000))


async def attempt_task(
    task: Task,
    agent: Agent,
    bench: Bench,
    *,
    variant: Variant | None = None,
    seed: int = 0,
    heard: Callable[[Event], None] | None = None,
) -> Attempt:
    """The attempt alone, without a verdict."""
    scene = task.scene(task, variant, seed) if task.scene else Scene(task, variant, seed)
    stage = Stage(scene, task.budget, heard=heard)
    stage.bench = bench
    try:
        async with AsyncExitStack() as open_:
            await _set_up(scene, bench, open_, getattr(agent, "mounts", ()))
            return await _act(agent, stage)
    except SandboxError as error:
        return _broken(stage, error.message)


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
    failure: FailureKind | None = None
    detail = fault = ""
    status: int | None = None
    again: float | None = None
    try:
        async with asyncio.timeout(stage.budget.seconds):
            await stage.begin()
            await agent.take(stage)
    except BudgetSpent as spent:
        ended = spent.which
    except TimeoutError:
        ended = "seconds"
        if stage.waited:  # the time went to the endpoint's limit: that says nothing about the contender
            ended, failure = "failed", "refused"
            detail = f"it waited {stage.waited:.0f} s for its endpoint, and the time was up"
    except GaveUp:
        ended = "gave_up"
    except ContenderFailure as error:
        ended, failure, detail = "failed", error.kind, error.message
        status, again = error.status, error.retry_after
    except ScriptFault as error:
        fault = str(error) or "the script failed"
    attempt = await stage.end(ended, failure=failure, detail=detail, script_fault=fault)
    return replace(attempt, status=status, retry_after=again) if failure else attempt


def _broken(stage: Stage, why: str) -> Attempt:
    return Attempt(
        task=stage.scene.task.id,
        variant=stage.scene.variant.id if stage.scene.variant else "",
        seed=stage.scene.seed,
        messages=tuple(stage.messages),
        answer=stage.answer,
        calls=tuple(stage.calls),
        events=tuple(stage.events),
        ended="cancelled",
        sandbox_fault=why,
        steps=stage.steps,
        ms=stage.ms,
    )


def _void_by_endpoint(attempt: Attempt) -> Verdict | None:
    if attempt.failure in ENDPOINT_FAULTS:
        return Verdict.nothing("endpoint", f"the contender could not be asked ({attempt.failure})")
    if attempt.sandbox_fault:
        return Verdict.nothing("sandbox", attempt.sandbox_fault)
    return None
