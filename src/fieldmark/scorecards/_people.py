"""People who take tasks on the page: one task at a time each, timed, judged and recorded as everybody's."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import select

from fieldmark.errors import Conflict, InputError, LedgerError, NotFound, SandboxError
from fieldmark.ledger import Ledger, Snapshot
from fieldmark.ledger.evidence import RunEnded, RunStarted, TaskSetSeen
from fieldmark.scorecards import _tables as t
from fieldmark.scorecards._entrants import PEOPLE, PEOPLE_DIGEST
from fieldmark.scorecards._hands import FILE_TOOLS, file_names, read_text, write_text
from fieldmark.scorecards._query import set_row
from fieldmark.scorecards._records import attempts, end_run, seen_of, start_run, write_trial
from fieldmark.scorecards._stage import Scene, Stage
from fieldmark.scorecards._task import Task, TaskSet, ToolRefusal
from fieldmark.scorecards._trial import Bench, Played, TrialKey, play
from fieldmark.scorecards.agents._base import GaveUp
from fieldmark.scorecards.agents._person import Act, Acted, PersonAgent, over
from fieldmark.scorecards.views import PersonStep, PersonTask, PersonTool

LOG = logging.getLogger(__name__)
LEAST_SECONDS = 600.0
"""A person reads and types: the time of a task is at least this for them."""
JUDGING_SECONDS = 30.0
"""How long the last act waits for its verdict; it is recorded in any case."""
MOST_OPEN = 24
"""Attempts at once, each of which may hold a sandbox: whoever comes then is asked to come back."""
KEPT = 200
"""Attempts that are over whose verdict can still be asked for."""


@dataclass
class _Open:
    """One person's attempt."""

    id: str
    voter: str
    task_set: TaskSet
    task: Task
    key: TrialKey
    number: int
    of: int
    agent: PersonAgent = field(default_factory=PersonAgent)
    playing: asyncio.Task[Played] | None = None

    @property
    def over(self) -> bool:
        return self.playing is None or self.playing.done()


