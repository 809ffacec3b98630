"""Judging shadowed real cases: whose turn a case is, what is shown of it, and the vote."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, select

from fieldmark.arena import _shadow_tables as t
from fieldmark.arena._boards import Boards
from fieldmark.arena._rules import check_remark
from fieldmark.arena._shadow_view import read_case, shadow_view
from fieldmark.arena.shadows import ShadowView, Waiting
from fieldmark.errors import Conflict, Forbidden, NotFound
from fieldmark.fields import Field, known_contenders
from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import Choice, Remark, Retraction, Side, VoteCast

MOST_WAITING = 1000
"""Waiting cases are counted up to here."""
_TRIED = 100
"""Cases whose texts are not held (an import without them) that are passed over in one look."""
_REMEMBERED = 10_000
"""Cases and voters whose time of showing is remembered."""


@dataclass(frozen=True)
class ShadowBallot:
    """A vote on a shadowed case with its reasons: the names follow at once, so they cannot come later."""

    choice: Choice
    tags: Mapping[Side, tuple[str, ...]] = field(default_factory=dict)
    rubric: Mapping[str, Mapping[Side, int]] = field(default_factory=dict)
    comment: str = ""
    credentials: tuple[str, ...] = ()
    """Those that the voter's account holds."""


class Shadows:
    """Shadowed cases of one field, judged blind. All methods belong to one event loop; `voter` is a pseudonym.

    Which of the two answers stands on side a is drawn for each voter and case by a keyed hash: a reload shows the
    same, nobody without `key` can tell it, and nothing of it is in the ledger before the vote.
    """

    def __init__(self, ledger: Ledger, rules: Callable[[], Field], boards: Boards, key: str) -> None:
        self._ledger = ledger
        self._rules = rules
        self._boards = boards
        self._key = key.encode()
        self._shown: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def waiting(self, voter: str | None) -> Waiting:
        """How many cases this voter may judge, at most `MOST_WAITING`."""

        def read() -> int:
            with self._ledger.read() as snapshot:
                open_ones = _queue(voter).limit(MOST_WAITING).subquery()
                query = select(func.count()).select_from(open_ones)
                return int(snapshot.connection.execute(query).scalar_one())

        return Waiting(waiting=await asyncio.to_thread(read))

    async def next(self, voter: str, skip: Sequence[str] = ()) -> ShadowView | None:
        """The case with the fewest votes, the oldest of these, that this voter may judge; None without one."""

        def read() -> ShadowView | None:
            with self._ledger.read() as snapshot:
                c = t.shadows.c
                query = _queue(voter).order_by(c.votes, c.started)
                if skip:
                    query = query.where(c.battle.not_in(list(skip)))
                for row in snapshot.connection.execute(query.limit(_TRIED)).all():
                    found = self._view(snapshot, row, voter)
                    if not found.erased:
                        return found
                return None

        found = await asyncio.to_thread(read)
        if found is not None:
            self._remember(found.id, voter)
        return found

    async def view(self, battle: str, voter: str) -> ShadowView:
        """A case as this voter may see it now.

        Raises:
            NotFound: no shadowed case has that id.
            Forbidden: the voter knows which answer was served.
        """

        def read() -> ShadowView:
            with self._ledger.read() as snapshot:
                return self._view(snapshot, _find(snapshot.connection, battle, voter), voter)

        found = await asyncio.to_thread(read)
        if found.state == "open" and not found.erased:
            self._remember(found.id, voter)
        return found

    async def vote(self, battle: str, voter: str, ballot: ShadowBallot) -> ShadowView:
        """Vote, and learn who answered.

        Raises:
            NotFound: no shadowed case has that id.
            Forbidden: the voter knows which answer was served.
            Conflict: `already_voted`; `erased`, when its texts are gone.
            InputError: a reason that the field does not have.
        """
        rules = self._rules()
        check_remark(rules, ballot.tags, ballot.rubric, ballot.comment)
        shown = self._shown.get((battle, voter))
        decision_ms = None if shown is None else round((time.monotonic() - shown) * 1000)

        def work(transaction: Transaction) -> None:
            row = _find(transaction.connection, battle, voter)
            if _vote_of(transaction.connection, battle, voter) is not None:
                raise Conflict(
                    "you have voted on this case", code="already_voted", hint="one vote per person and case"
                )
            vote = self._evidence(transaction, row, voter, ballot.choice, decision_ms, rules)
            vote = vote.model_copy(update={"credentials": ballot.credentials})
            entry = transaction.append(vote, actor=voter, refs={"battle": battle})
            if ballot.tags or ballot.rubric or ballot.comment:
                said = Remark(tags=dict(ballot.tags), rubric={k: dict(v) for k, v in ballot.rubric.items()})
                texts = {"comment": ballot.comment} if ballot.comment else {}
                refs = {"battle": battle, "vote": entry.record.id}
                transaction.append(said, actor=voter, refs=refs, texts=texts)

        await self._ledger.awrite(work)
        self._shown.pop((battle, voter), None)
        return await self.view(battle, voter)

    async def retract(self, battle: str, voter: str) -> ShadowView:
        """Take the vote back for good: the names were shown, so this voter cannot judge the case again.

        Raises:
            NotFound: no shadowed case has that id.
            Conflict: `not_voted`.
        """

        def work(transaction: Transaction) -> None:
            _find(transaction.connection, battle, voter)
            mine = _vote_of(transaction.connection, battle, voter)
            if mine is None or mine.retracted:
                raise Conflict("there is no vote of yours to take back", code="not_voted")
            refs = {"battle": battle, "vote": mine.vote}
            transaction.append(Retraction(reason="voter"), actor=voter, refs=refs)

        await self._ledger.awrite(work)
        return await self.view(battle, voter)

    def _remember(self, battle: str, voter: str) -> None:
        self._shown.setdefault((battle, voter), time.monotonic())
        while len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)

    def _sides(self, row: Row[Any], voter: str) -> tuple[str, str]:
        """Digests on this voter's screen sides."""
        drawn = hmac.digest(self._key, f"shadow sides\n{row.battle}\n{voter}".encode(), hashlib.sha256)
        return (row.a, row.b) if drawn[0] & 1 else (row.b, row.a)

    def _evidence(
        self,
        transaction: Transaction,
        row: Row[Any],
        voter: str,
        choice: Choice,
        decision_ms: int | None,
        rules: Field,
    ) -> VoteCast:
        a, b = self._sides(row, voter)
        case = read_case(transaction, row, known_contenders(transaction))
        if row.gone or case is None:
            raise Conflict("the texts of this case were deleted", code="erased", hint="judge another one")
        leak = any(answer.leak for answer in case.answers.values())
        counts = not leak or rules.policy.count_leaked
        return VoteCast(
            choice=choice,
            a=a,
            b=b,
            mode="blind",
            source="shadow",
            propensity=row.propensity,
            category=row.category,
            language=row.language,
            decision_ms=decision_ms,
            leak=leak,
            counts=counts,
            not_counted=None if counts else "leak",
        )

    def _view(self, snapshot: Snapshot, row: Row[Any], voter: str) -> ShadowView:
        mine = _vote_of(snapshot.connection, row.battle, voter)
        a, b = self._sides(row, voter)
        if mine is not None:
            a, b = (row.a, row.b) if mine.a == row.a else (row.b, row.a)
        standing = None
        if mine is not None:
            standing = self._boards.standing(snapshot, self._rules().policy, stratum="shadow")
        return shadow_view(snapshot, row, (a, b), mine, standing)


