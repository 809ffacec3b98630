"""The arena of one field: rounds from prompt to reveal. Rules are checked in the transaction that writes the record."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import and_, bindparam, or_, select

from fieldmark.arena import _tables as t
from fieldmark.arena._boards import Boards
from fieldmark.arena._leak import LeakScan
from fieldmark.arena._leases import Leases
from fieldmark.arena._live import SIDES, LiveRound, Writing
from fieldmark.arena._pairing import Pairing, draw, weights
from fieldmark.arena._restore import Restored, restore
from fieldmark.arena._rounds import Held, Now, reveal_view, round_view
from fieldmark.arena._rules import Cast, check_prompt, check_remark, find, open_round, vote_evidence
from fieldmark.arena.views import Closed, RoundEvent, RoundView
from fieldmark.contenders import Message
from fieldmark.errors import Conflict, ContenderFailure, InputError, LedgerError
from fieldmark.fields import SYSTEM, Field, Member, Roster
from fieldmark.ledger import Ledger, Row, Transaction, timestamp
from fieldmark.ledger.evidence import (
    Abandonment,
    AnswerEnded,
    BattleStarted,
    Choice,
    Failure,
    Mode,
    Remark,
    Retraction,
    Reveal,
    Side,
    TurnStarted,
)

LOG = logging.getLogger(__name__)
T = TypeVar("T")
_OPEN = select(t.battles.c.id).where(t.battles.c.voter == bindparam("voter"), t.battles.c.state == "open")


class Arena:
    """Rounds of one field. All methods belong to one event loop; `voter` is always the pseudonym of the one who asks.

    Every method that acts on a round raises NotFound for an unknown id, Forbidden for somebody else's round, and
    Conflict (`code` says which rule) when the round's state does not allow it.
    """

    def __init__(
        self, ledger: Ledger, roster: Roster, field: Field, *, chance: random.Random | None = None
    ) -> None:
        self.field = field
        self.boards = Boards()
        self._ledger = ledger
        self._roster = roster
        self._chance = chance or random.SystemRandom()
        self._live: dict[str, LiveRound] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._writes: set[asyncio.Task[Any]] = set()
        self._leases = Leases(ledger)
        self._recovered = False

    # -- beginning -----------------------------------------------------------------------------------------------

    async def start(
        self,
        voter: str,
        prompt: str,
        *,
        mode: Mode = "blind",
        category: str | None = None,
        from_field: bool = False,
        contenders: tuple[str, str] | None = None,
    ) -> RoundView:
        """Begin a round; the voter's older open rounds are abandoned.

        `contenders` are two names, in mode `chosen` only. Raises InputError for a prompt or category the field does
        not take, Conflict `too_few_contenders`.
        """
        check_prompt(self.field, prompt, from_field=from_field, category=category)
        if mode == "blind" and contenders is not None:
            raise InputError("a blind battle draws its contenders", hint="the mode 'chosen' takes two names")
        pairing = self._chosen(contenders) if mode == "chosen" else await asyncio.to_thread(self._draw)
        members = self._members(pairing.a, pairing.b)
        own = next((p for p in self.field.prompts if p.text == prompt), None)
        if from_field and own is not None:
            category = own.category
        language = own.language if own else None
        battle = BattleStarted(
            mode=mode,
            a=pairing.a,
            b=pairing.b,
            propensity=pairing.propensity,
            category=category,
            language=language,
            prompt_source="field" if from_field else "own",
        )

        def work(transaction: Transaction) -> tuple[Held, list[str]]:
            left = _abandon_open(transaction, voter)
            entry = transaction.append(battle, actor=voter, texts={"prompt": prompt})
            self._leases.take(transaction, entry.record.id)
            return Held.read(transaction, find(transaction.connection, entry.record.id, voter)), left

        held, left = await self._ledger.awrite(work)
        live = self._new_live(held.row.id, voter)
        self._ask(live, Restored.fresh(prompt), members, SIDES)
        for old in left:
            await self._drop(old)
        return round_view(held, live.now(), self.field, undo=timedelta(0), reveal=None)

    def _chosen(self, names: tuple[str, str] | None) -> Pairing:
        if names is None or names[0] == names[1]:
            raise InputError("the mode 'chosen' needs the names of two different contenders")
        a, b = (self._roster.named(name).digest for name in names)
        return Pairing(a, b, 1.0)

    def _draw(self) -> Pairing:
        digests = [member.digest for member in self._roster.talkers]
        if len(digests) < 2:
            raise Conflict(
                f"a battle needs two contenders, and {len(digests)} can be asked now",
                code="too_few_contenders",
                hint="add one on the page Contenders, or with `fieldmark contenders add`",
            )
        with self._ledger.read() as snapshot:
            standing = self.boards.standing(snapshot, self.field.policy)
        probabilities = weights(
            digests,
            {digest: standing.total(digest).votes for digest in digests},
            standing.undecided,
            minimum_exposure=self.field.policy.minimum_exposure,
        )
        return draw(probabilities, self._chance)

    # -- going on ------------------------------------------------------------------------------------------------

    async def turn(self, battle: str, voter: str, prompt: str) -> RoundView:
        """Ask both sides a follow-up. Conflict: `writing`, `too_many_turns`, `nothing_to_follow`."""
        check_prompt(self.field, prompt, from_field=False, category=None)
        row = await asyncio.to_thread(self._open_row, battle, voter, here=True)
        async with self._lock(battle):
            live = self._live_of(battle)
            if live.writing:
                raise Conflict("both answers must end before the next prompt", code="writing")
            members = self._members(row.a, row.b)
            past = await asyncio.to_thread(restore, self._ledger, battle)
            if all(past.failed(side) for side in SIDES):
                raise Conflict(
                    "both sides failed: ask them again, or begin a new round", code="nothing_to_follow"
                )

            def work(transaction: Transaction) -> None:
                row = open_round(transaction.connection, battle, voter)
                most = self.field.policy.max_turns
                if row.turn >= most:
                    raise Conflict(
                        f"a round has at most {most} prompts", code="too_many_turns", hint="vote now"
                    )
                self._leases.take(transaction, battle)
                started = TurnStarted(turn=row.turn + 1)
                transaction.append(started, actor=voter, refs={"battle": battle}, texts={"prompt": prompt})

            await self._ledger.awrite(work)
            self._ask(live, past.followed_by(prompt), members, SIDES)
        return await self.view(battle, voter)

    async def retry(self, battle: str, voter: str, side: Side) -> RoundView:
        """Ask a failed side of the current turn again. Conflict: `not_failed`, `writing`."""
        await asyncio.to_thread(self._open_row, battle, voter)
        async with self._lock(battle):
            row = await asyncio.to_thread(self._open_row, battle, voter, here=True)
            live = self._live_of(battle)
            past = await asyncio.to_thread(restore, self._ledger, battle)
            if live.is_writing(past.turn, side):
                raise Conflict("this side is still writing", code="writing")
            if not (past.failed(side) or live.failed(past.turn, side)):
                raise Conflict("only a side that failed can be asked again", code="not_failed")
            if self._leases.shared:
                await self._ledger.awrite(lambda transaction: self._leases.take(transaction, battle))
            self._ask(live, past, self._members(row.a, row.b), (side,))
        return await self.view(battle, voter)

    def _members(self, a: str, b: str) -> dict[Side, Member]:
        """Who answers. Looked up before a prompt is written down: none is kept that nobody will answer."""
        first, second = (self._roster.by_digest(digest) for digest in (a, b))
        if first is None or second is None:
            raise Conflict(
                "a contender of this round was withdrawn or changed",
                code="contender_gone",
                hint="begin a new round",
            )
        return {"a": first, "b": second}

    def _ask(
        self, live: LiveRound, past: Restored, members: Mapping[Side, Member], sides: tuple[Side, ...]
    ) -> None:
        writings: list[Writing] = []
        conversations: dict[Side, list[Message]] = {}
        for side in sides:
            member = members[side]
            scan = LeakScan([member.name, member.spec.model or ""], said_by_person=past.said())
            attempt = past.attempts(side) + 1
            writings.append(Writing(side, past.turn, attempt, member, scan, asked=time.monotonic()))
            conversations[side] = past.conversation(side)
        task = live.begin(writings, conversations, self.field.policy.max_tokens)
        if self._leases.shared:
            task.add_done_callback(lambda done: self._shown(live, done))

    # -- judging -------------------------------------------------------------------------------------------------

    async def vote(
        self, battle: str, voter: str, choice: Choice, *, credentials: tuple[str, ...] = ()
    ) -> RoundView:
        """Vote, also while a side is writing (it is stopped; the vote is marked partial). Conflict: `already_voted`."""
        async with self._lock(battle):
            live, unkept = self._live.get(battle), list[Writing]()
            if live is not None and not live.still:  # only who may vote may stop the answers
                await asyncio.to_thread(self._open_row, battle, voter, here=True)
            cast = _cast(choice, live, credentials)
            if live is not None and not live.still:
                unkept = await live.stop()

            def work(transaction: Transaction) -> tuple[Held, str]:
                row = open_round(transaction.connection, battle, voter)
                self._leases.check(transaction, battle)
                held = Held.read(transaction, row)
                vote = vote_evidence(row, held.past, cast, self.field.policy)
                entry = transaction.append(vote, actor=voter, refs={"battle": battle})
                return held.voted(vote), entry.record.at

            held, at = await self._write(battle, unkept, work)
            if live is not None:
                live.close()
        now = Now() if live is None else live.now()
        return round_view(held, now, self.field, undo=self._undo_left(at), reveal=None)

    async def unvote(self, battle: str, voter: str) -> RoundView:
        """Take the vote back: within the undo time and before the names the round is open again, later it stays closed.

        Conflict: `not_voted`.
        """

        def work(transaction: Transaction) -> None:
            row = find(transaction.connection, battle, voter)
            if row.state not in {"voted", "revealed"}:
                raise Conflict("this round has no vote to take back", code="not_voted")
            undo = row.state == "voted" and self._undo_left(row.voted_at) > timedelta(0)
            retraction = Retraction(reason="undo" if undo else "voter")
            transaction.append(retraction, actor=voter, refs={"battle": battle, "vote": row.vote})

        await self._ledger.awrite(work)
        return await self._changed(battle, voter)

    async def remark(
        self,
        battle: str,
        voter: str,
        *,
        tags: Mapping[Side, tuple[str, ...]],
        rubric: Mapping[str, Mapping[Side, int]],
        comment: str = "",
    ) -> RoundView:
        """Say why, after the vote and before the names. Conflict: `not_voted`, `names_shown`, `already_remarked`."""
        check_remark(self.field, tags, rubric, comment)
        said = Remark(tags=dict(tags), rubric={k: dict(v) for k, v in rubric.items()})

        def work(transaction: Transaction) -> None:
            row = find(transaction.connection, battle, voter)
            _check_voted(row)
            if row.state == "revealed":
                raise Conflict("the names were shown: reasons would no longer be blind", code="names_shown")
            if row.remarked:
                raise Conflict("reasons were given already", code="already_remarked")
            texts = {"comment": comment} if comment else {}
            transaction.append(said, actor=voter, refs={"battle": battle, "vote": row.vote}, texts=texts)

        await self._ledger.awrite(work)
        return await self.view(battle, voter)

    async def reveal(self, battle: str, voter: str) -> RoundView:
        """Show the names to the one who voted; ends the undo time. Conflict: `not_voted`."""

        def work(transaction: Transaction) -> None:
            row = find(transaction.connection, battle, voter)
            _check_voted(row)
            if row.state == "voted":
                transaction.append(Reveal(), actor=voter, refs={"battle": battle, "vote": row.vote})

        await self._ledger.awrite(work)
        return await self._changed(battle, voter)

    async def abandon(self, battle: str, voter: str) -> RoundView:
        """End the round without a vote."""
        await asyncio.to_thread(self._open_row, battle, voter)
        async with self._lock(battle):
            unkept = await self._stopped(battle)

            def work(transaction: Transaction) -> None:
                open_round(transaction.connection, battle, voter)
                transaction.append(Abandonment(reason="voter"), actor=voter, refs={"battle": battle})

            await self._write(battle, unkept, work)
        return await self._changed(battle, voter)

    # -- looking -------------------------------------------------------------------------------------------------

    async def view(self, battle: str, voter: str) -> RoundView:
        """The round as its voter may see it now."""
        live = self._live.get(battle)
        return await asyncio.to_thread(self._view, battle, voter, live.now() if live else Now())

    async def current(self, voter: str) -> RoundView | None:
        """The voter's newest round that is open or waits for its names; None without one."""
        table = t.battles.c

        def newest() -> str | None:
            with self._ledger.read() as snapshot:
                where = and_(table.voter == voter, table.state.in_(["open", "voted"]))
                query = select(table.id).where(where).order_by(table.started.desc()).limit(1)
                return snapshot.connection.execute(query).scalar_one_or_none()

        battle = await asyncio.to_thread(newest)
        return None if battle is None else await self.view(battle, voter)

    async def follow(
        self, battle: str, voter: str, after: int
    ) -> AsyncIterator[list[tuple[int, RoundEvent]]]:
        """The round's events from number `after + 1` on, for ever; see `LiveRound.follow`."""
        async for events in await self.events(battle, voter, after):
            yield events

    async def events(
        self, battle: str, voter: str, after: int
    ) -> AsyncIterator[list[tuple[int, RoundEvent]]]:
        """What `follow` gives, once it is known whose round it is."""
        live = self._live.get(battle)
        if live is not None and live.voter == voter:  # begun here, and neither revealed nor left since
            return live.follow(after)
        row = await asyncio.to_thread(self._row, battle, voter)
        return self._live_of(battle).follow(after) if row.state in {"open", "voted"} else _closed(after)

    # -- keeping -------------------------------------------------------------------------------------------------

    async def recover(self) -> int:
        """After a start: record what was being written when the server was killed as interrupted. Returns how many.

        Where several processes serve the field, only what those left that are gone, once that is certain: call it
        every few seconds then.
        """
        gone: set[str] = set()
        if self._leases.shared:
            gone = await asyncio.to_thread(self._leases.gone)
            if self._recovered and not gone:
                return 0

        def work(transaction: Transaction) -> int:
            interrupted = 0
            held = self._leases.held(transaction, gone) if self._leases.shared else set()
            rows = transaction.connection.execute(select(t.battles).where(t.battles.c.state == "open")).all()
            for row in rows:
                if row.id in held:
                    continue
                missing = _unanswered(transaction, row)
                interrupted += len(missing)
                for side in missing:
                    _append_answer(transaction, row.id, _interrupted(row, side), "")
            return interrupted

        interrupted = await self._ledger.awrite(work)
        self._recovered = True
        return interrupted

    async def seen_elsewhere(self, battles: Iterable[str] | None) -> None:
        """Another process has written about these rounds: what is in memory of them here is old.

        None: about any; those that are being written here are no other process's.
        """
        if battles is None:
            battles = [battle for battle, live in self._live.items() if not live.writing]
        for battle in battles:
            if battle in self._live:
                await self._drop(battle)

    def _shown(self, live: LiveRound, done: asyncio.Task[None]) -> None:
        """Everything of a turn is shown and kept: from now on any process may go on with the round."""
        battle = next((battle for battle, each in self._live.items() if each is live), None)
        if battle is None or done.cancelled() or not all(w.kept for w in live.writings.values()):
            return

        async def free() -> None:
            try:
                await self._ledger.awrite(lambda transaction: self._leases.free(transaction, battle))
            except LedgerError as error:
                LOG.warning("a round could not be given free for other processes: %s", error.message)

        task = asyncio.create_task(free())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def expire(self) -> int:
        """Abandon open rounds that nobody came back to in the policy's time. Returns how many.

        What is kept in memory of rounds that are closed is let go of.
        """
        oldest = timestamp(datetime.now(UTC) - timedelta(hours=self.field.policy.battle_expiry_hours))

        def work(transaction: Transaction) -> list[str]:
            open_rounds = transaction.connection.execute(
                select(t.battles.c.id).where(t.battles.c.state == "open")
            )
            stale = [b for b in open_rounds.scalars() if transaction.entry(b).record.at < oldest]
            for battle in stale:
                transaction.append(Abandonment(reason="expired"), actor=SYSTEM, refs={"battle": battle})
            return stale

        stale = await self._ledger.awrite(work)
        for battle in await asyncio.to_thread(self._closed, list(self._live)):
            await self._drop(battle)
        return len(stale)

    async def forget(self, voter: str) -> int:
        """A voter is erased: end their open rounds and let go of all their rounds. Returns how many were open.

        A round that another server process is writing is left to that one.
        """
        c = t.battles.c

        def theirs() -> dict[str, str]:
            with self._ledger.read() as snapshot:
                mine = and_(c.voter == voter, or_(c.state == "open", c.id.in_(list(self._live))))
                return {r.id: r.state for r in snapshot.connection.execute(select(c.id, c.state).where(mine))}

        ended = 0
        for battle, state in (await asyncio.to_thread(theirs)).items():
            if state == "open":
                with suppress(Conflict):
                    await self.abandon(battle, voter)
                    ended += 1
            await self._drop(battle)
        return ended

    def _closed(self, battles: Sequence[str]) -> list[str]:
        with self._ledger.read() as snapshot:
            still = select(t.battles.c.id).where(t.battles.c.state == "open", t.battles.c.id.in_(battles))
            open_now = set(snapshot.connection.execute(still).scalars())
        return [battle for battle in battles if battle not in open_now]

    async def close(self) -> None:
        """Stop everything that is being written; what was received is kept, as the text of an interrupted answer."""
        await asyncio.gather(*self._writes, return_exceptions=True)
        why = ContenderFailure("interrupted", "the server was stopped")
        for battle in list(self._live):
            try:
                await self._write_stopped(battle, await self._stopped(battle, why))
            except Exception:
                LOG.exception("the answers of a round could not be written down")

    async def _write_stopped(self, battle: str, unkept: Sequence[Writing]) -> None:
        """Write down answers that were stopped."""
        if unkept or self._leases.shared:
            await self._write(battle, unkept, lambda _: None)

    async def _write(self, battle: str, unkept: Sequence[Writing], work: Callable[[Transaction], T]) -> T:
        """Write down answers that were stopped, and what stopped them: all of it, or nothing."""

        def both(transaction: Transaction) -> T:
            for writing in unkept:
                if not self._answered(transaction, battle, writing):
                    _append_answer(transaction, battle, writing.evidence(), writing.received)
            done = work(transaction)
            self._leases.free(transaction, battle)
            return done

        if not unkept:  # giving up the wait does not give up the write
            return await self._ledger.awrite(both)

        async def write() -> T:
            done = await self._ledger.awrite(both)
            for writing in unkept:
                writing.recorded = True
            return done

        # Whoever asked may leave; what is under way is then finished all the same, and known to be.
        task = asyncio.create_task(write())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def _keep(self, battle: str, writing: Writing) -> None:
        evidence = writing.evidence()

        def work(transaction: Transaction) -> None:
            if self._answered(transaction, battle, writing):
                raise Conflict("another process has taken this one for dead", code="elsewhere")
            _append_answer(transaction, battle, evidence, writing.received)

        await self._ledger.awrite(work)
        writing.member.spent += evidence.cost or 0.0

    def _answered(self, transaction: Transaction, battle: str, writing: Writing) -> bool:
        """Whether another process has written down that this answer was interrupted."""
        if not self._leases.shared:
            return False
        c = t.answers.c
        place = (
            c.battle == battle,
            c.turn == writing.turn,
            c.side == writing.side,
            c.attempt == writing.attempt,
        )
        return transaction.connection.execute(select(c.attempt).where(*place)).first() is not None

    async def _stopped(self, battle: str, why: ContenderFailure | None = None) -> list[Writing]:
        live = self._live.get(battle)
        unkept = [] if live is None else await live.stop()
        for writing in unkept:
            writing.failure = writing.failure or why
        return unkept

    async def _drop(self, battle: str) -> None:
        async with self._lock(battle):
            await self._write_stopped(battle, await self._stopped(battle))
        if live := self._live.pop(battle, None):
            live.close()

    async def _changed(self, battle: str, voter: str) -> RoundView:
        view = await self.view(battle, voter)
        if live := self._live.get(battle):
            live.close()
        if view.state in {"revealed", "retracted", "abandoned"}:
            self._live.pop(battle, None)
        return view

    def _lock(self, battle: str) -> asyncio.Lock:
        """Of whoever acts on this round now; it is there as long as somebody has it or waits for it."""
        return self._locks.setdefault(battle, asyncio.Lock())

    def _new_live(self, battle: str, voter: str | None = None) -> LiveRound:
        live = LiveRound(
            self.field.policy.hang_seconds, keep=lambda writing: self._keep(battle, writing), voter=voter
        )
        self._live[battle] = live
        return live

    def _live_of(self, battle: str) -> LiveRound:
        return self._live.get(battle) or self._new_live(battle)

    def _undo_left(self, voted_at: str) -> timedelta:
        end = datetime.fromisoformat(voted_at) + timedelta(seconds=self.field.policy.undo_seconds)
        return max(timedelta(0), end - datetime.now(UTC))

    def _row(self, battle: str, voter: str) -> Row:
        with self._ledger.read() as snapshot:
            return find(snapshot.connection, battle, voter)

    def _open_row(self, battle: str, voter: str, *, here: bool = False) -> Row:
        """The row of an open round; `here` refuses one that another process is writing."""
        with self._ledger.read() as snapshot:
            row = open_round(snapshot.connection, battle, voter)
            if here:
                self._leases.check(snapshot, battle)
            return row

    def _view(self, battle: str, voter: str, now: Now) -> RoundView:
        with self._ledger.read() as snapshot:
            row = find(snapshot.connection, battle, voter)
            reveal = None
            if row.state == "revealed":
                reveal = reveal_view(snapshot, row, self.boards.standing(snapshot, self.field.policy))
            undo = self._undo_left(row.voted_at) if row.state == "voted" else timedelta(0)
            if row.state == "open" and self._leases.elsewhere(snapshot, battle):
                now = replace(now, writing=True)
            held = Held.read(snapshot, row)
        return round_view(held, now, self.field, undo=undo, reveal=reveal)


