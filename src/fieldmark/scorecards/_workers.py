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
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from fieldmark.errors import Conflict, FieldmarkError, InputError, LedgerUnavailable
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import RunEnded
from fieldmark.scorecards._ground import Ground, play_planned
from fieldmark.scorecards._pace import Pace
from fieldmark.scorecards._plan import ATTEMPTS
from fieldmark.scorecards._records import end_run, has_ended, written
from fieldmark.scorecards._run import LOOK_SECONDS, Run, Stop, fresh, plain
from fieldmark.scorecards._trial import TrialKey

if TYPE_CHECKING:
    from dbos import DBOSClient

LOG = logging.getLogger(__name__)
QUEUE = "fieldmark-trials"
WORKFLOW = "fieldmark-trial"
VERSION = "2"
"""Of what is put on the queue: raised when a worker of before could not read it."""
POLL_SECONDS = 0.1
AGAIN_SECONDS = 10.0
"""After which trials that are open though nothing waits on the queue are put on it again; doubles each time."""
TEND_SECONDS = 2.0
"""How often a worker looks for what dead ones left."""
AWAY_SECONDS = 2.0
"""Between two tries to reach a ledger that is away."""
_GIVEN_UP = "given up: "
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
    client = _dbos().DBOSClient(system_database_url=url, lazy=True, retry_connection_errors=False)
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


def enqueue(url: str, keys: Iterable[TrialKey], sitting: str = "") -> None:
    """Put trials on the queue; those that wait or are played already are left as they are.

    `sitting` is new each time a run is begun or continued: what was given up in one is tried again in the next.
    """
    with _client(url) as client:
        for key in keys:
            client.enqueue(
                {
                    "workflow_name": WORKFLOW,
                    "workflow_id": f"{_sat(key.run, sitting)}{secrets.token_hex(8)}",
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
                sitting,
            )


def _sat(run: str, sitting: str) -> str:
    return f"{run}/{sitting}/"


def _is_drained(url: str, run: str) -> bool:
    with _client(url) as client:
        waiting = ["ENQUEUED", "PENDING"]
        return not client.list_workflows(
            workflow_id_prefix=f"{run}/", status=waiting, limit=1, load_input=False, load_output=False
        )


def _given_up(url: str, run: str, sitting: str) -> dict[str, str]:
    """Identity digests of the contenders that workers gave up in this sitting, and why."""
    with _client(url) as client:
        ended = client.list_workflows(workflow_id_prefix=_sat(run, sitting), status="SUCCESS")
    said = [(each.input["args"][3], str(each.output)) for each in ended if each.input]
    return {who: words.removeprefix(_GIVEN_UP) for who, words in said if words.startswith(_GIVEN_UP)}


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
        sitting, trouble = secrets.token_hex(8), ""
        await asyncio.to_thread(enqueue, self.url, left, sitting)
        looked = same = time.monotonic()
        pause = AGAIN_SECONDS
        while self.stop is None and not self._all_over(left):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), AWAY_SECONDS if trouble else 0.5)
            before, trouble = trouble, ""
            try:
                await self._look_on()
                if time.monotonic() - same > self.look_seconds:
                    if changed := await self.look(self.ground):
                        self.stop = self.stop or Stop("contender_changed", changed)
                    same = time.monotonic()
                if time.monotonic() - looked > pause:
                    if await asyncio.to_thread(_is_drained, self.url, self.ground.run):
                        await self._again(left, sitting)
                        pause = min(60.0, 2 * pause)
                    looked = time.monotonic()
            except (Conflict, LedgerUnavailable) as error:
                trouble = error.message
            except SQLAlchemyError as error:  # DBOS passes on whatever the database says
                trouble = f"the queue cannot be looked at: {type(error).__name__}"
            if trouble != before:
                self.note(trouble)
        return self.stop or self._ending()

    async def _again(self, left: Iterable[TrialKey], sitting: str) -> None:
        """Whoever took what is left could not play it: another may, or it can by then. What was given up may not."""
        await self._look_on()
        open_now = [key for key in left if not self._is_over(key)]
        given_up = await asyncio.to_thread(_given_up, self.url, self.ground.run, sitting)
        again = [key for key in open_now if key.contender not in given_up]
        if open_now and not again:
            self.stop = self.stop or Stop(None, "; ".join(given_up.values()))
        await asyncio.to_thread(enqueue, self.url, again, sitting)

    def _all_over(self, keys: Iterable[TrialKey]) -> bool:
        return all(self._is_over(key) for key in keys)

    async def _look_on(self) -> None:
        before = self.done, self.void
        await asyncio.to_thread(self._take_in)
        if (self.done, self.void) != before:
            self.changed()

    def _take_in(self) -> None:
        """What workers did."""
        self.ground.ledger.presence.show()
        with self.ground.ledger.read() as snapshot:
            found = list(written(snapshot, self.ground.run))
        self.done = self.void = 0
        self._tried.clear()
        self._passed.clear()
        for key, passed in found:
            self._take(key, passed)
        if self._precision is not None:
            self._precision.begin(self._passed, self._is_over)
            if self._precision.enough():
                self.stop = self.stop or Stop("precise", self._precision.said())


