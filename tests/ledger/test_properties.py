"""Whatever is done to a ledger, in whatever order: its records stay dense, in the tree and as acknowledged."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fieldmark.ledger import Entry, Ledger, Transaction, leaf
from fieldmark.ledger._tree import Frontier
from fieldmark.ledger.evidence import Choice, Remark
from tests.ledger.parts import Wins, append_then_fail, cast, open_ledger, tally, vote

choices = st.sampled_from(["a", "b", "tie", "both_bad"])
contents = st.text(max_size=30).filter(lambda text: "\ud800" not in text)


@dataclass
class Known:
    """What was acknowledged."""

    entries: list[Entry] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)

    def wins(self, size: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in self.entries[:size]:
            choice = getattr(entry.record.body, "choice", None)
            if choice in ("a", "b"):
                name = {"a": "alpha", "b": "beta"}[choice]
                found[name] = found.get(name, 0) + 1
        return found


class Machine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.ledger: Ledger = open_ledger(self.path)
        self.known = Known()

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.verify()
            self.ledger.close()
            self.folder.cleanup()

    @rule(choice=choices, content=contents)
    def append(self, choice: Choice, content: str) -> None:
        entry = cast(self.ledger, choice, comment=content)
        self.known.entries.append(entry)
        self.known.texts[entry.record.commitments["comment"].text_id] = content

    @rule()
    def fail(self) -> None:
        with pytest.raises(ZeroDivisionError):
            self.ledger.write(append_then_fail)

    @rule(plan=st.lists(st.sampled_from(["one", "two", "fail", "nothing"]), min_size=1, max_size=8))
    def group(self, plan: list[Literal["one", "two", "fail", "nothing"]]) -> None:
        def two(now: Transaction) -> list[Entry]:
            return [now.append(vote("tie"), actor="p_x"), now.append(Remark(), actor="p_x")]

        works: dict[str, Callable[[Transaction], list[Entry]]] = {
            "one": lambda now: [now.append(vote("b"), actor="p_x")],
            "two": two,
            "fail": append_then_fail,
            "nothing": lambda now: [],
        }

        async def all_at_once() -> list[list[Entry] | BaseException]:
            waiting = [self.ledger.awrite(works[each]) for each in plan]
            return list(await asyncio.gather(*waiting, return_exceptions=True))

        for each, outcome in zip(plan, asyncio.run(all_at_once()), strict=True):
            assert isinstance(outcome, ZeroDivisionError if each == "fail" else list)
            if isinstance(outcome, list):
                self.known.entries += outcome

    @rule(secret=st.sampled_from(["one", "two", "three"]))
    def meet(self, secret: str) -> None:
        pseudonym = self.ledger.write(lambda now: now.pseudonym(secret))
        assert self.known.people.setdefault(secret, pseudonym) == pseudonym

    @rule(with_projection=st.booleans())
    def reopen(self, with_projection: bool) -> None:
        if not with_projection:  # another program, which keeps no projection, appends something
            with open_ledger(self.path, []) as other:
                self.known.entries.append(cast(other, "a"))
        self.ledger.close()
        self.ledger = open_ledger(self.path, [Wins()])

    @rule()
    def rebuild(self) -> None:
        self.ledger.rebuild("wins")

    @rule(share=st.floats(0, 1))
    def look_back(self, share: float) -> None:
        size = round(share * len(self.known.entries))
        with self.ledger.at(str(size)) as then:
            assert tally(then) == self.known.wins(size)

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "ledger"):
            return
        with self.ledger.read() as snapshot:
            held = list(snapshot.entries())
            assert held == self.known.entries
            assert {each: snapshot.text(each) for each in self.known.texts} == self.known.texts
            assert {each: snapshot.pseudonym(each) for each in self.known.people} == self.known.people
            assert tally(snapshot) == self.known.wins(len(held))
            head = snapshot.head()
        frontier = Frontier()
        for index, entry in enumerate(held):
            assert (entry.index, entry.hash) == (index, leaf(entry.raw))
            frontier.append(entry.hash)
        assert (head.size, head.hash) == (frontier.size, frontier.root().hex())


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
