"""Agents of known skill, to prove the numbers of scorecards with; and `oracle` and `nop`, the surest of them."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from fieldmark.contenders import Identity
from fieldmark.errors import InputError
from fieldmark.scorecards._stage import Stage
from fieldmark.scorecards._task import Task
from fieldmark.scorecards.agents._base import Agent
from fieldmark.scorecards.agents._scripted import Scripted

_FORM = "seeded:P[,correlation=R][,change=D][,seed=N], such as seeded:0.7,correlation=0.3"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")


@dataclass(frozen=True)
class Skill:
    """How often an agent does a task right.

    A task's chance is drawn once, from a Beta distribution of mean p whose intraclass correlation is `correlation`
    (a + b = 1/R - 1); all its trials share it. With `change`, the mean of trial i is p + change (i - 1), kept within
    [0, 1], and the task keeps its quantile, so that mean and correlation hold in every trial.
    """

    p: float
    """Mean over tasks, in the first trial."""
    correlation: float = 0.0
    """Between trials of one task: 0 independent, 1 always alike."""
    change: float = 0.0
    """What p changes by from one trial to the next."""
    seed: int = 0
    """Another one draws other tasks that it is good at."""

    def chance(self, task: str, trial: int) -> float:
        """Probability that trial `trial` (1 for the first) of a task is done right."""
        mean = min(1.0, max(0.0, self.p + self.change * (trial - 1)))
        if mean in (0.0, 1.0) or self.correlation == 0:
            return mean
        quantile = _uniform(f"{self.seed}|{task}")
        if self.correlation == 1:
            return float(quantile < mean)
        from scipy.special import betaincinv

        both = 1 / self.correlation - 1
        return float(betaincinv(mean * both, (1 - mean) * both, 1 - quantile))


class Seeded(NamedTuple):
    """A contender that follows its skill, not its mind."""

    name: str
    digest: str
    """Identity digest."""
    agent: Callable[[Task, int], Agent]
    """Of a task and the number of the trial (1 for the first), who takes it. Raises InputError for a task that has no
    oracle where one is needed."""


def seeded(text: str) -> Seeded | None:
    """The contender that `oracle`, `nop` or `seeded:...` names; None when it names none of these.

    Raises:
        InputError: it begins with `seeded:` but is not of the form.
    """
    if text not in ("oracle", "nop") and not text.startswith("seeded:"):
        return None
    skill = {"oracle": Skill(1.0), "nop": Skill(0.0)}.get(text) or _parse(text)

    def agent(task: Task, trial: int = 1) -> Agent:
        if text == "nop":
            return Scripted(None)
        if task.oracle is None and skill.p > 0:
            raise InputError(f"task '{task.id}' has no oracle that '{text}' could follow")
        return _SeededAgent(task, skill.chance(task.id, trial))

    identity = Identity({"kind": "seeded", "adapter": 1, "name": text})
    return Seeded(text, identity.digest, agent)


class _SeededAgent:
    """Plays the oracle with that chance; else a wrong solution, or nothing."""

    def __init__(self, task: Task, chance: float) -> None:
        self.task = task
        self.chance = chance

    async def take(self, stage: Stage) -> None:
        """Draw from the trial's seed, and play."""
        draw = random.Random(f"{stage.scene.seed}|{self.task.id}")  # noqa: S311 (reproducible on purpose)
        right = draw.random() < self.chance
        wrong = (None, *(self.task.wrong[name] for name in sorted(self.task.wrong)))
        await Scripted(self.task.oracle if right else draw.choice(wrong)).take(stage)


def _parse(text: str) -> Skill:
    first, *rest = text.removeprefix("seeded:").split(",")
    said: dict[str, float] = {"p": _number(text, first)}
    for part in rest:
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in ("correlation", "change", "seed") or name in said:
            raise InputError(f"'{text}': '{part}' is not understood", hint=_FORM)
        said[name] = _number(text, value)
    seed = said.pop("seed", 0.0)
    skill = Skill(**said, seed=int(seed))
    if not (0 <= skill.p <= 1 and 0 <= skill.correlation <= 1 and -1 <= skill.change <= 1 and seed >= 0):
        raise InputError(
            f"'{text}' is out of range", hint="P and R are from 0 to 1, D from -1 to 1, N is not negative"
        )
    return skill


def _number(text: str, part: str) -> float:
    if not _NUMBER.fullmatch(part.strip()):
        raise InputError(f"'{text}': '{part}' is no number", hint=_FORM)
    return float(part)


def _uniform(text: str) -> float:
    """A number in (0, 1) that belongs to a text."""
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    return (drawn + 0.5) / 2**48
