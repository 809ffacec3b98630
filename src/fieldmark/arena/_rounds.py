"""Puts a round's view together: what the ledger holds, and over it what is being written now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import func, select

from fieldmark.arena import _tables as t
from fieldmark.arena._restore import Restored, restored
from fieldmark.arena._standing import Standing
from fieldmark.arena.views import (
    AnswerView,
    RevealedSide,
    RevealView,
    RoundState,
    RoundView,
    SideNames,
    TurnView,
    VoteView,
)
from fieldmark.fields import Field, Known, known_contenders
from fieldmark.ledger import Row, Snapshot, Transaction
from fieldmark.ledger.evidence import Side, VoteCast


@dataclass(frozen=True)
class Now:
    """A live round at one instant."""

    last_event: int = 0
    writing: bool = False
    answers: Mapping[tuple[int, Side], AnswerView] = field(default_factory=dict)


@dataclass(frozen=True)
class Held:
    """What the ledger holds of a round, at one head."""

    row: Row
    past: Restored
    names: SideNames | None
    """In a round whose contenders the voter chose."""
    state: RoundState
    vote: VoteView | None

    @classmethod
    def read(cls, snapshot: Snapshot | Transaction, row: Row) -> Held:
        """Read it."""
        names = _names(snapshot, row) if row.mode == "chosen" else None
        return cls(row, restored(snapshot, row.id), names, row.state, _vote(row))

    def voted(self, vote: VoteCast) -> Held:
        """As it is once this vote is recorded."""
        view = VoteView(
            choice=vote.choice,
            partial=vote.partial,
            counts=vote.counts,
            not_counted=vote.not_counted,
            remarked=False,
        )
        return replace(self, state="voted", vote=view)


def round_view(
    held: Held, now: Now, rules: Field, *, undo: timedelta, reveal: RevealView | None
) -> RoundView:
    """The round as its voter may see it."""
    row, past = held.row, held.past
    return RoundView(
        id=row.id,
        mode=row.mode,
        category=row.category,
        state=held.state,
        turns=[_turn(past, now, turn) for turn in range(1, past.turn + 1)],
        writing=now.writing,
        last_event=now.last_event,
        turns_left=max(0, rules.policy.max_turns - row.turn) if held.state == "open" else 0,
        names=held.names,
        vote=held.vote,
        undo_ms=round(undo.total_seconds() * 1000),
        reveal=reveal,
    )


def _turn(past: Restored, now: Now, turn: int) -> TurnView:
    return TurnView(
        turn=turn,
        prompt=past.prompts[turn - 1],
        a=_answer(past, now, turn, "a"),
        b=_answer(past, now, turn, "b"),
    )


def _answer(past: Restored, now: Now, turn: int, side: Side) -> AnswerView:
    if live := now.answers.get((turn, side)):
        return live
    kept = past.answers.get((turn, side))
    if kept is None:
        return AnswerView(state="waiting")
    return AnswerView(
        state="failed" if kept.failure else "finished",
        text=kept.text,
        failure=kept.failure,
        leak=kept.leak,
        hanging=kept.hung,
        stopped=kept.stopped,
        attempt=kept.attempt,
    )


def _names(snapshot: Snapshot | Transaction, row: Row) -> SideNames:
    known = known_contenders(snapshot)
    return SideNames(a=known[row.a].name, b=known[row.b].name)


def _vote(row: Row) -> VoteView | None:
    if row.choice is None:
        return None
    return VoteView(
        choice=row.choice,
        partial=row.partial,
        counts=row.counts,
        not_counted=row.not_counted,
        remarked=row.remarked,
    )


def reveal_view(snapshot: Snapshot, row: Row, standing: Standing) -> RevealView:
    """Who answered, and what the votes say of the two now."""
    known = known_contenders(snapshot)
    line = standing.between(row.a, row.b)
    return RevealView(
        a=_side(snapshot, row, "a", known[row.a], standing),
        b=_side(snapshot, row, "b", known[row.b], standing),
        votes_between=line.votes,
        wins_a=line.wins,
        wins_b=line.losses,
        ties=line.ties,
        both_bad=line.both_bad,
    )


def _side(snapshot: Snapshot, row: Row, side: Side, known: Known, standing: Standing) -> RevealedSide:
    c = t.answers.c
    mine = (c.battle == row.id, c.side == side)
    sums = select(func.sum(c.ms), func.sum(c.answer_tokens), func.sum(c.cost)).where(*mine)
    ms, tokens, cost = snapshot.connection.execute(sums).one()
    first = select(c.ms_to_first).where(*mine, c.turn == 1).order_by(c.attempt.desc()).limit(1)
    rated = standing.rating(known.digest)
    return RevealedSide(
        name=known.name,
        digest=known.digest,
        kind=known.kind,
        system=snapshot.text(known.system) if known.system else None,
        sampler=dict(known.parts.get("sampler") or {}),
        ms_to_first=snapshot.connection.execute(first).scalar_one_or_none(),
        ms=ms or 0,
        answer_tokens=tokens,
        cost=cost,
        rating=rated.value if rated else None,
        lower=rated.lower if rated else None,
        upper=rated.upper if rated else None,
    )
