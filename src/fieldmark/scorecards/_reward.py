"""A verifier as a reward, in the form that TRL's trainers call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from fieldmark.scorecards._spoken import spoken
from fieldmark.scorecards._task import Task
from fieldmark.scorecards._trial import Bench
from fieldmark.scorecards._verdict import Grading, Verdict, Verifier, judge

Completion = str | Sequence[Mapping[str, Any]]
"""A text, or the messages of a conversation."""


class Reward:
    """Scores completions by the verifier that also makes the scorecard: 0 to 1 each, None for a void."""

    def __init__(self, verifier: Verifier, task: Task | str = "", *, grading: Grading | None = None) -> None:
        """`grading` gives sandboxes to verifiers that need one; by default bubblewrap."""
        self.verifier = verifier
        self.task = task if isinstance(task, str) else task.id
        self.seconds = 300.0 if isinstance(task, str) else task.checks_seconds
        self.grading = grading or Bench()
        self.__name__ = (
            f"{verifier.kind}_{self.task}" if self.task else verifier.kind
        )  # trainers log it by name

    def __call__(
        self, prompts: Sequence[Any] | None = None, completions: Sequence[Completion] = (), **_: Any
    ) -> list[float | None]:
        """The scores, in order. A void is None, which TRL takes as no reward, not as a bad one."""
        return [verdict.score for verdict in self.verdicts(completions, prompts)]

    def verdicts(
        self, completions: Sequence[Completion], prompts: Sequence[Any] | None = None
    ) -> list[Verdict]:
        """The same as whole verdicts."""
        asked = list(prompts) if prompts is not None else [()] * len(completions)
        return _now(self._judge(completions, asked))

    async def _judge(self, completions: Sequence[Completion], asked: Sequence[Any]) -> list[Verdict]:
        found = []
        for said, before in zip(completions, asked, strict=True):
            messages = [{"role": "user", "content": before}] if isinstance(before, str) else before
            attempt = spoken(self.task, said, messages)
            found.append(await judge(self.verifier, attempt, self.grading, seconds=self.seconds))
        return found


def reward(verifier: Verifier, task: Task | str = "", *, grading: Grading | None = None) -> Reward:
    """A callable for `reward_funcs=[...]` of a trainer: completions in, list of scores out."""
    return Reward(verifier, task, grading=grading)


def _now(work: Any) -> list[Verdict]:
    """The result of a coroutine, also for a caller that is itself inside an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        done: list[Verdict] = asyncio.run(work)
        return done
    box: list[list[Verdict]] = []
    thread = threading.Thread(target=lambda: box.append(asyncio.run(work)))
    thread.start()
    thread.join()
    if not box:
        raise RuntimeError("judging was interrupted")
    return box[0]
