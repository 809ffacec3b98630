"""A conversation: the customer, the shop's system, and what is so when it is over."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fieldmark.scorecards import Scene, Task, Tool, Variant

from ._customer import Customer, Script
from ._desk import DATABASE, Desk

CHATTY = "chatty-customer"
"""Variant in which facts come with chatter."""


class DeskScene(Scene):
    """One trial."""

    def __init__(self, task: Task, variant: Variant | None, seed: int, dialogue: Mapping[str, Any]) -> None:
        super().__init__(task, variant, seed)
        self.desk = Desk(lambda fact: fact in self.customer.told, before(dialogue))
        self.customer = Customer(
            Script.of(dialogue),
            self.desk.done,
            lambda: self.desk.closed,
            chatty=variant is not None and variant.id == CHATTY,
        )
        self._watched: Mapping[str, str] = dialogue.get("must_say", {})
        self._secret: Mapping[str, str] = dialogue.get("must_not_say", {})
        self._said: set[str] = set()

    @property
    def tools(self) -> Sequence[Tool]:
        return self.desk.tools

    async def hear(self, text: str) -> str | None:
        self._said |= {name for name, pattern in self._watched.items() if _found(pattern, text)}
        self.desk.broken += [
            f"said: {name}" for name, pattern in self._secret.items() if _found(pattern, text)
        ]
        return self.customer.answer(text)

    def state(self) -> Any:
        return {
            "database": copy.deepcopy(self.desk.data),
            "rules_broken": list(self.desk.broken),
            "said": sorted(self._said),
        }


def before(dialogue: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """What the customer must have told before a tool is used: always the postcode before it is compared."""
    return {"verify_customer": ["postcode"], **dialogue.get("before", {})}


def end(dialogue: Mapping[str, Any]) -> dict[str, Any]:
    """The state that is right at the end: as it was, but for `[end]`."""
    database = copy.deepcopy(dict(DATABASE))
    for place, value in dialogue["end"].items():
        table = database
        *path, last = place.split(".")
        for part in path:
            table = table[part]
        table[last] = value
    return {"database": database, "rules_broken": [], "said": sorted(dialogue.get("must_say", {}))}


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None