def _cast(choice: Choice, live: LiveRound | None, credentials: tuple[str, ...]) -> Cast:
    if live is None:
        return Cast(choice, None, unseen=False, credentials=credentials)
    shown = live.first_shown
    decision_ms = None if shown is None else round((time.monotonic() - shown) * 1000)
    return Cast(choice, decision_ms, live.unseen, credentials)


async def _closed(after: int) -> AsyncGenerator[list[tuple[int, RoundEvent]], None]:
    yield [(after, Closed())]


def _check_voted(row: Row) -> None:
    if row.state not in {"voted", "revealed"}:
        raise Conflict("vote first: reasons and names come afterwards", code="not_voted")


def _append_answer(transaction: Transaction, battle: str, answer: AnswerEnded, text: str) -> None:
    texts = {"answer": text} if text else {}
    transaction.append(answer, actor=SYSTEM, refs={"battle": battle}, texts=texts)


def _abandon_open(transaction: Transaction, voter: str) -> list[str]:
    open_ids = list(transaction.connection.execute(_OPEN, {"voter": voter}).scalars())
    for battle in open_ids:
        transaction.append(Abandonment(reason="replaced"), actor=voter, refs={"battle": battle})
    return open_ids


def _unanswered(transaction: Transaction, row: Row) -> list[Side]:
    where = and_(t.answers.c.battle == row.id, t.answers.c.turn == row.turn)
    answered = set(transaction.connection.execute(select(t.answers.c.side).where(where)).scalars())
    return [side for side in SIDES if side not in answered]


def _interrupted(row: Row, side: Side) -> AnswerEnded:
    return AnswerEnded(
        side=side,
        turn=row.turn,
        contender=row.a if side == "a" else row.b,
        ms_to_first=None,
        ms=0,
        characters=0,
        finish="failed",
        failure=Failure(kind="interrupted", detail="the server went down while this was written"),
    )
