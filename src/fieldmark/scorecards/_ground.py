"""Playing one planned trial and writing it down: what any process that works at a run does, as often as it likes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from fieldmark.errors import FieldmarkError
from fieldmark.ledger import Ledger, Transaction
from fieldmark.ledger.evidence import RunStarted, VerdictResult
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._entrants import Entrant
from fieldmark.scorecards._pace import Pace
from fieldmark.scorecards._plan import ATTEMPTS, Plan
from fieldmark.scorecards._records import attempts, crashed_before, has_ended, is_open, write_trial
from fieldmark.scorecards._task import TaskSet
from fieldmark.scorecards._trial import Bench, Played, TrialKey, broke_off, play
from fieldmark.scorecards._verdict import Verdict

Outcome = VerdictResult | Literal["known", "away", "over"]
"""`known`: it has its verdict, or all its attempts, already. `away`: the contender could not be asked, so nothing
happened and nothing was written. `over`: the run has ended."""


@dataclass(frozen=True)
class Ground:
    """Everything that trials of one run need."""

    ledger: Ledger
    run: str
    started: RunStarted
    task_set: TaskSet
    entrants: Mapping[str, Entrant]
    """By identity digest."""
    bench: Bench

    @property
    def plan(self) -> Plan:
        """What is to be done."""
        trusted = {digest for digest, each in self.entrants.items() if each.trusted}
        return Plan(self.run, self.started, self.task_set, trusted)


async def play_planned(ground: Ground, key: TrialKey, *, pace: Pace | None = None) -> Outcome:
    """Play a trial of a run and write it down with its verdict, both or neither; nothing is done twice.

    `key.attempt` does not matter: the next one is taken. Safe to call again after a crash, and by several processes
    for the same trial: the ledger decides whose verdict it is.

    Raises:
        LedgerUnavailable: nothing was recorded; the trial is to be played again.
    """
    number = await asyncio.to_thread(_next_attempt, ground, key)
    if number is None:
        return "known"
    key = replace(key, attempt=number)
    played = await _play(ground, key)
    if broke_off(played.attempt) and played.verdict.result == "void":
        played = await asyncio.to_thread(_failed_again, ground, key, played)
    if pace is not None and pace.heard(played.attempt):
        return "away"
    task, seed = ground.task_set.task(key.task), key.seed(ground.started.seed)

    def work(now: Transaction) -> Outcome:
        if has_ended(now, key.run):
            return "over"
        return played.verdict.result if write_trial(now, key, task, played, seed) else "known"

    return await ground.ledger.awrite(work)


def _failed_again(ground: Ground, key: TrialKey, played: Played) -> Played:
    """A contender whose own server breaks in the middle of its work has one more attempt, and then it has failed.

    Else whoever answers with an error in place of a wrong answer would be asked until it is right.
    """
    with ground.ledger.read() as snapshot:
        if not crashed_before(snapshot, key):
            return played
    words = f"{played.verdict.explanation}, a second time"
    return replace(played, verdict=Verdict.of(False, words))


def _next_attempt(ground: Ground, key: TrialKey) -> int | None:
    with ground.ledger.read() as snapshot:
        number = attempts(snapshot, key) + 1
        return number if number <= ATTEMPTS and is_open(snapshot, replace(key, attempt=number)) else None


async def _play(ground: Ground, key: TrialKey) -> Played:
    task = ground.task_set.task(key.task)
    try:
        agent = ground.entrants[key.contender].agent(task, key.trial)
        seed = key.seed(ground.started.seed)
        return await play(task, agent, ground.bench, variant=task.variant(key.variant), seed=seed)
    except Exception as error:  # a fault of ours, or of the set's code, says nothing about the contender
        what = (
            error.message if isinstance(error, FieldmarkError) else f"{type(error).__name__}: {error}"[:500]
        )
        attempt = Attempt(task.id, key.variant, ended="cancelled", detail=what)
        return Played(attempt, Verdict.nothing("other", what), 0)
