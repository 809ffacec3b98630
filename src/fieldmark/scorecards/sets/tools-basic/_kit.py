"""What the tasks of this set share: a world with data and tools, and a short way to write a task down."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fieldmark.scorecards import Budget, Scene, Solution, Task, Tool, Variant
from fieldmark.scorecards.verifiers import make

FOLDER = Path(__file__).parent
WORDS: Mapping[str, Mapping[str, Any]] = tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))
BACKWARDS = "tools-backwards"
"""Variant in which the tools are listed the other way round."""

Data = dict[str, Any]
Tools = Callable[[Data], Sequence[Callable[..., Any]]]
"""Makes the functions that work on one trial's data."""
Hear = Callable[[Data, str], "str | None"]
"""What the person says to a text of the contender; may change the data."""


class World(Scene):
    """One trial's own copy of the data, and tools on it."""

    def __init__(
        self, task: Task, variant: Variant | None, seed: int, parts: tuple[Data, Tools, Hear]
    ) -> None:
        super().__init__(task, variant, seed)
        data, tools, self._hear = parts
        self.data = copy.deepcopy(data)
        made = [Tool.of(function) for function in tools(self.data)]
        self._tools = tuple(made[::-1] if variant and variant.id == BACKWARDS else made)

    @property
    def tools(self) -> Sequence[Tool]:
        return self._tools

    async def hear(self, text: str) -> str | None:
        return self._hear(self.data, text)

    def state(self) -> Any:
        return copy.deepcopy(self.data)


def nobody(data: Data, text: str) -> None:
    """Nobody answers: what was said is the end."""


def item(
    name: str,
    *,
    tools: Tools,
    checks: Sequence[Mapping[str, Any]],
    oracle: Solution,
    cheats: Mapping[str, Solution],
    wrong: Mapping[str, Solution],
    tag: str,
    data: Data | None = None,
    hear: Hear = nobody,
) -> Task:
    """A task. What is said in it stands in `words.toml`."""
    words = WORDS[name]
    parts = (data or {}, tools, hear)
    variants = [Variant(f"reworded-{i}", "paraphrase", text) for i, text in enumerate(words["again"], 1)]
    return Task(
        id=name,
        title=words["title"],
        instruction=words["told"],
        system=words["system"],
        verifier=make("all", {"checks": [_lenient(check) for check in checks]}, FOLDER),
        kind=tag,
        tags=("tools", tag),
        scene=lambda task, variant, seed: World(task, variant, seed, parts),
        budget=Budget(steps=12, tokens=30_000, seconds=300),
        variants=(*variants, Variant(BACKWARDS, "perturbation")),
        oracle=oracle,
        cheats=cheats,
        wrong=wrong,
    )


def _lenient(check: Mapping[str, Any]) -> Mapping[str, Any]:
    """Texts in calls may differ in case and spacing."""
    return {"ignore_case": True, **check} if check["kind"] == "calls" else check


def called(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A call that is expected."""
    return {"name": name, "arguments": arguments}


def said(*patterns: str, forbidden: Sequence[str] = ()) -> dict[str, Any]:
    """What the answer has to match, in any case."""
    return {
        "kind": "regex",
        "patterns": [f"(?is){p}" for p in patterns],
        "forbidden": [f"(?i){p}" for p in forbidden],
    }
