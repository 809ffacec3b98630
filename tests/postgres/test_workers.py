"""A worker of a shared run, in this process: it sees by itself when what it plays is no longer what the run means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from fieldmark.cli.score import opened_runs
from fieldmark.scorecards import Runs, SharedRun, Wanted, Worker, _workers, queue_url
from fieldmark.scorecards._plan import Plan
from tests import upstream as upstreams
from tests.house import endpoint, until, write_field
from tests.pg import PostgresServer
from tests.scorecards.test_run_faults import CAPPED, counted, slow_set
from tests.scorecards.toys import Toys, toy_set, toys
from tests.upstream import Upstream

pytest.importorskip("dbos", reason="the extra `workers` is not installed")


@asynccontextmanager
async def working(runs: Runs, url: str) -> AsyncGenerator[list[str], None]:
    """A worker at whatever is on the queue; what came of each trial."""
    outcomes: list[str] = []
    worker = Worker(url, runs.ledger, runs.ground_of, runs.look, runs.refresh)
    worker.heard = lambda _, outcome: outcomes.append(outcome)
    stopping = asyncio.Event()
    work = asyncio.create_task(worker.work(stopping))
    try:
        yield outcomes
    finally:
        stopping.set()
        await work


async def paused(now: Toys, url: str, trials: int) -> str:
    """A run that nobody looks on, all of whose trials are on the queue."""
    run = (await now.runs.start(Wanted("sums", ["oracle"], trials=trials, unchecked=True), workers=1)).id
    now.runs.pause(run)
    await now.runs.wait(run)
    ground = await now.runs.ground_of(run)
    await asyncio.to_thread(_workers.prepare, url)
    await asyncio.to_thread(_workers.enqueue, url, ground.plan.of(ground.started.contenders[0]))
    return run


async def share(runs: Runs, url: str) -> None:
    """Have the runs that begin here played by workers."""
    await asyncio.to_thread(_workers.prepare, url)
    runs.work = partial(SharedRun, url=url, look_seconds=0.2)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_workers, "AGAIN_SECONDS", 0.3)
    monkeypatch.setattr(_workers, "AWAY_SECONDS", 0.3)
    monkeypatch.setattr(_workers, "TEND_SECONDS", 0.1)
    monkeypatch.setattr(_workers, "LOOK_SECONDS", 0.2)


@pytest.mark.usefixtures("quick")
async def test_a_worker_plays_a_run_to_its_end(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = await paused(now, url := queue_url(path), trials=2)
        async with working(now.runs, url):
            await until(lambda: now.runs.view(run).state == "ended", 30)
        view = now.runs.view(run)
        assert (view.ended, view.done) == ("complete", view.planned)


@pytest.mark.usefixtures("quick")
async def test_a_worker_ends_a_run_whose_set_changed_here(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = await paused(now, url := queue_url(path), trials=200)
        async with working(now.runs, url):
            await until(lambda: now.runs.view(run).done > 3, 30)
            now.runs.catalogue.made["sums"] = replace(slow_set(), digest="7" * 64)
            await until(lambda: now.runs.view(run).state == "ended", 30)
        view = now.runs.view(run)
        assert view.ended == "contender_changed"
        assert "task set 'sums' is no longer what it was" in view.detail
        assert view.done < view.planned


@pytest.mark.usefixtures("quick")
async def test_what_a_worker_took_and_never_began_goes_back_to_the_queue(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its connection is lost after the queue has given it a trial."""
    monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = await paused(now, url := queue_url(path), trials=20)
        async with working(now.runs, url):
            await until(lambda: now.runs.view(run).done > 3, 30)
            with psycopg.connect(path, autocommit=True) as other:
                taken = other.execute(
                    "UPDATE dbos.workflow_status SET status = 'PENDING', executor_id = %s WHERE workflow_uuid IN"
                    " (SELECT workflow_uuid FROM dbos.workflow_status WHERE status = 'ENQUEUED' LIMIT 3)",
                    [now.ledger.presence.holder],
                )
            assert taken.rowcount == 3
            await until(lambda: now.runs.view(run).state == "ended", 60)
        assert now.runs.view(run).done == 120


