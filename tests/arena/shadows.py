"""Shadowed real cases written straight into a ledger, as the gateway writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fieldmark.ledger import Ledger, Transaction
from fieldmark.ledger.evidence import (
    BattleStarted,
    CaseAnswered,
    CaseOpened,
    Choice,
    OutcomeReported,
    Result,
    VoteCast,
)

SERVED, OTHER = "We refund it within ten days.", "Ask the shop, please."


@dataclass(frozen=True)
class Shadowed:
    """Ids of a case and its battle, and the digests of who served it and who did not."""

    case: str
    battle: str
    a: str
    b: str


def shadow(
    ledger: Ledger,
    a: str,
    b: str,
    *,
    person: str | None = None,
    category: str | None = None,
    answers: tuple[str, str] = (SERVED, OTHER),
    result: Result | None = None,
) -> Shadowed:
    """A case that `a` served and `b` answered too."""
    return ledger.write(
        lambda now: _write(now, a, b, person=person, category=category, answers=answers, result=result)
    )


def _write(
    now: Transaction,
    a: str,
    b: str,
    *,
    person: str | None,
    category: str | None,
    answers: tuple[str, str],
    result: Result | None,
) -> Shadowed:
    request = {
        "model": "alder-7b",
        "messages": [
            {"role": "system", "content": "You help customers."},
            {"role": "user", "content": [{"type": "text", "text": "Where is my refund?"}]},
        ],
    }
    opened = CaseOpened(
        application="support",
        person=person,
        category=category,
        route="champion",
        contender=a,
        propensity=1.0,
        basis="always",
        stream=False,
    )
    case = now.append(opened, actor="support", texts={"request": json.dumps(request, sort_keys=True)})
    refs = {"case": case.record.id}
    texts = []
    for role, digest, text in (("served", a, answers[0]), ("shadow", b, answers[1])):
        reply = CaseAnswered(
            role=role, contender=digest, ms_to_first=1, ms=2, characters=len(text), finish="stop"
        )
        texts.append(now.append(reply, actor="system", refs=refs, texts={"answer": text}).record)
    battle = BattleStarted(
        mode="blind", source="shadow", a=a, b=b, propensity=0.5, category=category, prompt_source="case"
    )
    commitments = {
        "prompt": case.record.commitments["request"],
        "a": texts[0].commitments["answer"],
        "b": texts[1].commitments["answer"],
    }
    begun = now.append(battle, actor="system", refs=refs, commitments=commitments)
    if result is not None:
        report(now, case.record.id, result)
    return Shadowed(case.record.id, begun.record.id, a, b)


def report(now: Transaction, case: str, result: Result, person: str | None = None) -> None:
    """Say what became of a case: the application, or a person."""
    outcome = OutcomeReported(result=result, by="person" if person else "application")
    now.append(outcome, actor=person or "support", refs={"case": case})


def judge(ledger: Ledger, shadowed: Shadowed, choice: Choice, voter: str = "p_one") -> str:
    """A vote with the served answer on screen side a; its id."""
    vote = VoteCast(
        choice=choice,
        a=shadowed.a,
        b=shadowed.b,
        mode="blind",
        source="shadow",
        propensity=0.5,
        decision_ms=900,
        counts=True,
    )
    refs = {"battle": shadowed.battle}
    return ledger.write(lambda now: now.append(vote, actor=voter, refs=refs)).record.id
