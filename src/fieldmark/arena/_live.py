"""A round while it is written: both sides are read at once, released at one pace, and kept for a reload."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from fieldmark.arena._leak import LeakScan
from fieldmark.arena._pace import Pace
from fieldmark.arena._rounds import Now
from fieldmark.arena._signal import Signal
from fieldmark.arena.views import (
    AnswerView,
    Closed,
    Delta,
    Failed,
    Finished,
    Hanging,
    Leaked,
    Ready,
    RoundEvent,
    Started,
)
from fieldmark.contenders import Delta as Piece
from fieldmark.contenders import Finish, Message
from fieldmark.errors import ContenderFailure
from fieldmark.fields import Member
from fieldmark.ledger.evidence import AnswerEnded, Failure, Side

LOG = logging.getLogger(__name__)
SIDES: tuple[Side, Side] = ("a", "b")
QUIET_SECONDS = 1.0
"""After so long without an event, whoever follows a round may look whether the server stops."""

_LONE = re.compile("[\ud800-\udfff]")
"""Halves of surrogate pairs: JSON can spell them, but they are no text and cannot be kept."""

Keep = Callable[["Writing"], Awaitable[None]]
"""Makes an ended answer durable."""


@dataclass
class Writing:
    """One side's answer to one turn while it is received and released."""

    side: Side
    turn: int
    attempt: int
    member: Member
    scan: LeakScan
    asked: float
    received: str = ""
    released: int = 0
    first: float | None = None
    ended: float | None = None
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    finish: str = "stopped"
    failure: ContenderFailure | None = None
    hanging: bool = False
    shown_end: bool = False
    keeping: asyncio.Future[None] | None = None
    recorded: bool = False
    """Its record was written with what stopped it."""

    @property
    def kept(self) -> bool:
        """Whether its record is in the ledger."""
        keeping = self.keeping
        return self.recorded or (keeping is not None and keeping.done() and keeping.exception() is None)

    def view(self) -> AnswerView:
        """As the voter may see it now."""
        state = "failed" if self.failure else "finished"
        if not self.shown_end:
            state = "writing" if self.released else "waiting"
        return AnswerView(
            state=state,
            text=self.received[: self.released],
            failure=self.failure.kind if self.failure and self.shown_end else None,
            leak=self.scan.found,
            hanging=self.hanging,
            stopped=self.shown_end and self.failure is None and self.finish == "stopped",
            attempt=self.attempt,
        )

    def evidence(self) -> AnswerEnded:
        """The record of it, as it stands."""
        end = self.ended if self.ended is not None else time.monotonic()
        return AnswerEnded(
            side=self.side,
            turn=self.turn,
            attempt=self.attempt,
            contender=self.member.digest,
            ms_to_first=None if self.first is None else round((self.first - self.asked) * 1000),
            ms=round((end - self.asked) * 1000),
            prompt_tokens=self.prompt_tokens,
            answer_tokens=self.answer_tokens,
            characters=len(self.received),
            finish="failed" if self.failure else self.finish,
            failure=Failure(kind=self.failure.kind, detail=self.failure.message[:300])
            if self.failure
            else None,
            leak=self.scan.matches(self.received),
            hung=self.hanging,
            cost=self.member.cost(self.prompt_tokens, self.answer_tokens),
        )


