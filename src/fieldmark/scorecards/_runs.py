"""Runs of a field: begun, continued, cancelled, each in the background of the process that began it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fieldmark.errors import Conflict, FieldmarkError, InputError, LedgerError
from fieldmark.fields import Field, Roster
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import RunEnded, RunStarted, TaskSetSeen
from fieldmark.scorecards._calling import calling_of
from fieldmark.scorecards._catalogue import Catalogue
from fieldmark.scorecards._check import check_set, load_check, save_check
from fieldmark.scorecards._claims import Claims
from fieldmark.scorecards._entrants import PEOPLE, Entrant, entrant
from fieldmark.scorecards._ground import Ground
from fieldmark.scorecards._pace import Pace
from fieldmark.scorecards._plan import Plan, pick_tasks
from fieldmark.scorecards._query import run_row, run_rows, run_view, set_row
from fieldmark.scorecards._records import RUNNER, end_run, read_run, seen_of, start_run, write_set
from fieldmark.scorecards._run import Run, Stop, fresh
from fieldmark.scorecards._seal import check_seals, report_openly
from fieldmark.scorecards._task import TaskSet
from fieldmark.scorecards._trial import Bench
from fieldmark.scorecards.views import Calling, RunView

LOG = logging.getLogger(__name__)
_STOPPED = "it was stopped"
_TOLD = 5  # problems of a set that a run's end names
Check = Callable[[Run], Awaitable[str]]
"""What is to be looked at before the first trial; says what is wrong, or nothing."""


@dataclass(frozen=True)
class Wanted:
    """What a run shall be."""

    scorecard: str
    contenders: Sequence[str]
    """Names: of the field, or `oracle`, `nop`, `seeded:...`."""
    trials: int | None = None
    """None: as `[scorecards]` says."""
    until: float | None = None
    """Half-width on the scale of 0 to 1."""
    tasks: Sequence[str] | None = None
    """Ids or tags; None: all."""
    variants: bool | None = None
    seed: int | None = None
    """None: drawn."""
    unchecked: bool = False
    """Do not have the set's own checks run first."""
    calling: Calling | None = None
    """How models call tools; None: as a probe of each finds."""


