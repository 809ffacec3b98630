"""Canary runs: when they are due, one at a time whatever the number of servers, and what is found in them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from fieldmark.errors import Conflict, FieldmarkError, NotFound
from fieldmark.fields import SYSTEM, Field, Member, Roster
from fieldmark.gateway._canary import Canaries, CanaryRun, ask_canaries
from fieldmark.gateway._drift_judge import judge
from fieldmark.gateway._drift_tables import comparable_runs, last_run, mark_of
from fieldmark.gateway._drift_view import Judged, view_of
from fieldmark.gateway._keep import dumped
from fieldmark.gateway.drift_views import DriftView
from fieldmark.ledger import Ledger, Snapshot, Transaction
from fieldmark.ledger.evidence import CanaryAsked, DriftFound
from fieldmark.ledger.state import leases
from fieldmark.statistics import DriftTest

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 20.0
"""How often it is looked whether a run is due."""
RUN_SECONDS = 1800.0
"""Longest run: what has not been answered by then has failed."""


class Drift:
    """Asks a field's contenders their canaries and raises alarms. `close` it before roster and ledger."""

    def __init__(
        self, ledger: Ledger, roster: Roster, field: Field, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.field = field
        """The rules in force."""
        self._ledger = ledger
        self._roster = roster
        self._changed = changed
        self._running: dict[str, asyncio.Task[None]] = {}
        self._judged: dict[str, Judged] = {}
        self._tried: dict[str, datetime] = {}
        """When each was last asked here, also where nothing could be written of it."""
        self._unfreed: set[str] = set()
        """Those whose lease could not be given back."""

    async def follow(self) -> None:
        """Ask whatever is due, one contender after the other, for ever."""
        while True:
            try:
                for digest in await asyncio.to_thread(self.due):
                    if digest not in self._running:
                        await asyncio.wait([self._begin(digest, scheduled=True)])
            except Exception as error:  # the next look may go well
                known = isinstance(error, FieldmarkError)
                LOG.warning("canaries could not be asked: %s", error, exc_info=not known)
            await asyncio.sleep(LOOK_SECONDS)

    def due(self) -> list[str]:
        """Contenders whose last run is long enough ago: from the ledger, so that a restart changes nothing.

        A run that was lost is not asked again before its time either, as it would cost as much each time.
        """
        if not self.field.drift.every_hours or not Canaries.of(self.field).prompts:
            return []
        with self._ledger.read() as snapshot:
            return [m.digest for m in self._roster.talkers if self._is_due(snapshot, m.digest)]

    def _is_due(self, now: Snapshot | Transaction, digest: str) -> bool:
        last, tried = last_run(now, digest), self._tried.get(digest)
        times = [datetime.fromisoformat(last.at)] if last else []
        times += [tried] if tried else []
        moment, pause = datetime.now(UTC), timedelta(hours=self.field.drift.every_hours)
        # A clock that went back makes it due: once too often does less harm than not for years.
        return not any(at <= moment < at + pause for at in times)

    def begin(self, digest: str) -> None:
        """Run a contender's canaries in the background.

        Raises:
            NotFound: no contender that can be asked has that identity.
            Conflict: `running`, or `no_canaries`.
        """
        self._member(digest)
        if digest in self._running:
            raise Conflict(
                "its canaries are being asked now", code="running", hint="wait until they are done"
            )
        if not Canaries.of(self.field).prompts:
            raise Conflict(
                "the field has no prompts to ask", code="no_canaries", hint="name some: `prompts` in [drift]"
            )
        self._begin(digest, scheduled=False)

    def _begin(self, digest: str, *, scheduled: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(self._run(digest, scheduled=scheduled))
        self._running[digest] = task
        task.add_done_callback(lambda done: self._ended(digest, done))
        self._changed()
        return task

    def _ended(self, digest: str, task: asyncio.Task[None]) -> None:
        del self._running[digest]
        if not task.cancelled() and (error := task.exception()) is not None:
            known = isinstance(error, FieldmarkError)
            LOG.warning("a canary run was lost: %s", error, exc_info=None if known else error)
        self._changed()

    async def wait(self) -> None:
        """Until no run is going on."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def _run(self, digest: str, *, scheduled: bool) -> None:
        async with self._lease(digest, scheduled=scheduled) as mine:
            if mine:
                await self.run(self._member(digest))

    async def run(self, member: Member) -> DriftTest | None:
        """Ask a contender its canaries, write the run down, and judge; None while it learns or after an alarm."""
        canaries, rules = Canaries.of(self.field), self.field.drift
        self._tried[member.digest] = datetime.now(UTC)
        asked = await ask_canaries(member, canaries, seconds=RUN_SECONDS)
        await self._ledger.awrite(lambda now: _write(now, member.digest, canaries, asked))
        judged = await asyncio.to_thread(self._judge, member.digest)
        if judged.test is not None and judged.test.alarm:
            found = judged
            await self._ledger.awrite(lambda now: _raise_alarm(now, member.digest, canaries, found))
            LOG.warning(
                "%s no longer answers as it did: p = %.2g (level %g)", member.name, judged.test.p, rules.alpha
            )
        return judged.test

    @asynccontextmanager
    async def _lease(self, digest: str, *, scheduled: bool) -> AsyncGenerator[bool, None]:
        """Whether the run is ours: no other process has it, and nobody did it since it was found to be due."""
        name, presence = f"canary:{digest}", self._ledger.presence

        def take(now: Transaction) -> bool:
            if scheduled and not self._is_due(now, digest):
                return False
            query = select(leases.c.holder).where(leases.c.name == name)
            holder = now.connection.execute(query).scalar_one_or_none()
            ours = holder == presence.holder and digest in self._unfreed
            if holder is not None and not ours and presence.alive(now.connection, holder):
                return False
            now.connection.execute(delete(leases).where(leases.c.name == name))
            now.connection.execute(insert(leases), {"name": name, "holder": presence.holder})
            return True

        def free(now: Transaction) -> None:
            mine = (leases.c.name == name) & (leases.c.holder == presence.holder)
            now.connection.execute(delete(leases).where(mine))

        mine = await self._ledger.awrite(take)
        try:
            yield mine
        finally:
            if mine:
                self._unfreed.add(digest)
                await self._ledger.awrite(free)
                self._unfreed.discard(digest)

    async def acknowledge(self, digest: str, *, actor: str) -> None:
        """Note that somebody looked at an alarm: the next run begins a new baseline.

        Raises:
            Conflict: `no_alarm`.
        """

        def work(now: Transaction) -> None:
            mark = mark_of(now, digest)
            if mark is None or mark.state != "alarm":
                raise Conflict("there is no alarm to acknowledge", code="no_alarm")
            canaries = last_run(now, digest)
            seen = DriftFound(
                contender=digest,
                canaries=canaries.canaries if canaries else "",
                state="acknowledged",
                p=mark.p,
                alpha=mark.alpha,
                baseline=mark.baseline,
                window=mark.window,
            )
            now.append(seen, actor=actor, refs={"alarm": mark.id})

        await self._ledger.awrite(work)
        self._changed()

    def views(self) -> list[DriftView]:
        """Every contender that can be asked, in the folder's order."""
        return [self._view(member) for member in self._roster.talkers]

    def view(self, digest: str) -> DriftView:
        """One contender. NotFound: it cannot be asked."""
        return self._view(self._member(digest))

    def _view(self, member: Member) -> DriftView:
        judged = self._judge(member.digest)
        with self._ledger.read() as snapshot:
            running = member.digest in self._running
            return view_of(snapshot, member.name, member.digest, self.field, judged, running=running)

    def _judge(self, digest: str) -> Judged:
        """The newest runs' test, kept until there is another run or another rule."""
        key = Canaries.of(self.field).key
        with self._ledger.read() as snapshot:
            runs = comparable_runs(snapshot, digest, key)
            mark = mark_of(snapshot, digest)
            alarmed = mark is not None and mark.state == "alarm"
            seen = ([run.id for run in runs[-1:]], len(runs), key, self.field.drift, alarmed)
            known = self._judged.get(digest)
            if known is None or known.seen != seen:
                test = None if alarmed else judge(snapshot, digest, key, self.field.drift)
                known = self._judged[digest] = Judged(seen, runs, test)
        return known

    def _member(self, digest: str) -> Member:
        member = self._roster.by_digest(digest)
        if member is None:
            raise NotFound(
                f"no contender that can be asked has the identity '{digest}'", hint="see /api/v1/contenders"
            )
        return member

    async def close(self) -> None:
        """Stop asking; a run that is not done is not written down."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _write(now: Transaction, digest: str, canaries: Canaries, run: CanaryRun) -> None:
    asked = CanaryAsked(
        contender=digest,
        canaries=canaries.key,
        asked=run.asked,
        failed=run.failed,
        ms=run.ms,
        cost=run.cost,
    )
    now.append(asked, actor=SYSTEM, texts={"answers": dumped(run.answers)})


def _raise_alarm(now: Transaction, digest: str, canaries: Canaries, judged: Judged) -> None:
    """Unless somebody was faster, or acknowledged, meanwhile."""
    mark, runs, test = mark_of(now, digest), judged.runs, judged.test
    latest = comparable_runs(now, digest, canaries.key)
    if test is None or (mark is not None and mark.state == "alarm") or latest[:1] != runs[:1]:
        return
    found = DriftFound(
        contender=digest,
        canaries=canaries.key,
        state="alarm",
        statistic=test.statistic,
        p=test.p,
        alpha=test.alpha,
        baseline=test.baseline,
        window=test.window,
    )
    now.append(found, actor=SYSTEM, refs={"canary": runs[-1].id})
