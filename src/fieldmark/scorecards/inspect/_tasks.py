"""An Inspect task as a task set: each sample is a task, Inspect's solver is the scene, its scorer the verifier."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import inspect_ai
import rfc8785
from inspect_ai import Task as InspectTask
from inspect_ai import eval_async
from inspect_ai._util.logger import init_logger
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.scorer import value_to_float
from inspect_ai.util._display import display_type_initialized, init_display_type

from fieldmark.errors import InputError, NotFound
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._stage import Scene
from fieldmark.scorecards._task import Solution, Task, TaskSet, Tool, ToolRefusal, Variant
from fieldmark.scorecards._verdict import Grading, Verdict, Verifier
from fieldmark.scorecards.inspect._talk import Over, Talk, model_of, shown

_ONE = asyncio.Lock()
"""Inspect runs one evaluation at a time in a process."""
NOT_ID = re.compile(r"[^A-Za-z0-9_-]+")
GRACE = 60.0
"""Seconds that Inspect's scorer may take after the last answer."""


def inspect_set(place: str) -> TaskSet:
    """The task `FILE.py` or `FILE.py@NAME`, or `PACKAGE/NAME` of an installed registry, as a task set.

    A trial passes when every scorer gives full marks (`C`, 1, true); the score is their mean.

    Raises:
        NotFound: there is no such task.
        InputError: the file holds several tasks, or cannot be loaded.
    """
    if not display_type_initialized():
        init_display_type("none")
    _begin_logging()
    task, name = _load(place)
    if place.endswith(".py"):
        place = f"{place}@{name}"
    samples = list(task.dataset)
    if not samples:
        raise InputError(f"the Inspect task '{name}' has no samples")
    digest = _digest(place, name, samples)
    ids = _ids(samples)
    tasks = tuple(
        _task(place, name, digest, key, number, sample)
        for number, (key, sample) in enumerate(zip(ids, samples, strict=True), 1)
    )
    return TaskSet(
        name=NOT_ID.sub("-", name.rpartition("/")[2]).strip("-").lower(),
        tasks=tasks,
        version=str(task.version),
        title=name,
        description=f"An Inspect task, run by Inspect {inspect_ai.__version__}",
        digest=digest,
    )


