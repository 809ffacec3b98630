"""A tiny task set made in Python, and a field to run it in."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fieldmark.fields import Field, Roster, load_field, open_ledger
from fieldmark.ledger import Ledger
from fieldmark.scorecards import (
    Attempt,
    Catalogue,
    Grading,
    Runs,
    Solution,
    Task,
    TaskSet,
    Variant,
    Verdict,
    Verifier,
)
from tests.house import write_field


class Says(Verifier):
    """Passes the one right answer."""

    kind: ClassVar[str] = "says"

    def __init__(self, right: str) -> None:
        self.right = right

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.right.encode()).hexdigest()

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        passed = attempt.answer.strip() == self.right
        return Verdict.of(passed, "right" if passed else f"it is {self.right}, not {attempt.answer!r}")


def sum_task(number: int, **more: object) -> Task:
    """`number + number`."""
    right = str(2 * number)
    settings: dict[str, object] = {
        "id": f"sum-{number}",
        "title": f"Twice {number}",
        "instruction": f"What is {number} + {number}? Say the number only.",
        "verifier": Says(right),
        "kind": "sum",
        "oracle": Solution(answer=right),
        "cheats": {"guess": Solution(answer="0")},
        "wrong": {"off": Solution(answer=str(2 * number + 1))},
    }
    return Task(**{**settings, **more})  # type: ignore[arg-type]


def toy_set(tasks: int = 4, *, wordings: bool = False, name: str = "sums", **more: object) -> TaskSet:
    """So many sums."""
    variants = (Variant("polite", "paraphrase", "Please add the number to itself."),) if wordings else ()
    made = tuple(sum_task(n, variants=variants, **more) for n in range(1, tasks + 1))
    digest = hashlib.sha256(f"{name}{tasks}{wordings}{more}".encode()).hexdigest()
    return TaskSet(name, made, title="Sums", description="Add.", digest=digest)


@dataclass
class Toys:
    """An open field with runs."""

    field: Field
    ledger: Ledger
    roster: Roster
    runs: Runs


@asynccontextmanager
async def toys(
    folder: Path, sets: Mapping[str, TaskSet], contenders: str = "", more: str = ""
) -> AsyncGenerator[Toys, None]:
    """Open (or open again) a field in `folder` that has these sets."""
    if not (folder / "field.toml").exists():
        write_field(folder, contenders, more)
    field = load_field(folder)
    with open_ledger(field) as ledger:
        roster = Roster(ledger)
        await roster.sync(field)
        runs = Runs(ledger, roster, field, catalogue=Catalogue(folder, dict(sets)))
        try:
            yield Toys(field, ledger, roster, runs)
        finally:
            await runs.close()
            await roster.close()


async def ended(now: Toys, run: str) -> tuple[str, int, int]:
    """How a run stands once it is over or pauses: ended or state, done, void."""
    await now.runs.wait(run)
    view = now.runs.view(run)
    return view.ended or view.state, view.done, view.void