class Runs:
    """Keeps the runs of this process. `close` it before roster and ledger: what is under way pauses."""

    def __init__(
        self,
        ledger: Ledger,
        roster: Roster,
        field: Field,
        changed: Callable[[], None] = lambda: None,
        *,
        catalogue: Catalogue | None = None,
    ) -> None:
        self.field = field
        """The rules in force."""
        self.catalogue = catalogue or Catalogue(field.folder)
        self.ledger = ledger
        self.pace: Callable[[str], Pace] = Pace
        self.work: Callable[..., Run] = Run
        """What works at a run of this process."""
        self.refresh: Callable[[], Awaitable[None]] = fresh
        """Has contenders know what they have cost in other processes, and may cost."""
        self._roster = roster
        self._changed = changed
        self._claims = Claims(ledger, field.state)
        self._running: dict[str, tuple[Run, asyncio.Task[Stop]]] = {}
        self._details: dict[str, str] = {}

    @property
    def bench(self) -> Bench:
        """Where trials are played."""
        return Bench(sandbox_kind=self.field.scorecards.sandbox)

    async def start(self, wanted: Wanted, *, actor: str = RUNNER, workers: int | None = None) -> RunView:
        """Begin a run in the background.

        Raises:
            NotFound: no such set or contender.
            InputError: what is wanted cannot be.
            LedgerUnavailable: nothing was begun.
        """
        task_set = await asyncio.to_thread(self.catalogue.get, wanted.scorecard)
        entrants = await self._entrants(wanted.contenders, task_set, wanted.calling)
        started = self._started(wanted, task_set, entrants)
        await asyncio.to_thread(self._check_seals, task_set, started)
        seen = await asyncio.to_thread(self._seen, task_set)
        run = await asyncio.to_thread(partial(start_run, self.ledger, seen, started, actor=actor))
        ground = Ground(self.ledger, run, started, task_set, {e.digest: e for e in entrants}, self.bench)
        check = None if seen.checked or wanted.unchecked else partial(self._check, task_set)
        await self._begin(ground, workers, check)
        return await asyncio.to_thread(self.view, run)

    async def resume(self, run: str, *, workers: int | None = None, unchecked: bool = False) -> RunView:
        """Go on with a run that nobody works at. Its set is checked if nothing was played yet, unless `unchecked`.

        Raises:
            NotFound: no such run, set or contender.
            Conflict: `ended`; `running`.
        """
        ground = await self.ground_of(run)
        begun = await asyncio.to_thread(self.view, run)
        seen = await asyncio.to_thread(self._seen, ground.task_set)
        untouched = not (begun.done or begun.void or seen.checked or unchecked)
        await self._begin(ground, workers, partial(self._check, ground.task_set) if untouched else None)
        return await asyncio.to_thread(self.view, run)

    async def ground_of(self, run: str) -> Ground:
        """What any process needs to play trials of a run. Raises as `resume`."""
        started = await asyncio.to_thread(self._read_open, run)
        task_set = await asyncio.to_thread(self.catalogue.get, started.task_set)
        if task_set.digest == started.digest:
            await asyncio.to_thread(self._check_seals, task_set, started)
        names = [started.labels[digest] for digest in started.contenders]
        found = await self._entrants(names, task_set, started.tools)
        # One that is somebody else now keeps its place: the run sees the difference, says so and ends.
        both = zip(started.contenders, found, strict=True)
        entrants = {digest: replace(each, digest=digest) for digest, each in both}
        return Ground(self.ledger, run, started, task_set, entrants, self.bench)

    async def look(self, ground: Ground) -> str:
        """Why set or contenders are no longer what they were when the run began; empty while they are.

        Raises:
            Conflict: `unreadable`: they cannot be read now.
            LedgerError: it cannot be told.
        """
        if changed := await asyncio.to_thread(self._set_changed, ground.started):
            return changed
        for each in ground.entrants.values():
            if changed := await each.changed(self._roster):
                return changed
        return ""

    async def cancel(self, run: str) -> RunView:
        """End a run for good; what has its verdict stays.

        Raises:
            NotFound: no such run.
            Conflict: `ended`; `running`: in another process.
        """
        await asyncio.to_thread(self._read_open, run)
        if run in self._running:
            work, task = self._running[run]
            work.cancel()
            await asyncio.wait([task])
        else:
            async with self._claims.claim(run):
                await self.ledger.awrite(lambda now: end_run(now, run, RunEnded(reason="cancelled")))
        self._changed()
        return await asyncio.to_thread(self.view, run)

    def view(self, run: str) -> RunView:
        """A run as it stands now. Raises NotFound."""
        with self.ledger.read() as snapshot:
            row = run_row(snapshot, run)
            taken = row.ended is None and self._claims.taken(snapshot, run)
        return self._view(row, taken)

    def views(self, name: str | None = None) -> list[RunView]:
        """Runs, newest first, of one set or of all."""
        with self.ledger.read() as snapshot:
            rows = run_rows(snapshot, name)
            taken = {row.id for row in rows if row.ended is None and self._claims.taken(snapshot, row.id)}
        return [self._view(row, row.id in taken) for row in rows]

    def _view(self, row: object, taken: bool) -> RunView:
        view = run_view(row)
        work = self._running.get(view.id)
        if view.state == "ended":
            return view
        doing = (
            [*work[0].doing.values(), *filter(None, (p.said() for p in work[0].paces.values()))]
            if work
            else []
        )
        idle = not (taken or work)
        return view.model_copy(
            update={
                "state": "paused" if idle else "running",
                "resumable": idle and PEOPLE not in view.contenders,
                "doing": doing[:20],
                "detail": view.detail or ("" if work else self._details.get(view.id, "")),
            }
        )

    async def wait(self, run: str) -> Stop:
        """Until a run of this process is over, or pauses."""
        found = self._running.get(run)
        if found is None:
            return Stop(None, self._details.get(run, ""))
        return await asyncio.shield(found[1])

    def pause(self, run: str) -> None:
        """Stop working at a run, which can be continued."""
        if run in self._running:
            self._running[run][0].cancel(None, _STOPPED)

    async def close(self) -> None:
        """Stop working; every run can be continued."""
        for work, _ in self._running.values():
            work.cancel(None, "the program ended")
        tasks = [task for _, task in self._running.values()]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, ground: Ground, workers: int | None, check: Check | None) -> None:
        if ground.run in self._running:
            raise Conflict("this run is under way", code="running", hint="wait for it, or cancel it")
        work = self.work(
            ground,
            workers or self.field.scorecards.workers,
            look=self.look,
            refresh=self.refresh,
            changed=self._changed,
            pace=self.pace,
        )
        claimed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._work(work, claimed, check))
        self._running[ground.run] = work, task
        task.add_done_callback(lambda _: self._ended(ground.run))
        try:
            await claimed
        except BaseException:
            await asyncio.gather(task, return_exceptions=True)
            raise

    async def _work(self, work: Run, claimed: asyncio.Future[None], check: Check | None) -> Stop:
        run = work.ground.run
        try:
            async with self._claims.claim(run):
                claimed.set_result(None)
                try:
                    stop = await self._checked(work, check)
                except LedgerError as error:
                    stop = Stop(None, error.message)
        except Exception as error:
            if not claimed.done():
                claimed.set_exception(error)
                return Stop(None)
            LOG.error("run %s stopped", run, exc_info=not isinstance(error, FieldmarkError))
            stop = Stop(None, f"{type(error).__name__}: {error}")
        self._details[run] = stop.detail
        if stop.reason is None and stop.detail != _STOPPED:  # who stopped it knows
            LOG.warning("run %s pauses: %s", run, stop.detail)
        return stop

    async def _checked(self, work: Run, check: Check | None) -> Stop:
        if check is None:
            return await work.go()
        problem = await work.unless_stopped(check(work))
        work.note("")
        if work.stop is None and not problem:
            return await work.go()
        stop = work.stop or Stop("failed", problem)
        if stop.reason is None:
            return stop
        end = RunEnded(reason=stop.reason, detail=stop.detail)
        await self.ledger.awrite(lambda now: end_run(now, work.ground.run, end))
        return stop

    def _ended(self, run: str) -> None:
        self._running.pop(run, None)
        self._changed()

    def _read_open(self, run: str) -> RunStarted:
        with self.ledger.read() as snapshot:
            row = run_row(snapshot, run)
            if row.ended is not None:
                raise Conflict(f"this run has ended ({row.ended})", code="ended", hint="begin a new one")
            return read_run(snapshot, run)

    def _check_seals(self, task_set: TaskSet, started: RunStarted) -> None:
        """Raises InputError when a sealed task is not what was published."""
        with self.ledger.read() as snapshot:
            check_seals(task_set, started.tasks, snapshot, self.field.scorecards.trusted)

    def _set_changed(self, started: RunStarted) -> str:
        """As `look`, of the set. Sealed tasks are not in its digest: they are held against their commitments."""
        try:
            same = self.catalogue.digest(started.task_set) == started.digest
            task_set = self.catalogue.get(started.task_set) if same else None
        except (FieldmarkError, OSError) as error:  # without a path, which may be a sealed task's
            what = (error.strerror or type(error).__name__) if isinstance(error, OSError) else error
            raise Conflict(f"the task set cannot be read any more: {what}", code="unreadable") from error
        if task_set is None:
            return f"the task set '{started.task_set}' is no longer what it was when the run began"
        try:
            self._check_seals(task_set, started)
        except InputError as error:
            return f"the task set is no longer what it was when the run began: {error}"
        return ""

    def _seen(self, task_set: TaskSet) -> TaskSetSeen:
        with self.ledger.read() as snapshot:
            row = set_row(snapshot, task_set.digest)
        if row is not None and row.checked:
            return seen_of(task_set, checked=True, verifiers=row.verifiers)
        report = load_check(task_set.digest, self.field.folder)
        if report is None or not report.ok:
            return seen_of(task_set, checked=False)
        return seen_of(task_set, checked=True, verifiers=report.verifiers)

    async def _entrants(
        self, names: Iterable[str], task_set: TaskSet, calling: Mapping[str, str] | Calling | None
    ) -> list[Entrant]:
        """`calling`: how models call tools, all of them or by identity digest; None: as a probe finds."""
        wanted = list(dict.fromkeys(names))
        if not wanted:
            raise InputError("a run needs contenders", hint="name some of the field's, or oracle")
        tools = any(task.tools or task.scene or task.uses for task in task_set.tasks)
        return [await self._entrant(name, calling, tools=tools) for name in wanted]

    async def _entrant(
        self, name: str, calling: Mapping[str, str] | Calling | None, *, tools: bool
    ) -> Entrant:
        trusted = self.field.scorecards.trusted
        one = entrant(name, self._roster, trusted)
        if not tools or one.member is None or one.kind != "model":
            return one
        how: Any = calling.get(one.digest) if isinstance(calling, Mapping) else calling
        how = how or (await calling_of(one.member, self.field.state)).calling
        return entrant(name, self._roster, trusted, {one.digest: how})

    def _started(self, wanted: Wanted, task_set: TaskSet, entrants: Sequence[Entrant]) -> RunStarted:
        rules = self.field.scorecards
        seed = secrets.randbelow(2**31) if wanted.seed is None else wanted.seed
        trials = rules.trials if wanted.trials is None else wanted.trials
        if trials < 1:
            raise InputError(f"{trials} trials are no run", hint="one or more")
        if wanted.until is not None and not 0 < wanted.until < 0.5:
            raise InputError(f"+-{wanted.until:g} is no half-width", hint="such as 0.05, or +-5%")
        started = RunStarted(
            task_set=task_set.name,
            digest=task_set.digest,
            contenders=tuple(e.digest for e in entrants),
            labels={e.digest: e.name for e in entrants},
            kinds={e.digest: e.kind for e in entrants},
            tasks=pick_tasks(task_set, wanted.tasks, seed),
            variants=rules.variants if wanted.variants is None else wanted.variants,
            trials=trials,
            until=wanted.until,
            confidence=self.field.policy.confidence,
            seed=seed,
            sandbox=rules.sandbox if task_set.needs_sandbox else "none",
            tools={e.digest: e.calling for e in entrants if e.calling},
        )
        self._playable(task_set, started, entrants)
        plan = Plan("", started, task_set, {e.digest for e in entrants if e.trusted})
        return started.model_copy(update={"planned": sum(1 for _ in plan)})

    def _playable(self, task_set: TaskSet, started: RunStarted, entrants: Sequence[Entrant]) -> None:
        """Raises InputError when a contender cannot take a task at all, before anything begins."""
        for each in entrants:
            for name in started.tasks:
                each.agent(task_set.task(name), 1)

    async def _check(self, task_set: TaskSet, work: Run) -> str:
        """What the set's own checks found wrong; empty when all is well. Written down with the version of the set."""

        def show(done: int, of: int, _: str) -> None:
            work.note(f"the set's own checks: oracle, nop and cheats ({done} of {of})")

        report = await check_set(task_set, self.bench, show, workers=self.field.scorecards.workers)
        report = report_openly(report, task_set)
        await asyncio.to_thread(save_check, report, self.field.folder)
        if not report.ok:
            found = report.problems
            more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
            return "; ".join(found[:_TOLD]) + more
        seen = seen_of(task_set, checked=True, verifiers=report.verifiers)
        await self.ledger.awrite(lambda now: write_set(now, seen))
        return ""