def _begin_logging() -> None:
    """Let Inspect set up its log, which it does once, without raising everybody's level to its own."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    init_logger("error")
    root.setLevel(level)
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)


def _load(place: str) -> tuple[InspectTask, str]:
    from inspect_ai._eval.loader import load_tasks

    file, _, wanted = place.partition("@")
    if file.endswith(".py") and not Path(file).is_file():
        raise NotFound(f"there is no file '{file}'")
    try:
        # Without a name Inspect wants to look for the file from here.
        found = load_tasks([place if wanted or not file.endswith(".py") else os.path.relpath(file)])
    except Exception as error:
        raise InputError(f"'{place}' cannot be loaded: {type(error).__name__}: {error}") from error
    if len(found) != 1:
        names = ", ".join(task.name for task in found) or "none"
        hint = f"tasks there: {names}; name one, as in {file}@NAME"
        raise (InputError if found else NotFound)(f"'{place}' is not one Inspect task", hint=hint)
    return found[0], wanted or found[0].name


def _ids(samples: Sequence[Sample]) -> list[str]:
    named = [NOT_ID.sub("-", str(s.id)).strip("-")[:64] if s.id is not None else "" for s in samples]
    plain = [name or f"sample-{n}" for n, name in enumerate(named, 1)]
    return [name if plain.count(name) == 1 else f"{name[:56]}-{n}" for n, name in enumerate(plain, 1)]


def _digest(place: str, name: str, samples: Sequence[Sample]) -> str:
    file = Path(place.partition("@")[0])
    said = {
        "inspect": inspect_ai.__version__,
        "task": name,
        "file": hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None,
        "samples": [sample.model_dump(mode="json", exclude_none=True) for sample in samples],
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def _task(place: str, name: str, digest: str, key: str, number: int, sample: Sample) -> Task:
    said = sample.input if isinstance(sample.input, str) else "\n\n".join(m.text for m in sample.input)
    target = sample.target if isinstance(sample.target, str) else (sample.target or [""])[0]

    def scene(task: Task, variant: Variant | None, seed: int) -> Scene:
        return InspectScene(task, variant, seed, place=place, number=number)

    return Task(
        id=key,
        instruction=said,
        verifier=InspectScores(digest, name),
        title=key,
        tags=("inspect",),
        scene=scene,
        oracle=Solution(answer=target) if target else None,
    )


class InspectScene(Scene):
    """A sample under Inspect's own solver, which asks the contender instead of a model."""

    def __init__(self, task: Task, variant: Variant | None, seed: int, *, place: str, number: int) -> None:
        super().__init__(task, variant, seed)
        self._place = place
        self._number = number
        self._talk = Talk()
        self._running: asyncio.Task[None] | None = None
        self._state: dict[str, Any] = {}
        self._held = contextlib.AsyncExitStack()

    @property
    def tools(self) -> Sequence[Tool]:
        """Those the solver offers now."""
        turn = self._talk.turn
        return [self._tool(info) for info in turn.tools] if turn else ()

    def _tool(self, info: Any) -> Tool:
        async def run(arguments: Mapping[str, Any]) -> str:
            try:
                return await self._talk.call(info.name, arguments)
            except Over:
                raise ToolRefusal("the task is over") from None

        parameters = info.parameters.model_dump(mode="json", exclude_none=True)
        return Tool(info.name, info.description, parameters, run)

    async def open(self) -> None:
        """Start the solver."""
        await self._held.enter_async_context(_ONE)
        self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                with model_of(self._talk) as model:
                    found = await eval_async(
                        self._place,
                        model=model,
                        limit=(self._number - 1, self._number),
                        epochs=1,
                        log_dir=folder,
                        log_realtime=False,
                        fail_on_error=False,
                        log_level="error",
                        seed=self.seed,
                    )
                self._state = await asyncio.to_thread(_outcome, found[0])  # Inspect reads samples when asked
            except Exception as error:
                self._state = {"trouble": f"{type(error).__name__}: {error}"}
            finally:
                self._talk.end()

    async def begin(self) -> str:
        """What the solver says first."""
        return await self._talk.begin() or self.task.instruction

    async def hear(self, text: str) -> str | None:
        """What the solver says to an answer."""
        return await self._talk.say(text)

    def state(self) -> Any:
        """Scores by scorer, or the trouble."""
        return self._state

    async def close(self) -> None:
        """Stop the solver."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._held.aclose()


def _outcome(log: EvalLog) -> dict[str, Any]:
    samples = log.samples or []
    error = samples[0].error if samples else log.error
    if error is not None or not samples:
        return {"trouble": error.message if error else "Inspect kept no sample"}
    sample = samples[0]
    scores = sample.scores or {}
    points = {name: value_to_float()(score.value) for name, score in scores.items()}
    return {"scores": {n: s.model_dump(mode="json") for n, s in scores.items()}, "points": points}


class InspectScores(Verifier):
    """What Inspect's scorers said."""

    kind: ClassVar[str] = "inspect"

    def __init__(self, digest: str, name: str) -> None:
        self._digest = digest
        self._name = name

    @property
    def digest(self) -> str:
        """The set's: scorers are part of it."""
        return hashlib.sha256(f"inspect|{self._name}|{self._digest}".encode()).hexdigest()

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Pass when every scorer gives full marks."""
        state = attempt.state or {}
        points = state.get("points")
        if points is None:
            if attempt.ended != "answered" or not state.get("trouble"):
                return Verdict.of(False, f"no answer was scored: the attempt ended by '{attempt.ended}'")
            return Verdict.nothing("verifier", f"Inspect could not score it: {state['trouble']}"[:500])
        if not points:
            return Verdict.nothing("verifier", "the Inspect task has no scorer")
        said = "; ".join(_said(name, score) for name, score in state["scores"].items())
        score = sum(points.values()) / len(points)
        return Verdict.of(all(value >= 1 for value in points.values()), said, score=min(1.0, max(0.0, score)))


def _said(name: str, score: Mapping[str, Any]) -> str:
    why = score.get("explanation") or score.get("answer") or ""
    return f"{name}: {shown(score.get('value'))}" + (f" ({shown(why)[:300]})" if why else "")