@dataclass
class Worker:
    """A process that plays trials of whatever run is shared. One per process."""

    url: str
    """See `queue_url`."""
    ledger: Ledger
    ground_of: Callable[[str], Awaitable[Ground]]
    """Of a run's id, everything its trials need here. Raises FieldmarkError when they cannot be played here."""
    look: Callable[[Ground], Awaitable[str]]
    """Why set or contenders are no longer here what they were when the run began; empty while they are. Raises
    Conflict when they cannot be read now."""
    refresh: Callable[[], Awaitable[None]] = fresh
    """Has contenders know what they have cost in other processes, and may cost."""
    at_once: int = 4
    heard: Callable[[TrialKey, str], None] = lambda key, outcome: None  # noqa: ARG005
    grace: float = 600.0
    """Seconds that trials under way are given when it stops."""
    _grounds: dict[str, asyncio.Task[Ground]] = field(default_factory=dict)
    _paces: dict[tuple[str, str, str], Pace] = field(default_factory=dict)
    _rooms: dict[tuple[str, str], asyncio.Semaphore] = field(default_factory=dict)
    _playing: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _under_way: set[str] = field(default_factory=set)
    _idle: set[str] = field(default_factory=set)
    """What the queue says is played here and is not, when it was last looked at."""
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

    def _workflow(self) -> Callable[..., str]:
        def trial(run: str, task: str, variant: str, contender: str, number: int, sitting: str) -> str:
            assert self._loop is not None
            key, workflow = TrialKey(run, task, variant, contender, number), _dbos().DBOS.workflow_id
            self._under_way.add(workflow)
            try:
                return asyncio.run_coroutine_threadsafe(self.play(key, sitting), self._loop).result()
            finally:
                self._under_way.discard(workflow)

        trial.__qualname__ = trial.__name__ = WORKFLOW
        return trial

    async def play(self, key: TrialKey, sitting: str = "") -> str:
        """Play a trial until it has its verdict, or cannot have one here; what came of it. A ledger that is away is
        waited for.
        """
        self._playing[key.run] += 1
        try:
            outcome: str | None = None
            while outcome is None:
                outcome = await self._tried(key, sitting)
        finally:
            self._playing[key.run] -= 1
        self.heard(key, outcome)
        return outcome

    async def _tried(self, key: TrialKey, sitting: str) -> str | None:
        try:
            return await self._play(key, sitting)
        except LedgerUnavailable as error:
            LOG.warning("%s", error.message)
            await asyncio.sleep(AWAY_SECONDS)
            return None
        except FieldmarkError as error:
            LOG.warning("%s", error.message)
            return f"not here: {error.message}"

    async def _play(self, key: TrialKey, sitting: str) -> str:
        ground = await self._ground(key.run)
        entrant = ground.entrants[key.contender]
        pace = self._paces.setdefault((key.run, key.contender, sitting), Pace(entrant.name))
        room = self._rooms.setdefault(
            (key.run, key.contender), asyncio.Semaphore(entrant.at_once or self.at_once)
        )
        while True:
            lock = await pace.turn()
            try:
                if pace.given_up:
                    return _GIVEN_UP + pace.given_up
                async with room:
                    outcome = await play_planned(ground, key, pace=pace)
            finally:
                if lock is not None:
                    lock.release()
            if outcome not in {"void", "away"}:
                return outcome

    async def _ground(self, run: str) -> Ground:
        if run not in self._grounds:
            self._grounds[run] = asyncio.create_task(self._made(run))
        try:
            return await asyncio.shield(self._grounds[run])
        except FieldmarkError:
            self._grounds.pop(run, None)  # weights may arrive
            raise

    async def _made(self, run: str) -> Ground:
        """The ground as the run means it. Raises Conflict when set or contenders here are others."""
        found = await self.ground_of(run)
        changed = f"the task set '{found.started.task_set}' is here in another version than the run's"
        if found.task_set.digest == found.started.digest:
            changed = await self.look(found)
        if changed:
            raise Conflict(
                changed, code="changed", hint="have the same field folder and weights on every machine"
            )
        return found

    async def _tend(self) -> None:
        looked = time.monotonic()
        while True:
            await asyncio.sleep(TEND_SECONDS)
            looking = time.monotonic() - looked > LOOK_SECONDS
            try:
                await asyncio.to_thread(self._put_back)
                await self.refresh()
                for task in list(self._grounds.values()):
                    if task.done() and not task.exception():
                        await self._tend_to(task.result(), looking)
            except Exception as error:  # DBOS passes on whatever the database says
                LOG.warning("the queue cannot be looked at: %s: %s", type(error).__name__, error)
            looked = time.monotonic() if looking else looked

    async def _tend_to(self, ground: Ground, looking: bool) -> None:
        run = ground.run
        if await asyncio.to_thread(_is_over, ground):
            self._grounds.pop(run, None)
            return
        try:
            changed = await self.look(ground) if looking else ""
        except Conflict as error:
            LOG.warning("no more trials of run %s are played here now: %s", run, error.message)
            self._grounds.pop(run, None)
            return
        if changed:
            await self._end(run, RunEnded(reason="contender_changed", detail=changed))
        elif not self._playing[run] and await asyncio.to_thread(_is_done, ground):
            await self._end(run, RunEnded(reason="complete"))  # in case nobody looks on

    def _put_back(self) -> None:
        """What dead workers had begun goes back to the queue, by one process at a time; so does what this one took, but
        lost with its connection before it began.
        """
        self.ledger.presence.show()
        dbos, mine = _dbos().DBOS, self.ledger.presence.holder
        begun = dbos.list_workflows(status="PENDING", queue_name=QUEUE, load_input=False, load_output=False)
        idle = {w.workflow_id for w in begun if w.executor_id == mine} - self._under_way
        lost, self._idle = sorted(idle & self._idle), idle
        with self.ledger.read() as snapshot:  # its transaction holds the lock
            connection = snapshot.connection
            if connection.execute(_try_lock, {"key": _TENDING}).scalar_one():
                alive = {
                    each: self.ledger.presence.alive(connection, each)
                    for each in {w.executor_id for w in begun}
                }
                lost += [w.workflow_id for w in begun if not alive[w.executor_id]]
            if lost:
                LOG.warning("%d trials that nobody plays any more go back to the queue", len(lost))
                dbos.resume_workflows(lost, queue_name=QUEUE)

    async def _end(self, run: str, end: RunEnded) -> None:
        await self.ledger.awrite(lambda now: end_run(now, run, end))
        self._grounds.pop(run, None)


def _is_over(ground: Ground) -> bool:
    with ground.ledger.read() as snapshot:
        return has_ended(snapshot, ground.run)


def _is_done(ground: Ground) -> bool:
    tried: Counter[TrialKey] = Counter()
    judged: set[TrialKey] = set()
    with ground.ledger.read() as snapshot:
        for key, passed in written(snapshot, ground.run):
            tried[plain(key)] += 1
            if passed is not None:
                judged.add(plain(key))
    plan = list(ground.plan)  # shorter than planned where fewer contenders are trusted with sealed tasks
    done = all(key in judged or tried[key] >= ATTEMPTS for key in plan)
    return done and len(plan) == ground.started.planned