@pytest.mark.usefixtures("quick")
async def test_a_worker_that_knows_fewer_trials_does_not_call_the_run_complete(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does whose field trusts fewer contenders with sealed tasks."""
    monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = await paused(now, url := queue_url(path), trials=2)
        every = list((await now.runs.ground_of(run)).plan)
        monkeypatch.setattr(Plan, "__iter__", lambda _: iter(every[:3]))
        async with working(now.runs, url):
            await until(lambda: now.runs.view(run).done == len(every), 30)
            await asyncio.sleep(1)
        assert now.runs.view(run).state == "paused"


@pytest.mark.usefixtures("quick")
async def test_a_contender_that_a_worker_gives_up_pauses_the_run(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its key is right again the same worker plays what is left."""
    monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "refuse:401"))
        async with toys(folder, {"sums": slow_set()}) as now:
            await share(now.runs, url := queue_url(path))
            async with working(now.runs, url), asyncio.timeout(60):
                wanted = Wanted("sums", ["alder", "oracle"], trials=2, unchecked=True)
                run = (await now.runs.start(wanted)).id
                stop = await now.runs.wait(run)
                assert stop.reason is None
                assert "refused the key" in stop.detail
                view = now.runs.view(run)
                assert (view.state, view.done) == ("paused", 12)  # all of the oracle's
                assert view.void <= 7
                monkeypatch.setitem(upstreams._BEHAVIOURS, "refuse", upstreams._BEHAVIOURS["echo"])
                await now.runs.resume(run)
                assert (await now.runs.wait(run)).reason == "complete"
            assert now.runs.view(run).done == 24


@pytest.mark.usefixtures("quick")
async def test_a_worker_hears_what_others_spend(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo", CAPPED))
        async with opened_runs(folder) as runs, opened_runs(folder) as other, asyncio.timeout(60):
            runs.catalogue.made["sums"] = other.catalogue.made["sums"] = toy_set(3)
            await share(runs, url := queue_url(path))
            wanted = Wanted("sums", ["alder"], trials=10, unchecked=True)
            async with working(runs, url) as outcomes:
                await other.wait((await other.start(wanted)).id)
                await asyncio.sleep(1)
                stop = await runs.wait((await runs.start(wanted)).id)
            assert (stop.reason, "of at most 300" in stop.detail) == (None, True)
            assert not {"pass", "fail"} & set(outcomes)


@pytest.mark.usefixtures("quick")
async def test_a_worker_that_cannot_read_the_set_waits_until_it_can(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)

    def broken(_: str) -> str:
        raise PermissionError(13, "Permission denied")

    async with toys(tmp_path / "field", {"sums": slow_set()}) as now, asyncio.timeout(60):
        await share(now.runs, url := queue_url(path))
        async with working(now.runs, url) as outcomes:
            run = (await now.runs.start(Wanted("sums", ["oracle"], trials=25, unchecked=True))).id
            await until(lambda: now.runs.view(run).done > 3, 30)
            with monkeypatch.context() as patch:
                patch.setattr(now.runs.catalogue, "digest", broken)
                await until(lambda: any("Permission denied" in outcome for outcome in outcomes), 30)
                await until(lambda: any("cannot be read" in said for said in now.runs.view(run).doing), 30)
                assert now.runs.view(run).state == "running"
            assert (await now.runs.wait(run)).reason == "complete"
        assert set(counted(now).values()) == {1}


@pytest.mark.usefixtures("quick")
async def test_a_database_that_goes_and_comes_back_in_mid_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PostgresServer() as server, server.database() as path:
        monkeypatch.setenv("FIELDMARK_DATABASE_URL", path)
        async with toys(tmp_path / "field", {"sums": slow_set()}) as now, asyncio.timeout(120):
            await share(now.runs, url := queue_url(path))
            async with working(now.runs, url):
                run = (await now.runs.start(Wanted("sums", ["oracle", "nop"], trials=16, unchecked=True))).id
                for mode in ("fast", "immediate"):
                    done = now.runs.view(run).done
                    await until(lambda done=done: now.runs.view(run).done > done + 20, 60)  # type: ignore[misc]
                    await asyncio.to_thread(server.stop, mode)
                    await asyncio.sleep(2)
                    await asyncio.to_thread(server.start)
                    await asyncio.sleep(1)
                assert (await now.runs.wait(run)).reason == "complete"
            assert (now.runs.view(run).done, now.runs.view(run).void) == (192, 0)
            assert len(counted(now)) == 192
            assert set(counted(now).values()) == {1}
            now.ledger.verify()
