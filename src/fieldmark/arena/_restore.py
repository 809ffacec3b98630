"""What a round holds so far, read back from the ledger: enough to go on after a reload or a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select

from fieldmark.arena import _tables as t
from fieldmark.contenders import Message
from fieldmark.errors import FailureKind
from fieldmark.ledger import Ledger, Prepared, Snapshot, Transaction
from fieldmark.ledger.evidence import Side

_TURNS = Prepared(
    select(t.turns.c.prompt).where(t.turns.c.battle == bindparam("battle")).order_by(t.turns.c.turn)
)
_ANSWERS = Prepared(
    select(
        *(t.answers.c[n] for n in ("turn", "side", "attempt", "text", "finish", "failure", "leak", "hung"))
    )
    .where(t.answers.c.battle == bindparam("battle"))
    .order_by(t.answers.c.attempt)
)

NOTHING = "(no answer)"
"""Stands in a conversation where a side failed without a word, since roles must alternate."""
ERASED = "(erased)"


@dataclass(frozen=True)
class Answered:
    """The last attempt of one side at one turn."""

    text: str
    failure: FailureKind | None
    attempt: int
    leak: bool = False
    hung: bool = False
    stopped: bool = False


@dataclass(frozen=True)
class Restored:
    """Prompts and last attempts of a round."""

    prompts: tuple[str, ...]
    answers: Mapping[tuple[int, Side], Answered]

    @classmethod
    def fresh(cls, prompt: str) -> Restored:
        """A round that nobody has answered yet."""
        return cls((prompt,), {})

    @property
    def turn(self) -> int:
        """The turn it is in."""
        return len(self.prompts)

    def followed_by(self, prompt: str) -> Restored:
        """With one more prompt."""
        return replace(self, prompts=(*self.prompts, prompt))

    def failed(self, side: Side) -> bool:
        """Whether the side's last attempt at this turn failed."""
        answer = self.answers.get((self.turn, side))
        return answer is not None and answer.failure is not None

    def attempts(self, side: Side) -> int:
        """Attempts made at this turn."""
        answer = self.answers.get((self.turn, side))
        return answer.attempt if answer else 0

    def said(self) -> str:
        """All that the person wrote."""
        return "\n".join(self.prompts)

    def conversation(self, side: Side) -> list[Message]:
        """The messages that this side is asked with."""
        messages: list[Message] = []
        for turn, prompt in enumerate(self.prompts, start=1):
            messages.append({"role": "user", "content": prompt})
            if turn < self.turn:
                answer = self.answers.get((turn, side))
                messages.append({"role": "assistant", "content": (answer and answer.text) or NOTHING})
        return messages


def restore(ledger: Ledger, battle: str) -> Restored:
    """Read a round back."""
    with ledger.read() as snapshot:
        return restored(snapshot, battle)


def restored(snapshot: Snapshot | Transaction, battle: str) -> Restored:
    """Read a round back as of a snapshot."""
    turns = [row.prompt for row in _TURNS.execute(snapshot.connection, {"battle": battle}).all()]
    rows = _ANSWERS.execute(snapshot.connection, {"battle": battle}).all()
    texts = snapshot.texts([*turns, *(row.text for row in rows if row.text)])
    prompts = tuple(texts.get(prompt, ERASED) for prompt in turns)
    answers: dict[tuple[int, Side], Answered] = {}
    for row in rows:
        text = texts.get(row.text, ERASED) if row.text else ""
        answers[row.turn, row.side] = Answered(
            text, row.failure, row.attempt, row.leak, row.hung, row.finish == "stopped"
        )
    return Restored(prompts, answers)