class People:
    """Attempts of people in one server. Call it from one event loop."""

    def __init__(
        self, ledger: Ledger, find: Callable[[str], TaskSet], bench: Callable[[], Bench] = Bench
    ) -> None:
        """`find` gives the set of a name; `bench` says where trials are played now."""
        self._ledger = ledger
        self._find = find
        self._bench = bench
        self._open: dict[str, _Open] = {}
        self._starting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def next(self, voter: str, name: str) -> PersonTask | None:
        """The task that somebody has open, else the next one they have not done; None when they have done all.

        Args:
            voter: Pseudonym of whoever asks.
            name: Of the task set. Sealed tasks, and those that take a browser, are never given to people.

        Raises:
            Conflict: they have a task of another set open, or too many people are at work now.
            NotFound: no set has that name.
            FieldmarkError: the set cannot be used; the sandbox cannot be had.
        """
        lock = self._starting.setdefault(voter, asyncio.Lock())
        async with lock:
            opened = next((o for o in self._open.values() if o.voter == voter and not o.over), None)
            if opened is None:
                opened = await self._begin(voter, name)
            elif opened.task_set.name != name:
                raise Conflict(
                    f"you have a task of '{opened.task_set.name}' open",
                    code="attempt_open",
                    hint="finish it first, or give it up",
                )
        return None if opened is None else await self._view(opened)

    async def look(self, voter: str, attempt: str) -> PersonTask:
        """A task as its person has it before them now.

        Raises:
            NotFound: no such attempt is theirs.
            Conflict: it is over.
        """
        opened = self._of(voter, attempt)
        if opened.over:
            raise over()
        return await self._view(opened)

    async def call(self, voter: str, attempt: str, name: str, arguments: dict[str, Any]) -> PersonStep:
        """Use a tool. Raises as `look` does."""

        async def act(stage: Stage) -> Acted:
            done = await stage.call(name, arguments)
            return Acted(done.result, done.error)

        return await self._act(voter, attempt, act)

    async def say(self, voter: str, attempt: str, text: str) -> PersonStep:
        """Say something: the answer, where nobody answers. Raises as `look` does."""

        async def act(stage: Stage) -> Acted:
            reply = await stage.say(text)
            return Acted(reply or "", over=reply is None)

        return await self._act(voter, attempt, act)

    async def read(self, voter: str, attempt: str, path: str) -> PersonStep:
        """Look into a file. Raises as `look` does, and InputError for a file that cannot be read."""

        async def act(stage: Stage) -> Acted:
            sandbox = _sandbox(stage.scene)
            try:
                text = await read_text(sandbox, path)
            except ToolRefusal as refusal:
                raise InputError(str(refusal)) from None
            stage.note("note", text=f"read {path}")
            return Acted(text)

        return await self._act(voter, attempt, act)

    async def write(self, voter: str, attempt: str, path: str, text: str) -> PersonStep:
        """Write a file. Raises as `look` does, and InputError for a file that cannot be written."""

        async def act(stage: Stage) -> Acted:
            sandbox = _sandbox(stage.scene)
            try:
                result = await write_text(sandbox, path, text)
            except ToolRefusal as refusal:
                raise InputError(str(refusal)) from None
            stage.note("note", text=result)
            return Acted(result)

        return await self._act(voter, attempt, act)

    async def give_up(self, voter: str, attempt: str) -> PersonStep:
        """End it without an answer. Raises as `look` does."""

        async def act(_: Stage) -> Acted:
            raise GaveUp

        return await self._act(voter, attempt, act)

    async def close(self) -> None:
        """Stop what is open: nothing of it is recorded, and the task can be taken again."""
        playing = [o.playing for o in self._open.values() if o.playing is not None]
        for each in playing:
            each.cancel()
        await asyncio.gather(*playing, return_exceptions=True)

    # -- one attempt ---------------------------------------------------------------------------------------------

    async def _begin(self, voter: str, name: str) -> _Open | None:
        if sum(not each.over for each in self._open.values()) >= MOST_OPEN:
            raise Conflict(
                f"{MOST_OPEN} people are at work now",
                code="too_many_people",
                hint="try again in some minutes",
            )
        task_set = await asyncio.to_thread(self._find, name)
        run, of, left = await asyncio.to_thread(self._where, voter, task_set)
        if not left:
            return None
        task = next(each for each in task_set.tasks if each.id == left[0])
        seconds = max(task.budget.seconds, LEAST_SECONDS)
        task = replace(task, budget=replace(task.budget, seconds=seconds))
        if run is None:
            run = await asyncio.to_thread(self._start_run, voter, task_set)
        key = await asyncio.to_thread(self._attempt, TrialKey(run, task.id, "", PEOPLE_DIGEST, 1))
        number = of - len(left) + 1
        opened = _Open(secrets.token_urlsafe(12), voter, task_set, task, key, number, of)
        opened.playing = asyncio.create_task(self._play(opened))
        opened.playing.add_done_callback(_ended)
        self._open[opened.id] = opened
        self._forget_old()
        await opened.agent.told.wait()
        if opened.agent.stage is None:
            raise SandboxError((await opened.playing).verdict.explanation or "the task cannot be given now")
        return opened

    async def _play(self, opened: _Open) -> Played:
        seed = opened.key.seed(_seed(opened.voter, opened.task_set))
        try:
            played = await play(opened.task, opened.agent, self._bench(), seed=seed)
        finally:
            opened.agent.close()
        await asyncio.to_thread(self._record, opened, played, seed)
        return played

    def _record(self, opened: _Open, played: Played, seed: int) -> None:
        def work(now: Any) -> None:
            write_trial(now, opened.key, opened.task, played, seed, person=opened.voter)
            if opened.number == opened.of and played.verdict.result != "void":
                end_run(now, opened.key.run, RunEnded(reason="complete"))

        self._ledger.write(work)

    async def _act(self, voter: str, attempt: str, act: Act) -> PersonStep:
        opened = self._of(voter, attempt)
        acted = await opened.agent.act(act)
        if not acted.over:
            return PersonStep(
                result=acted.result, error=acted.error, over=False, task=await self._view(opened)
            )
        assert opened.playing is not None
        try:
            async with asyncio.timeout(JUDGING_SECONDS):
                verdict = (await asyncio.shield(opened.playing)).verdict
        except TimeoutError:
            return PersonStep(result=acted.result, error=acted.error, over=True, task=None)
        return PersonStep(
            result=acted.result,
            error=acted.error,
            over=True,
            task=None,
            verdict=verdict.result,
            explanation=verdict.explanation,
        )

    def _of(self, voter: str, attempt: str) -> _Open:
        opened = self._open.get(attempt)
        if opened is None or opened.voter != voter:
            raise NotFound("you have no such attempt", hint="begin one on the scorecard's page")
        return opened

    def _forget_old(self) -> None:
        done = [o.id for o in self._open.values() if o.over]
        for attempt in done[: max(0, len(done) - KEPT)]:
            del self._open[attempt]

    async def _view(self, opened: _Open) -> PersonTask:
        stage = opened.agent.stage
        assert stage is not None
        scene = stage.scene
        return PersonTask(
            id=opened.id,
            scorecard=opened.task_set.name,
            task=opened.task.id,
            title=opened.task.title or opened.task.id,
            messages=list(stage.messages),
            tools=[
                PersonTool(name=tool.name, description=tool.description, parameters=dict(tool.parameters))
                for tool in stage.tools.values()
                if scene.sandbox is None or tool.name not in FILE_TOOLS
            ],
            files=await file_names(scene.sandbox) if scene.sandbox is not None else [],
            seconds_left=max(0.0, stage.budget.seconds - stage.ms / 1000),
            number=opened.number,
            of=opened.of,
            answers=type(scene).hear is not Scene.hear,
        )

    # -- the ledger ----------------------------------------------------------------------------------------------

    def _where(self, voter: str, task_set: TaskSet) -> tuple[str | None, int, list[str]]:
        """Somebody's open run of a set, how many tasks it has, and those that have no verdict in any run of theirs."""
        names = _tasks(task_set, voter)
        with self._ledger.read() as snapshot:
            runs = _runs_of(snapshot, voter, task_set)
            done = _done(snapshot, list(runs))
        open_ = next((run for run, over in runs.items() if not over), None)
        return open_, len(names), [name for name in names if name not in done]

    def _attempt(self, key: TrialKey) -> TrialKey:
        with self._ledger.read() as snapshot:
            return replace(key, attempt=1 + attempts(snapshot, key))

    def _start_run(self, voter: str, task_set: TaskSet) -> str:
        started = RunStarted(
            task_set=task_set.name,
            digest=task_set.digest,
            contenders=(PEOPLE_DIGEST,),
            labels={PEOPLE_DIGEST: PEOPLE},
            kinds={PEOPLE_DIGEST: "person"},
            tasks=tuple(_tasks(task_set, voter)),
            variants=False,
            trials=1,
            seed=_seed(voter, task_set),
            sandbox=self._bench().sandbox_kind if task_set.needs_sandbox else "none",
        )
        return start_run(self._ledger, self._seen(task_set), started, actor=voter)

    def _seen(self, task_set: TaskSet) -> TaskSetSeen:
        """The set as its record says already: whether it was checked is not for a person's run to say."""
        with self._ledger.read() as snapshot:
            row = set_row(snapshot, task_set.digest)
        if row is None:
            return seen_of(task_set, checked=False)
        return seen_of(task_set, checked=row.checked, verifiers=row.verifiers)


