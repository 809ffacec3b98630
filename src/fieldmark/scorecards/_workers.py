"""Several processes, on any number of machines, at one run: its trials shared through DBOS queues on PostgreSQL.

The queue only says who tries what. What was done stands in the ledger, as in a run of one process: a trial that is
played twice, because its worker was taken for dead, is written once. A worker shows that it is alive by the lock its
session holds; what a dead one had begun goes back to the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url, text

from fieldmark.errors import Conflict, FieldmarkError, InputError
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import RunEnded
from fieldmark.scorecards._ground import Ground, play_planned
from fieldmark.scorecards._pace import Pace
from fieldmark.scorecards._plan import ATTEMPTS
from fieldmark.scorecards._records import end_run, written
from fieldmark.scorecards._run import Run, Stop, plain
from fieldmark.scorecards._trial import TrialKey

if TYPE_CHECKING:
    from dbos import DBOSClient

LOG = logging.getLogger(__name__)
QUEUE = "fieldmark-trials"
WORKFLOW = "fieldmark-trial"
VERSION = "1"
"""Of what is put on the queue: raised when a worker of before could not read it."""
POLL_SECONDS = 0.1
AGAIN_SECONDS = 10.0
"""After which trials that are open though nothing waits on the queue are put on it again; doubles each time."""
TEND_SECONDS = 2.0
"""How often a worker looks for what dead ones left."""
_TENDING = 0x6669656C646D6B  # advisory lock: one process at a time puts things back
_try_lock = text("SELECT pg_try_advisory_xact_lock(:key)")


def _dbos() -> Any:
    try:
        import dbos
    except ImportError:
        raise InputError(
            "sharing a run between workers needs DBOS", hint="pip install 'fieldmark[workers]'"
        ) from None
    return dbos


def queue_url(database: str) -> str:
    """Where the queue is: in the field's own PostgreSQL, in a schema of its own.

    Raises:
        InputError: the field's database is no PostgreSQL.
    """
    url = make_url(database) if "://" in database else None
    if url is None or url.get_backend_name() != "postgresql":
        raise InputError(
            "workers of several processes need the field's database on PostgreSQL",
            hint="set FIELDMARK_DATABASE_URL; on SQLite `fieldmark score run --workers N` uses one process",
        )
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _config(url: str, executor: str) -> dict[str, Any]:
    return {
        "name": "fieldmark",
        "system_database_url": url,
        "executor_id": executor,
        "application_version": VERSION,
        "log_level": "ERROR",
    }


@contextmanager
def _client(url: str) -> Iterator[DBOSClient]:
    client = _dbos().DBOSClient(system_database_url=url)
    try:
        yield client
    finally:
        client.destroy()


def _place(key: TrialKey) -> str:
    """What is on the queue at most once at a time."""
    named = "|".join((key.run, key.task, key.variant, key.contender, str(key.trial)))
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def prepare(url: str) -> None:
    """Make the queue's tables, if there are none."""
    dbos = _dbos()
    dbos.DBOS(config=_config(url, "prepare"))
    try:
        dbos.DBOS.listen_queues([])
        dbos.DBOS.launch()
    finally:
        dbos.DBOS.destroy()


def enqueue(url: str, keys: Iterable[TrialKey]) -> int:
    """Put trials on the queue; those that wait or are played already are left as they are. How many were named."""
    named = list(keys)
    with _client(url) as client:
        for key in named:
            client.enqueue(
                {
                    "workflow_name": WORKFLOW,
                    "queue_name": QUEUE,
                    "app_version": VERSION,
                    "deduplication_id": _place(key),
                    "duplication_policy": "return-existing",
                },
                key.run,
                key.task,
                key.variant,
                key.contender,
                key.trial,
            )
    return len(named)


def _is_drained(url: str) -> bool:
    with _client(url) as client:
        waiting = ["ENQUEUED", "PENDING"]
        return not client.list_workflows(
            queue_name=QUEUE, status=waiting, limit=1, load_input=False, load_output=False
        )