@dataclass
class LiveRound:
    """The events of one battle since this server knows it, and the tasks that write them.

    `keep` is called once for every answer that ended, before its end is shown.
    """

    hang_seconds: float
    keep: Keep
    voter: str | None = None
    """Whose round it is, if it was begun here."""
    events: list[RoundEvent] = field(default_factory=list)
    writings: dict[tuple[int, Side], Writing] = field(default_factory=dict)
    first_shown: float | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _changed: Signal = field(default_factory=Signal)

    @property
    def writing(self) -> bool:
        """Whether a side is not at its shown end."""
        return any(not w.shown_end for w in self.writings.values())

    @property
    def still(self) -> bool:
        """Whether there is nothing to stop: all that was ever asked for is shown and kept."""
        return not self._tasks and all(w.shown_end and w.kept for w in self.writings.values())

    @property
    def unseen(self) -> bool:
        """Whether a side has shown nothing yet."""
        return any(w.released == 0 for w in self.writings.values())

    def is_writing(self, turn: int, side: Side) -> bool:
        """Whether one side is not at its shown end."""
        writing = self.writings.get((turn, side))
        return writing is not None and not writing.shown_end

    def failed(self, turn: int, side: Side) -> bool:
        """Whether a side is shown as failed, its record written or not."""
        writing = self.writings.get((turn, side))
        return writing is not None and writing.shown_end and writing.failure is not None

    def now(self) -> Now:
        """What the voter may see at this instant."""
        answers = {place: writing.view() for place, writing in self.writings.items()}
        return Now(len(self.events), self.writing, answers)

    def begin(
        self, writings: Sequence[Writing], conversations: dict[Side, list[Message]], max_tokens: int
    ) -> asyncio.Task[None]:
        """Ask for these answers of one turn; the task ends when all is shown."""
        for writing in writings:
            self.writings[writing.turn, writing.side] = writing
            self._emit(Started(turn=writing.turn, side=writing.side, attempt=writing.attempt))
        turn = _Turn(self, writings, conversations, max_tokens)
        task = asyncio.create_task(turn.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> list[Writing]:
        """End all writing now. Returns the answers that were not kept yet, as they stand."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        keeping = [w.keeping for w in self.writings.values() if w.keeping is not None]
        await asyncio.gather(*keeping, return_exceptions=True)
        now = time.monotonic()
        for writing in self.writings.values():
            writing.shown_end = True
            writing.ended = now if writing.ended is None else writing.ended
        return [w for w in self.writings.values() if not w.kept]

    def close(self) -> None:
        """Tell every page that shows this round to load it again."""
        self._emit(Closed())

    async def follow(self, after: int) -> AsyncIterator[list[tuple[int, RoundEvent]]]:
        """Events numbered from `after + 1` on, for ever: all that are there at once, and none after a quiet second.

        After a number never given here: load the round again.
        """
        if after > len(self.events):
            yield [(len(self.events), Closed())]
            return
        while True:
            new = self.events[after:]
            if new:
                yield list(enumerate(new, after + 1))
                after += len(new)
                continue
            if not await self._changed.wait(QUIET_SECONDS):
                yield []

    def _emit(self, event: RoundEvent) -> None:
        self.events.append(event)
        self._changed.give()


class _Turn:
    """One turn's two answers (or one, when a failed side is asked again): read, paced, shown."""

    def __init__(
        self,
        live: LiveRound,
        writings: Sequence[Writing],
        conversations: dict[Side, list[Message]],
        max_tokens: int,
    ) -> None:
        self._live = live
        self._writings = writings
        self._conversations = conversations
        self._max_tokens = max_tokens
        self._pace = Pace(hang=live.hang_seconds)
        self._loop = asyncio.get_running_loop()
        self._shown: asyncio.Future[None] = self._loop.create_future()
        self._soon: asyncio.Handle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._later_at = 0.0
        for absent in set(SIDES) - {w.side for w in writings}:
            self._pace.ended(absent, "failed")

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as readers:
                for writing in self._writings:
                    readers.create_task(self._read(writing))
                await self._shown
        finally:
            for waiting in (self._soon, self._later):
                if waiting is not None:
                    waiting.cancel()
        if not self._live.writing:
            self._live._emit(Ready(turn=self._writings[0].turn))

    async def _read(self, writing: Writing) -> None:
        try:
            await self._receive(writing)
        except ContenderFailure as failure:
            writing.failure = failure
        except Exception as error:
            LOG.exception("an answer broke")  # whose it was is not said: the battle is open
            writing.failure = ContenderFailure("crashed", type(error).__name__)
        writing.ended = time.monotonic()
        writing.keeping = asyncio.ensure_future(self._live.keep(writing))
        try:
            await asyncio.shield(writing.keeping)
        except Exception as error:  # whatever keeps it from being written down, the voter must see an end
            LOG.exception("an answer could not be written down")
            writing.failure = writing.failure or ContenderFailure("interrupted", str(error))
        self._pace.ended(writing.side, "failed" if writing.failure else "finished")
        self._arrived()

    async def _receive(self, writing: Writing) -> None:
        writing.member.check_budget()
        stream = writing.member.contender.stream(
            self._conversations[writing.side], max_tokens=self._max_tokens
        )
        async with writing.member.asked(), aclosing(stream):
            async for piece in stream:
                self._take(writing, piece)

    def _take(self, writing: Writing, piece: Piece | Finish) -> None:
        if isinstance(piece, Finish):
            writing.finish = piece.reason
            writing.prompt_tokens, writing.answer_tokens = piece.prompt_tokens, piece.answer_tokens
            return
        now = time.monotonic()
        writing.first = writing.first if writing.first is not None else now
        text = _LONE.sub("\ufffd", piece.text)
        writing.received += text
        self._pace.arrived(writing.side, len(text), at=now)
        self._arrived()

    def _arrived(self) -> None:
        """Release what is due, once for all that has arrived together."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self._release)

    def _release(self) -> None:
        self._soon = None
        if self._shown.done():
            return
        try:
            now = time.monotonic()
            due = self._pace.due(now=now)
            self._say_who_hangs()
            for writing in self._writings:
                self._show(writing, due[writing.side])
            if all(w.shown_end for w in self._writings):
                self._shown.set_result(None)
            elif (wait := self._pace.next_due(now=now)) is not None:
                self._look_again(self._loop.time() + max(wait, 0.01))
        except Exception as error:
            self._shown.set_exception(error)

    def _look_again(self, moment: float) -> None:
        """A look too many does no harm: only an earlier one takes the place of what is set."""
        if self._later is not None:
            if self._later_at <= moment:
                return
            self._later.cancel()
        self._later, self._later_at = self._loop.call_at(moment, self._look), moment

    def _look(self) -> None:
        self._later = None
        self._release()

    def _say_who_hangs(self) -> None:
        for writing in self._writings:
            if not writing.hanging and self._pace.hanging(writing.side):
                writing.hanging = True
                self._live._emit(Hanging(turn=writing.turn, side=writing.side))

    def _show(self, writing: Writing, characters: int) -> None:
        emit, place = self._live._emit, {"turn": writing.turn, "side": writing.side}
        if characters:
            text = writing.received[writing.released : writing.released + characters]
            writing.released += characters
            self._live.first_shown = self._live.first_shown or time.monotonic()
            emit(Delta(**place, text=text))
            if writing.scan.feed(text):
                emit(Leaked(**place))
        if not writing.shown_end and self._pace.all_released(writing.side):
            writing.shown_end = True
            if writing.scan.feed("", last=True):
                emit(Leaked(**place))
            if writing.failure:
                emit(Failed(**place, failure=writing.failure.kind))
            else:
                emit(Finished(**place))
