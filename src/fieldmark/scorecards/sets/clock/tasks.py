"""Questions that need a clock, one task each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldmark.scorecards import Budget, Task, Variant

from ._scene import IN_WORDS, ClockScene
from ._solutions import solutions
from ._verifier import AskedTheClock
from .questions import QUESTIONS, Question

WORDS: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "words.toml").read_text(encoding="utf-8")
)


def tasks() -> list[Task]:
    """All of them."""
    return [_task(name, question) for name, question in QUESTIONS.items()]


def _task(name: str, question: Question) -> Task:
    oracle, cheats, wrong = solutions(question)
    words = WORDS[name]
    variants = [Variant("reworded", "paraphrase", words["again"])]
    if question.zones:
        variants.append(Variant(IN_WORDS, "perturbation"))
    return Task(
        id=name,
        title=words["title"],
        instruction=words["told"],
        system=WORDS["rules"]["clock"],
        verifier=AskedTheClock(question.zones),
        kind="clock",
        tags=("tools", "time"),
        scene=lambda task, variant, seed: ClockScene(task, variant, seed, question),
        budget=Budget(steps=8, tokens=16_000, seconds=300),
        variants=variants,
        oracle=oracle,
        cheats=cheats,
        wrong=wrong,
    )