@dataclass
class SharedRun(Run):
    """A run whose trials are played by workers; this process only looks on, and says when it is enough."""

    url: str = ""

    async def _work(self) -> Stop:
        left = [
            key
            for each in self.ground.entrants
            for key in self.ground.plan.of(each)
            if not self._is_over(key)
        ]
        await asyncio.to_thread(enqueue, self.url, left)
        looked, pause = time.monotonic(), AGAIN_SECONDS
        same = looked
        while self.stop is None and not self._all_over(left):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.5)
            if await asyncio.to_thread(self._look_on):
                self.changed()
            if time.monotonic() - same > self.look_seconds:
                if self.stop is None and (changed := await self._look()):
                    self.stop = Stop("contender_changed", changed)
                same = time.monotonic()
            if time.monotonic() - looked > pause:
                if await asyncio.to_thread(_is_drained, self.url):
                    # Whoever took them could not play them: another may, or it can by then.
                    await asyncio.to_thread(enqueue, self.url, [k for k in left if not self._is_over(k)])
                    pause = min(60.0, 2 * pause)
                looked = time.monotonic()
        return self.stop or self._ending()

    def _all_over(self, keys: Iterable[TrialKey]) -> bool:
        return all(self._is_over(key) for key in keys)

    def _look_on(self) -> bool:
        """Take in what workers did; whether there was anything."""
        before = self.done, self.void
        self.done = self.void = 0
        self._tried.clear()
        self._passed.clear()
        with self.ground.ledger.read() as snapshot:
            for key, passed in written(snapshot, self.ground.run):
                self._take(key, passed)
        if self._precision is not None:
            self._precision.begin(self._passed, self._is_over)
            if self._precision.enough():
                self.stop = self.stop or Stop("precise", self._precision.said())
        return (self.done, self.void) != before


