"""Ten conversations, one file each in `dialogues`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.scorecards import Budget, Solution, Stage, Task, Variant
from fieldmark.scorecards.verifiers import make

from ._scene import CHATTY, DeskScene, end

FOLDER = Path(__file__).parent
RULES = (FOLDER / "rules.md").read_text(encoding="utf-8").strip()

Moves = Sequence[Any]
"""What an agent does: a text is said, a table is a call (tool to arguments), `"@begin"` is the dialogue's way in."""


def tasks() -> list[Task]:
    """One task for each dialogue."""
    return [_task(path) for path in sorted((FOLDER / "dialogues").glob("*.toml"))]


def _task(path: Path) -> Task:
    dialogue = tomllib.loads(path.read_text(encoding="utf-8"))
    return Task(
        id=path.stem,
        title=dialogue["title"],
        instruction=dialogue["opening"],
        system=RULES,
        verifier=make("state", {"is": end(dialogue), "absolute": 0.001, "ignore_case": True}, FOLDER),
        kind="support",
        tags=("dialogue", "tools", "state"),
        scene=lambda task, variant, seed: DeskScene(task, variant, seed, dialogue),
        budget=Budget(steps=30, tokens=60_000, seconds=600),
        variants=(Variant("reworded", "paraphrase", dialogue["again"]), Variant(CHATTY, "perturbation")),
        oracle=_solution(dialogue["oracle"], dialogue),
        cheats={name: _solution(moves, dialogue) for name, moves in dialogue["cheats"].items()},
        wrong={name: _solution(moves, dialogue) for name, moves in dialogue["wrong"].items()},
    )


def _solution(moves: Moves, dialogue: Mapping[str, Any]) -> Solution:
    whole = [part for move in moves for part in (dialogue["begin"] if move == "@begin" else [move])]
    return Solution(play=Played(tuple(whole)))


@dataclass(frozen=True)
class Played:
    """An agent that makes these moves, whatever it hears. The last one is something said."""

    moves: Moves

    async def __call__(self, stage: Stage) -> str:
        """Make them, but for the last, which is the answer."""
        *first, last = self.moves
        for move in first:
            if isinstance(move, str):
                await stage.say(move)
            else:
                for name, arguments in move.items():
                    await stage.call(name, arguments)
        assert isinstance(last, str)
        return last
