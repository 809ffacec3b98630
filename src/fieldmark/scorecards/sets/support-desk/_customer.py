"""The customer: a state machine that follows a script.

In this order it reacts to: what has been done in the shop's system, facts that it is asked for, words that its state
listens for; else it says its next general line. It hangs up when the case is closed or its patience ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fieldmark.scorecards import ScriptFault

END = "end"
"""State in which the customer says a last line, and then hangs up."""
COMMON = {
    "order": r"\border(?:'s)?\b.{0,25}\b(number|no\b|id|code|reference)|\b(number|reference|id)\b.{0,25}\border|order#",
    "postcode": r"post(al)?[ -]?code|\bzip\b",
    "email": r"e-?mail",
}
"""Words by which facts that nearly every customer knows are asked for."""
CHATTER = (
    "Let me see, where did I put my glasses... {} My neighbour had the same trouble with you, by the way.",
    "Well, you know, it has been one of those weeks. {} Is it raining where you are?",
    "One moment, the dog. There. {} So.",
)


@dataclass(frozen=True)
class Fact:
    """Something that the customer tells when asked."""

    name: str
    asked: str
    says: Sequence[str]
    """What it says the first time, the second time, ...; the last one again and again."""
    after: Sequence[str] = ()
    """Facts that it must have told before: a yes to something that nobody has named is none."""


@dataclass(frozen=True)
class Step:
    """Leads out of a state."""

    says: str
    goto: str = ""
    called: str = ""
    """A tool that has done something since the talk began."""
    heard: str = ""
    told: Sequence[str] = ()
    """Facts that it has told."""


@dataclass(frozen=True)
class Script:
    """Of one conversation. `states` maps a name to steps and general lines."""

    facts: Sequence[Fact]
    states: Mapping[str, tuple[Sequence[Step], Sequence[str]]]
    start: str = "start"
    patience: int = 9
    """Turns after which it hangs up."""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Script:
        """From a dialogue's file."""
        facts = [
            Fact(name, fact.get("asked") or COMMON[name], fact["says"])
            for name, fact in table["facts"].items()
        ]
        states = {
            name: ([Step(**step) for step in state.get("on", ())], state["otherwise"])
            for name, state in table["states"].items()
        }
        return cls(facts, states, patience=table.get("patience", 9))


@dataclass
class Customer:
    """One customer in one trial."""

    script: Script
    done: Sequence[str]
    """Tools of the shop that did something, in order; grows while the talk goes on."""
    closed: Callable[[], bool]
    chatty: bool = False
    state: str = ""
    turns: int = 0
    told: dict[str, int] = field(default_factory=dict)
    """Fact to how often it was told."""
    lines: int = 0

    def answer(self, text: str) -> str | None:
        """What it says to that; None when it has hung up. Raises ScriptFault."""
        self.state = self.state or self.script.start
        self.turns += 1
        if self.closed() or self.turns > self.script.patience or self.state == END:
            return None
        facts = [fact for fact in self.script.facts if self._asked(fact, text)]
        noticed = self._step(text, deeds=True)
        if noticed:
            facts = [fact for fact in facts if fact.name not in self.told]
            return " ".join([self._take(noticed), *(self._tell(fact) for fact in facts)])
        if facts:
            said = " ".join(self._tell(fact) for fact in facts)
            return CHATTER[self.turns % len(CHATTER)].format(said) if self.chatty else said
        return self._react(text)

    def _asked(self, fact: Fact, text: str) -> bool:
        """Whether it is asked for that; who only repeats what was told has not asked."""
        if fact.name in self.told and not _found(r"\?|\bagain\b|once more|repeat", text):
            return False
        return all(other in self.told for other in fact.after) and _found(fact.asked, text)

    def _tell(self, fact: Fact) -> str:
        if not fact.says:
            raise ScriptFault(f"the script has no words for '{fact.name}'")
        times = self.told.get(fact.name, 0)
        self.told[fact.name] = times + 1
        return fact.says[min(times, len(fact.says) - 1)]

    def _react(self, text: str) -> str:
        step = self._step(text, deeds=False)
        if step:
            return self._take(step)
        otherwise = self._place()[1]
        if not otherwise:
            raise ScriptFault(f"the script has no line for what was said in '{self.state}'")
        self.lines += 1
        return otherwise[(self.lines - 1) % len(otherwise)]

    def _step(self, text: str, *, deeds: bool) -> Step | None:
        """The first step that is due; `deeds`: of those that wait for something done."""
        steps = [step for step in self._place()[0] if bool(step.called) is deeds]
        return next((step for step in steps if self._holds(step, text)), None)

    def _take(self, step: Step) -> str:
        self.state = step.goto or self.state
        return step.says

    def _place(self) -> tuple[Sequence[Step], Sequence[str]]:
        if self.state not in self.script.states:
            raise ScriptFault(f"the script has no state '{self.state}'")
        return self.script.states[self.state]

    def _holds(self, step: Step, text: str) -> bool:
        called = not step.called or step.called in self.done
        heard = not step.heard or _found(step.heard, text)
        return called and heard and all(fact in self.told for fact in step.told)


def _found(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text[:4000], re.IGNORECASE | re.DOTALL) is not None
    except re.error as error:
        raise ScriptFault(f"the script has a wrong pattern: {error}") from None