@dataclass
class Worker:
    """A process that plays trials of whatever run is shared. One per process."""

    url: str
    """See `queue_url`."""
    ledger: Ledger
    ground_of: Callable[[str], Awaitable[Ground]]
    """Of a run's id, everything its trials need here. Raises FieldmarkError when they cannot be played here."""
    at_once: int = 4
    heard: Callable[[TrialKey, str], None] = lambda key, outcome: None  # noqa: ARG005
    grace: float = 600.0
    """Seconds that trials under way are given when it stops."""
    _grounds: dict[str, asyncio.Task[Ground]] = field(default_factory=dict)
    _paces: dict[tuple[str, str], Pace] = field(default_factory=dict)
    _rooms: dict[tuple[str, str], asyncio.Semaphore] = field(default_factory=dict)
    _playing: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _loop: asyncio.AbstractEventLoop | None = None

    async def work(self, stopping: asyncio.Event) -> None:
        """Play trials until `stopping` is set, and those under way to their end.

        Raises:
            InputError: DBOS is not installed.
        """
        dbos = _dbos().DBOS
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.ledger.presence.show)
        dbos(config=_config(self.url, self.ledger.presence.holder))
        dbos.workflow(name=WORKFLOW)(self._workflow())
        dbos.listen_queues([QUEUE])
        await asyncio.to_thread(dbos.launch)
        try:
            await asyncio.to_thread(
                dbos.register_queue, QUEUE, worker_concurrency=self.at_once, polling_interval_sec=POLL_SECONDS
            )
            tending = asyncio.create_task(self._tend())
            await stopping.wait()
            tending.cancel()
            await asyncio.gather(tending, return_exceptions=True)
        finally:
            await asyncio.to_thread(dbos.destroy, workflow_completion_timeout_sec=round(self.grace))

    def _workflow(self) -> Callable[[str, str, str, str, int], str]:
        def trial(run: str, task: str, variant: str, contender: str, number: int) -> str:
            assert self._loop is not None
            key = TrialKey(run, task, variant, contender, number)
            return asyncio.run_coroutine_threadsafe(self.play(key), self._loop).result()

        trial.__qualname__ = trial.__name__ = WORKFLOW
        return trial

    async def play(self, key: TrialKey) -> str:
        """Play a trial until it has its verdict, or cannot have one here; what came of it."""
        self._playing[key.run] += 1
        try:
            outcome = await self._play(key)
        except FieldmarkError as error:
            LOG.warning("%s", error.message)
            outcome = f"not here: {error.message}"
        finally:
            self._playing[key.run] -= 1
        self.heard(key, outcome)
        return outcome

    async def _play(self, key: TrialKey) -> str:
        ground = await self._ground(key.run)
        entrant = ground.entrants[key.contender]
        named = (key.run, key.contender)
        pace = self._paces.setdefault(named, Pace(entrant.name))
        room = self._rooms.setdefault(named, asyncio.Semaphore(entrant.at_once or self.at_once))
        while True:
            lock = await pace.turn()
            try:
                if pace.given_up:
                    return f"given up: {pace.given_up}"
                async with room:
                    outcome = await play_planned(ground, key, pace=pace)
            finally:
                if lock is not None:
                    lock.release()
            if outcome not in {"void", "away"}:
                return outcome

    async def _ground(self, run: str) -> Ground:
        if run not in self._grounds:
            self._grounds[run] = asyncio.create_task(_made(self.ground_of(run)))
        try:
            return await asyncio.shield(self._grounds[run])
        except FieldmarkError:
            self._grounds.pop(run, None)  # weights may arrive
            raise

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TEND_SECONDS)
            try:
                await asyncio.to_thread(self._put_back)
                for run, task in list(self._grounds.items()):
                    if task.done() and not task.exception() and not self._playing[run]:
                        await self._finish(task.result())
            except Exception as error:  # DBOS passes on whatever the database says
                LOG.warning("the queue cannot be looked at: %s: %s", type(error).__name__, error)

    def _put_back(self) -> None:
        """What dead workers had begun goes back to the queue. One process at a time."""
        self.ledger.presence.show()
        dbos = _dbos().DBOS
        with self.ledger.read() as snapshot:  # its transaction holds the lock
            connection = snapshot.connection
            if not connection.execute(_try_lock, {"key": _TENDING}).scalar_one():
                return
            begun = dbos.list_workflows(
                status="PENDING", queue_name=QUEUE, load_input=False, load_output=False
            )
            alive = {
                each: self.ledger.presence.alive(connection, each) for each in {w.executor_id for w in begun}
            }
            lost = [w.workflow_id for w in begun if not alive[w.executor_id]]
            if lost:
                LOG.warning("%d trials of a worker that is gone go back to the queue", len(lost))
                dbos.resume_workflows(lost, queue_name=QUEUE)

    async def _finish(self, ground: Ground) -> None:
        """End a run of which nothing is left, in case nobody looks on."""
        if await asyncio.to_thread(_is_done, ground):
            end = RunEnded(reason="complete")
            await self.ledger.awrite(lambda now: end_run(now, ground.run, end))
            self._grounds.pop(ground.run, None)


async def _made(ground: Awaitable[Ground]) -> Ground:
    """The ground as the run means it. Raises Conflict when set or contenders here are others."""
    found = await ground
    if found.task_set.digest != found.started.digest:
        raise Conflict(
            f"the task set '{found.started.task_set}' is here in another version than the run's",
            code="changed",
            hint="have the same field folder on every machine",
        )
    for digest, each in found.entrants.items():
        if each.member is not None and each.member.digest != digest:
            raise Conflict(
                f"'{each.name}' is not here what it was when the run began",
                code="changed",
                hint="have the same field folder and weights on every machine",
            )
    return found


def _is_done(ground: Ground) -> bool:
    tried: Counter[TrialKey] = Counter()
    judged: set[TrialKey] = set()
    with ground.ledger.read() as snapshot:
        for key, passed in written(snapshot, ground.run):
            tried[plain(key)] += 1
            if passed is not None:
                judged.add(plain(key))
    return all(key in judged or tried[key] >= ATTEMPTS for key in ground.plan)
