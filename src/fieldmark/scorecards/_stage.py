"""One trial as it is played: what surrounds the contender, and the seam through which whoever takes it acts.

Models, commands, A2A agents, people and scripted solutions all act through a `Stage`, so every attempt is recorded,
limited and judged alike.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import to_jsonable_python

from fieldmark.contenders import Message
from fieldmark.errors import ContenderFailure, SandboxError
from fieldmark.ledger.evidence import Ended
from fieldmark.sandbox import Mount, Sandbox
from fieldmark.scorecards._attempt import Attempt, Event, EventKind, ToolCall
from fieldmark.scorecards._task import Budget, Task, Tool, ToolRefusal, Variant
from fieldmark.scorecards._verdict import Grading

RESULT_CHARACTERS = 20_000
"""Longest result of a tool that a contender is shown."""


class ScriptFault(Exception):
    """The scripted other side met something that its script does not allow: the trial is void."""


class BudgetSpent(Exception):
    """A budget of the task is used up."""

    def __init__(self, which: Ended) -> None:
        super().__init__(which)
        self.which: Ended = which


def as_text(result: Any) -> str:
    """What a tool gave, as a contender is told it: a text as it is, anything else as JSON."""
    if isinstance(result, str):
        return result
    return json.dumps(to_jsonable_python(result, fallback=str), ensure_ascii=False)


def _nothing(*_: object, **__: object) -> None:
    """Nobody writes a transcript."""


class Scene:
    """What surrounds a contender in one trial. Subclass it for state, people that answer, or a page.

    One object per trial: `open`, then acts through `tools` and `hear`, then `state` and `files`, then `close`.
    """

    def __init__(self, task: Task, variant: Variant | None = None, seed: int = 0) -> None:
        self.task = task
        self.variant = variant
        self.seed = seed
        self.sandbox: Sandbox | None = None
        """Set before `open` when the task uses one."""
        self.picture: bytes | None = None
        """The screen as it is now (PNG), for contenders that take pictures."""
        self.hands: Sequence[Tool] = ()
        """Tools that come with the sandbox and the browser. Set before `open`."""
        self.note: Callable[..., None] = _nothing
        """Adds an event to the transcript: `note("picture", path=...)`. Set before `open`."""

    @property
    def tools(self) -> Sequence[Tool]:
        """What the contender may call."""
        return (*self.task.tools, *self.hands)

    async def open(self) -> None:
        """Get ready. Files of the task are already in the sandbox."""

    async def begin(self) -> str:
        """What the contender is told first."""
        said = self.variant.instruction if self.variant else None
        return self.task.instruction if said is None else said

    async def hear(self, text: str) -> str | None:  # noqa: ARG002
        """What the other side says to that; None when nobody answers, or the talk is over: the attempt ends."""
        return None

    def state(self) -> Any:
        """What is so at the end, as JSON."""
        return None

    async def files(self) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        """Artifacts, and what was left with the reason."""
        if self.sandbox is None or not self.task.artifacts:
            return {}, {}
        taken = await self.sandbox.collect(self.task.artifacts)
        return taken.files, taken.left

    async def close(self) -> None:
        """Let go of everything."""


class Stage:
    """The seam. `told` is what came first; then `call` tools, `say` things, and `step` once per turn of a model."""

    def __init__(self, scene: Scene, budget: Budget) -> None:
        self.scene = scene
        self.budget = budget
        self.messages: list[Message] = []
        self.events: list[Event] = []
        self.calls: list[ToolCall] = []
        self.answer = ""
        self.steps = 0
        self.prompt_tokens: int | None = None
        self.answer_tokens: int | None = None
        self.cost: float | None = None
        self.waited = 0.0
        """Seconds spent waiting for an endpoint that was at its limit or away."""
        self.clock: asyncio.Timeout | None = None
        """What ends the attempt when its seconds are up."""
        self._paced = 0.0
        self.bench: Grading | None = None
        """Where an agent that needs a sandbox of its own gets one."""
        self._begun = time.monotonic()
        scene.note = self.note

    @property
    def tools(self) -> dict[str, Tool]:
        """What may be called now, by name."""
        return {tool.name: tool for tool in self.scene.tools}

    @property
    def ms(self) -> int:
        """Milliseconds since it began, without what it waited for its turn or for its endpoint."""
        return round((time.monotonic() - self._begun - self._paced - self.waited) * 1000)

    @property
    def left(self) -> float:
        """Seconds until its time is up. Waiting for the endpoint uses them, waiting for its turn does not."""
        end = self.clock.when() if self.clock is not None else None
        return self.budget.seconds if end is None else end - asyncio.get_running_loop().time()

    async def await_turn(self, seconds: float) -> None:
        """Wait because of a limit of ours (`requests_per_minute`): it is none of the contender's time."""
        if seconds <= 0:
            return
        if self.clock is not None and (end := self.clock.when()) is not None:
            self.clock.reschedule(end + seconds)
        self.note("note", text=f"waits {seconds:.1f} s for its turn at the endpoint")
        begun = time.monotonic()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._paced += time.monotonic() - begun

    async def await_endpoint(self, seconds: float) -> None:
        """Wait because the endpoint is at its limit or away. The attempt's time goes on."""
        begun = time.monotonic()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.waited += time.monotonic() - begun

    def new_sandbox(self, mounts: Sequence[Mount] = ()) -> Sandbox:
        """A sandbox for a contender whose task has none, not yet opened. Raises SandboxError."""
        if self.bench is None:
            raise SandboxError("there is no sandbox for this contender")
        return self.bench.sandbox(mounts)

    def note(self, kind: EventKind, **data: Any) -> None:
        """Add to the transcript."""
        self.events.append(Event(kind, self.ms, data))

    async def begin(self) -> str:
        """Tell the contender its task; also the first messages."""
        self._begun = time.monotonic()
        text = await self.scene.begin()
        if self.scene.task.system:
            self.messages.append({"role": "system", "content": self.scene.task.system})
        self.messages.append({"role": "user", "content": text})
        self.note("told", text=text)
        return text

    def step(
        self, prompt_tokens: int | None = None, answer_tokens: int | None = None, cost: float | None = None
    ) -> None:
        """Count one turn, after it was taken. Raises BudgetSpent when nothing more may be done."""
        self.steps += 1
        if prompt_tokens is not None:
            self.prompt_tokens = (self.prompt_tokens or 0) + prompt_tokens
        if answer_tokens is not None:
            self.answer_tokens = (self.answer_tokens or 0) + answer_tokens
        if cost is not None:
            self.cost = (self.cost or 0.0) + cost
        used = (self.prompt_tokens or 0) + (self.answer_tokens or 0)
        if used > self.budget.tokens:
            raise BudgetSpent("tokens")
        if self.budget.cost is not None and (self.cost or 0.0) > self.budget.cost:
            raise BudgetSpent("cost")

    def may_step(self) -> None:
        """Raise BudgetSpent when the turns are used up: before a turn is taken."""
        if self.steps >= self.budget.steps:
            raise BudgetSpent("steps")

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolCall:
        """Call a tool. A refusal, an unknown name and wrong arguments come back as text with `error` set."""
        self.note("call", name=name, arguments=dict(arguments))
        text, error = await self._run(name, arguments)
        if len(text) > RESULT_CHARACTERS:
            text = text[:RESULT_CHARACTERS] + f"\n[{len(text) - RESULT_CHARACTERS} characters left out]"
        call = ToolCall(name, dict(arguments), text, error)
        self.calls.append(call)
        self.note("result", name=name, text=text, error=error)
        return call

    async def _run(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        tool = self.tools.get(name)
        if tool is None:
            known = ", ".join(self.tools) or "none"
            return f"there is no tool '{name}'; tools: {known}", True
        if "" in arguments:
            return "the arguments are no JSON object", True
        try:
            result = tool.run(arguments)
            return as_text(await result if inspect.isawaitable(result) else result), False
        except ToolRefusal as refusal:
            return str(refusal), True
        except (SandboxError, ScriptFault, BudgetSpent):
            raise
        except Exception as error:  # a tool that breaks is told, as a program's crash is told to a person
            return f"{type(error).__name__}: {error}"[:1000], True

    async def say(self, text: str) -> str | None:
        """Say something; what is answered, or None when the attempt is over and this was the answer."""
        self.answer = text
        self.note("said", text=text)
        self.messages.append({"role": "assistant", "content": text})
        reply = await self.scene.hear(text)
        if reply is not None:
            self.messages.append({"role": "user", "content": reply})
            self.note("told", text=reply)
        return reply

    async def end(
        self, ended: Ended, failure: ContenderFailure | None = None, *, script_fault: str = ""
    ) -> Attempt:
        """What came of it. Collects artifacts and state."""
        ms = self.ms
        files, left = await self.scene.files()
        attempt = self.attempt(ended, failure)
        state = self.scene.state()
        return replace(attempt, state=state, files=files, left=left, script_fault=script_fault, ms=ms)

    def attempt(self, ended: Ended, failure: ContenderFailure | None = None) -> Attempt:
        """What is known of it without the scene. Of a sealed task's failure its kind and status alone: a server's
        words may repeat what it was asked.
        """
        detail = failure.message if failure else ""
        if failure and self.scene.task.sealed:
            status = f" ({failure.status})" if failure.status else ""
            detail = f"{failure.kind}{status} at a sealed task"
        return Attempt(
            task=self.scene.task.id,
            variant=self.scene.variant.id if self.scene.variant else "",
            seed=self.scene.seed,
            messages=tuple(self.messages),
            answer=self.answer,
            calls=tuple(self.calls),
            events=tuple(self.events),
            ended=ended,
            failure=failure.kind if failure else None,
            detail=detail,
            status=failure.status if failure else None,
            retry_after=failure.retry_after if failure else None,
            steps=self.steps,
            ms=self.ms,
            prompt_tokens=self.prompt_tokens,
            answer_tokens=self.answer_tokens,
            cost=self.cost,
        )