def _queue(voter: str | None) -> Select[Any]:
    """Cases that can be judged, by this voter if one is given."""
    c, mine, knows = t.shadows.c, t.shadow_votes.c, t.knows.c
    query = select(t.shadows).where(c.gone.is_(False))
    if voter is not None:
        query = query.where(
            ~exists().where(mine.battle == c.battle, mine.voter == voter),
            ~exists().where(knows.case == c.case, knows.person == voter),
        )
    return query


def _find(connection: Connection, battle: str, voter: str) -> Row[Any]:
    row = connection.execute(select(t.shadows).where(t.shadows.c.battle == battle)).one_or_none()
    if row is None:
        raise NotFound("there is no such case to judge", hint="POST /api/v1/shadow/next gives one")
    knows = t.knows.c
    own = select(knows.case).where(knows.case == row.case, knows.person == voter)
    if connection.execute(own).first() is not None and _vote_of(connection, battle, voter) is None:
        raise Forbidden(
            "you know which answer this case was given", hint="judge another one: it must be blind"
        )
    return row


def _vote_of(connection: Connection, battle: str, voter: str) -> Row[Any] | None:
    c = t.shadow_votes.c
    query = select(t.shadow_votes).where(c.battle == battle, c.voter == voter)
    return connection.execute(query).one_or_none()
