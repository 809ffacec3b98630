"""A verifier as a reward, in the form that TRL's trainers call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fieldmark.scorecards._spoken import spoken
from fieldmark.scorecards._task import Task
from fieldmark.scorecards._trial import Bench
from fieldmark.scorecards._verdict import Grading, Verifier, judge

Completion = str | Sequence[Mapping[str, Any]]
"""A text, or the messages of a conversation."""


def reward(
    verifier: Verifier, task: Task | str = "", *, grading: Grading | None = None
) -> Callable[..., list[float | None]]:
    """A callable for `reward_funcs=[...]` of a trainer: prompts and completions in, their scores out, in order.

    Each is scored by the verifier that also makes the scorecard: 0 to 1, and None for a void, which TRL takes as no
    reward, not as a bad one. `grading` gives sandboxes to verifiers that need one; by default bubblewrap.
    """
    name = task if isinstance(task, str) else task.id
    seconds = 300.0 if isinstance(task, str) else task.checks_seconds
    bench = grading or Bench()

    async def judged(completions: Sequence[Completion], asked: Sequence[Any]) -> list[float | None]:
        found = []
        for said, before in zip(completions, asked, strict=True):
            messages = [{"role": "user", "content": before}] if isinstance(before, str) else before
            attempt = spoken(name, said, messages)
            found.append((await judge(verifier, attempt, bench, seconds=seconds)).score)
        return found

    def scores(
        prompts: Sequence[Any] | None = None, completions: Sequence[Completion] = (), **_: Any
    ) -> list[float | None]:
        return _now(judged(completions, [()] * len(completions) if prompts is None else list(prompts)))

    scores.__name__ = f"{verifier.kind}_{name}" if name else verifier.kind  # trainers log it by name
    return scores


def _now(work: Coroutine[Any, Any, list[float | None]]) -> list[float | None]:
    """The result of a coroutine, also for a caller that is itself inside an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    box: list[list[float | None]] = []
    thread = threading.Thread(target=lambda: box.append(asyncio.run(work)))
    thread.start()
    thread.join()
    if not box:
        raise RuntimeError("judging was interrupted")
    return box[0]