def _ended(playing: asyncio.Task[Played]) -> None:
    """Nobody may be waiting any more: what could not be recorded is said in the log."""
    if not playing.cancelled() and (error := playing.exception()) is not None:
        said = error.message if isinstance(error, LedgerError) else f"{type(error).__name__}: {error}"
        LOG.error("a person's attempt was lost: %s", said)


def _tasks(task_set: TaskSet, voter: str) -> list[str]:
    """Ids of the tasks that people are given, in an order of each person's own."""
    names = [task.id for task in task_set.tasks if not task.sealed and "browser" not in task.uses]
    random.Random(_seed(voter, task_set)).shuffle(names)  # noqa: S311 (reproducible on purpose)
    return names


def _seed(voter: str, task_set: TaskSet) -> int:
    return int.from_bytes(hashlib.sha256(f"{voter}|{task_set.digest}".encode()).digest()[:4], "big")


def _runs_of(snapshot: Snapshot, voter: str, task_set: TaskSet) -> dict[str, bool]:
    """The runs that somebody's attempts at this version of a set are in, and whether each is over."""
    c = t.runs.c
    query = select(c.id, c.contenders, c.ended).where(
        c.digest == task_set.digest, c.task_set == task_set.name
    )
    return {
        row.id: row.ended is not None
        for row in snapshot.connection.execute(query.order_by(c.index))
        if row.contenders == [PEOPLE] and snapshot.entry(row.id).record.actor == voter
    }


def _done(snapshot: Snapshot, runs: list[str]) -> set[str]:
    query = select(t.counted.c.task).where(t.counted.c.run.in_(runs))
    return {row.task for row in snapshot.connection.execute(query)}


def _sandbox(scene: Scene) -> Any:
    if scene.sandbox is None:
        raise InputError("this task has no files")
    return scene.sandbox
