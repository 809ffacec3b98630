"""Bad luck in the middle of a run: nothing counts twice, nothing is lost, and it says what happened."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fieldmark.cli.score import opened_runs
from fieldmark.errors import Conflict, InputError, LedgerUnavailable
from fieldmark.fields import load_field
from fieldmark.ledger import Transaction
from fieldmark.ledger.evidence import RunEnded, RunStarted, TrialEnded, VerdictGiven
from fieldmark.reports import costs
from fieldmark.scorecards import (
    Attempt,
    Budget,
    Cards,
    Filter,
    Grading,
    Pace,
    People,
    Solution,
    TaskSet,
    Tool,
    Verdict,
    Wanted,
    Worker,
    _workers,
)
from fieldmark.scorecards import _run as run_module
from fieldmark.scorecards._ground import Ground
from fieldmark.scorecards._plan import Plan
from fieldmark.scorecards._run import Run
from fieldmark.scorecards._stopping import Precision
from fieldmark.scorecards._trial import TrialKey
from fieldmark.scorecards.agents import _asking
from tests.house import endpoint, until, write_field
from tests.scorecards.stub import Said, calls, in_turn, refusal, stub, text
from tests.scorecards.toys import Says, Toys, ended, sum_task, toy_set, toys
from tests.upstream import Upstream


class Slow(Says):
    """Takes its time."""

    kind: ClassVar[str] = "slow"

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        await asyncio.sleep(0.03)
        return await super().verify(attempt, grading)


class Shaky(Says):
    """Breaks the first `times` times."""

    kind: ClassVar[str] = "shaky"

    def __init__(self, right: str, times: int) -> None:
        super().__init__(right)
        self.left = times

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        self.left -= 1
        if self.left >= 0:
            raise RuntimeError("the disk of the verifier fell off")
        return await super().verify(attempt, grading)


CAPPED = "price = { input = 1000000.0, output = 1000000.0 }\nspend_cap = 300.0"
"""A unit for each token."""


def slow_set(tasks: int = 6) -> TaskSet:
    return TaskSet(
        "sums", tuple(sum_task(n, verifier=Slow(str(2 * n))) for n in range(1, tasks + 1)), digest="5" * 64
    )


def counted(now: Toys) -> Counter[tuple[Any, ...]]:
    """How often each trial of all runs has a pass or a fail in the ledger."""
    found: Counter[tuple[Any, ...]] = Counter()
    with now.ledger.read() as snapshot:
        bodies = {e.record.id: e.record for e in snapshot.entries(types=[TrialEnded, VerdictGiven])}
        for record in bodies.values():
            if isinstance(record.body, VerdictGiven) and record.body.result != "void":
                trial = bodies[record.refs["trial"]].body
                assert isinstance(trial, TrialEnded)
                found[record.refs["run"], trial.task, trial.variant, trial.contender, trial.trial] += 1
    return found


_KILLED = """
import asyncio, sys
from pathlib import Path
from fieldmark.scorecards import Wanted
from tests.scorecards.test_run_faults import slow_set
from tests.scorecards.toys import toys

async def main():
    async with toys(Path(sys.argv[1]), {"sums": slow_set()}) as now:
        run = await now.runs.start(Wanted("sums", ["oracle", "nop"], trials=8, unchecked=True), workers=2)
        while True:
            print(run.id, now.runs.view(run.id).done, flush=True)
            await asyncio.sleep(0.02)

asyncio.run(main())
"""


async def test_a_killed_run_is_continued_and_does_nothing_twice(tmp_path: Path) -> None:
    folder = write_field(tmp_path / "field", "")
    with subprocess.Popen(  # noqa: ASYNC220 (nothing else waits)
        [sys.executable, "-c", _KILLED, folder],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout
        run, done = "", 0
        while done < 20:
            run, _, number = process.stdout.readline().strip().partition(" ")
            done = int(number)
        process.send_signal(signal.SIGKILL)
    async with toys(folder, {"sums": slow_set()}) as now:
        before = now.runs.view(run)
        assert before.state == "paused"
        assert done <= before.done < 96
        await now.runs.resume(run)
        assert await ended(now, run) == ("complete", 96, 0)
        assert set(counted(now).values()) == {1}
        assert len(counted(now)) == 96
        now.ledger.verify()
        with pytest.raises(Conflict) as caught:
            await now.runs.resume(run)
        assert caught.value.code == "ended"


async def test_a_void_earns_a_new_attempt_at_most_three(tmp_path: Path) -> None:
    tasks = (sum_task(1, verifier=Shaky("2", 2)), sum_task(2, verifier=Shaky("4", 99)), sum_task(3))
    sums = TaskSet("sums", tasks, digest="6" * 64)
    async with toys(tmp_path / "field", {"sums": sums}) as now:
        run = (await now.runs.start(Wanted("sums", ["oracle"], trials=1, unchecked=True))).id
        assert await ended(now, run) == ("complete", 2, 5)
        assert "1 trials stay void after 3 attempts" in now.runs.view(run).detail
        with now.ledger.read() as snapshot:
            trials = [e.record.body for e in snapshot.entries(types=[TrialEnded])]
            seeds = {(t.task, t.attempt): t.seed for t in trials if isinstance(t, TrialEnded)}
        assert sorted(seeds) == [("sum-1", n) for n in (1, 2, 3)] + [("sum-2", n) for n in (1, 2, 3)] + [
            ("sum-3", 1)
        ]
        assert len(set(seeds.values())) == 7
        again = (await now.runs.start(Wanted("sums", ["oracle"], trials=1, unchecked=True))).id
        assert await ended(now, again) == ("complete", 2, 3)  # a new run starts afresh


def look(number: int) -> int:
    """Look it up."""
    return 2 * number


@asynccontextmanager
async def behind(folder: Path, sums: TaskSet, *said: Said) -> AsyncGenerator[Toys, None]:
    """A field with a contender that says these things in turn."""
    async with (
        stub(in_turn(*said)) as (url, _),
        toys(write_field(folder, endpoint("alder", url, "stub")), {"sums": sums}) as now,
    ):
        now.runs.pace = quick
        yield now


async def outcomes(now: Toys) -> list[tuple[str, str | None, str]]:
    """Each attempt of a run of one trial: its verdict, its failure, and what is said of it."""
    wanted = Wanted("sums", ["alder"], trials=1, unchecked=True, calling="native")
    run = (await now.runs.start(wanted, workers=1)).id
    assert (await ended(now, run))[0] == "complete"
    lines = Cards(now.ledger, now.runs.catalogue).every_trial("sums", Filter(run=run))
    found = sorted(lines, key=lambda line: line.attempt)
    return [(line.result or "", line.failure, line.explanation) for line in found]


CALL, BROKEN = calls(("look", {"number": 1})), refusal(500, "boom")


async def test_whoever_crashes_in_place_of_an_answer_has_failed_the_second_time(tmp_path: Path) -> None:
    sums = TaskSet("sums", (sum_task(1, tools=(Tool.of(look),)),), digest="7" * 64)
    async with behind(tmp_path / "a", sums, CALL, BROKEN, CALL, BROKEN, CALL, text("2")) as now:
        first, second = await outcomes(now)
    assert first == ("void", "crashed", "its server broke off in the middle of the task (HTTP 500)")
    assert second == ("fail", "crashed", f"{first[2]}, a second time")
    async with behind(tmp_path / "b", sums, CALL, BROKEN, CALL, text("2")) as now:
        assert [result for result, *_ in await outcomes(now)] == ["void", "pass"]


async def test_a_crash_after_another_void_is_the_first(tmp_path: Path) -> None:
    sums = TaskSet("sums", (sum_task(1, tools=(Tool.of(look),), verifier=Shaky("2", 1)),), digest="8" * 64)
    said = CALL, text("2"), CALL, BROKEN, CALL, text("2")
    async with behind(tmp_path / "field", sums, *said) as now:
        assert [each[:2] for each in await outcomes(now)] == [
            ("void", None),
            ("void", "crashed"),
            ("pass", None),
        ]


async def test_a_server_that_is_away_at_the_first_step_never_makes_a_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_asking, "AWAY_SECONDS", ())
    sums = TaskSet("sums", (sum_task(1, tools=(Tool.of(look),)),), digest="9" * 64)
    said = BROKEN, BROKEN, CALL, BROKEN, BROKEN, BROKEN, CALL, text("2")
    async with behind(tmp_path / "field", sums, *said) as now:
        assert [each[:2] for each in await outcomes(now)] == [("void", "crashed"), ("pass", None)]


@pytest.mark.parametrize("status", [402, 429])
async def test_a_limit_in_mid_trial_stays_void(tmp_path: Path, status: int) -> None:
    tools, budget = (Tool.of(look),), Budget(seconds=0.6)
    sums = TaskSet("sums", (sum_task(1, tools=tools, budget=budget),), digest="a" * 64)
    limited = refusal(status, **{"Retry-After": "0.7"})
    async with behind(tmp_path / "field", sums, CALL, limited, CALL, limited, CALL, text("2")) as now:
        now.runs.pace = lambda name: Pace(name, patience=60, first_pause=0.02)
        assert [each[:2] for each in await outcomes(now)] == [
            *[("void", "refused")] * 2,
            ("pass", None),
        ]


async def test_two_runs_at_once_and_a_second_hand_at_one(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        runs = [
            (await now.runs.start(Wanted("sums", ["oracle"], trials=4, unchecked=True))).id for _ in range(2)
        ]
        assert [now.runs.view(run).state for run in runs] == ["running", "running"]
        async with toys(tmp_path / "field", {"sums": slow_set()}) as other:  # as another process would
            assert other.runs.view(runs[0]).state == "running"
            with pytest.raises(Conflict) as caught:
                await other.runs.resume(runs[0])
            assert caught.value.code == "running"
        for run in runs:
            assert await ended(now, run) == ("complete", 24, 0)
        assert set(counted(now).values()) == {1}


async def test_cancelled_paused_and_continued(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = (await now.runs.start(Wanted("sums", ["oracle"], trials=20, unchecked=True))).id
        await until(lambda: now.runs.view(run).done > 5, 30)
        now.runs.pause(run)
        state, done, _ = await ended(now, run)
        assert (state, 5 < done < 120) == ("paused", True)
        assert now.runs.view(run).resumable
        await now.runs.resume(run)
        view = await now.runs.cancel(run)
        assert (view.state, view.ended, view.resumable) == ("ended", "cancelled", False)
        with now.ledger.read() as snapshot:
            assert sum(1 for _ in snapshot.entries(types=[RunEnded])) == 1


async def test_what_people_take_is_not_continued_as_a_run(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": toy_set(2)}) as now:
        people = People(now.ledger, now.runs.catalogue.get)
        assert await people.next("p_x", "sums")
        (view,) = now.runs.views()
        assert (view.state, view.resumable) == ("paused", False)
        with pytest.raises(InputError, match="on the page"):
            await now.runs.resume(view.id)
        await people.close()


async def test_a_contender_or_a_set_that_changed_ends_the_run(tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo"))
        async with toys(folder, {"sums": slow_set()}) as now:
            run = (await now.runs.start(Wanted("sums", ["alder", "oracle"], trials=4, unchecked=True))).id
            now.runs.pause(run)
            await now.runs.wait(run)
            write_field(folder, endpoint("alder", upstream.url, "echo", 'system = "You are another."'))
            await now.roster.sync(load_field(folder))
            await now.runs.resume(run)
            assert (await ended(now, run))[0] == "contender_changed"
            assert "'alder' is no longer what it was" in now.runs.view(run).detail
            run = (await now.runs.start(Wanted("sums", ["oracle"], trials=40, unchecked=True))).id
            now.runs.pause(run)
            await now.runs.wait(run)
            now.runs.catalogue.made["sums"] = replace(slow_set(), digest="7" * 64)
            await now.runs.resume(run)
            assert (await ended(now, run))[0] == "contender_changed"
            assert "task set 'sums' is no longer" in now.runs.view(run).detail


def gguf(path: Path, more: bytes) -> None:
    """A file that passes for weights, put in its place at once. Nothing answers with it."""
    new = path.with_suffix(".new")
    new.write_bytes(b"GGUF" + more * 100)
    new.replace(path)


async def test_weights_that_change_in_mid_run_end_it(tmp_path: Path) -> None:
    gguf(weights := tmp_path / "oak.gguf", b"first")
    folder = write_field(
        tmp_path / "field", f'[[contenders]]\nname = "oak"\nkind = "weights"\nmodel = "{weights}"\n'
    )
    async with toys(folder, {"sums": slow_set()}) as now:
        now.runs.work = partial(Run, look_seconds=0.05)
        run = (await now.runs.start(Wanted("sums", ["oak", "oracle"], trials=40, unchecked=True))).id
        await until(lambda: now.runs.view(run).done > 5, 30)
        os.utime(weights)  # looks new, but is the same
        await until(lambda: now.runs.view(run).done > 15, 30)
        gguf(weights, b"other")
        state, done, _ = await ended(now, run)
        assert (state, done < 480) == ("contender_changed", True)
        assert "'oak' is no longer what it was" in now.runs.view(run).detail
        assert "its weights changed" in now.runs.view(run).detail


async def test_a_full_disk_pauses_the_run_with_its_reason(tmp_path: Path) -> None:
    def limit(now: Transaction, extra: int) -> None:
        pages = now.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        now.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + extra}")

    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = (await now.runs.start(Wanted("sums", ["oracle"], trials=20, unchecked=True))).id
        now.ledger.write(lambda tx: limit(tx, 8))
        state, done, _ = await ended(now, run)
        assert (state, done < 120) == ("paused", True)
        assert "full" in now.runs.view(run).detail
        assert len(counted(now)) == done
        now.ledger.write(lambda tx: limit(tx, 100_000))
        await now.runs.resume(run)
        assert await ended(now, run) == ("complete", 120, 0)
        assert set(counted(now).values()) == {1}
        now.ledger.verify()


def quick(name: str) -> Pace:
    return Pace(name, patience=0.4, first_pause=0.02)


async def test_an_endpoint_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_asking, "AWAY_SECONDS", ())
    with Upstream() as upstream:
        port = int(upstream.url.split(":")[2].partition("/")[0])
    folder = write_field(tmp_path / "field", endpoint("alder", f"http://127.0.0.1:{port}/v1", "echo"))
    async with toys(folder, {"sums": toy_set(3)}) as now:
        now.runs.pace = lambda name: Pace(name, patience=60, first_pause=0.02)
        run = (await now.runs.start(Wanted("sums", ["alder", "oracle"], trials=2, unchecked=True))).id
        await until(lambda: any("cannot be reached" in said for said in now.runs.view(run).doing), 30)
        with Upstream(port):
            assert await ended(now, run) == ("complete", 12, 0)  # oracle did not wait, and nothing is void


async def test_one_that_stays_away_leaves_a_run_to_be_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_asking, "AWAY_SECONDS", ())
    with Upstream() as upstream:
        sums = toy_set(3, budget=Budget(seconds=1.0))
        tables = endpoint("alder", upstream.url, "refuse:401") + endpoint("birch", upstream.url, "refuse:429")
        folder = write_field(tmp_path / "field", tables)
        async with toys(folder, {"sums": sums}) as now:
            now.runs.pace = quick
            run = (
                await now.runs.start(Wanted("sums", ["alder", "birch", "oracle"], trials=2, unchecked=True))
            ).id
            state, done, void = await ended(now, run)
            assert (state, done) == ("paused", 6)
            assert 2 <= void <= 6  # a few, not one for every trial there is
            detail = now.runs.view(run).detail
            assert "refused the key" in detail
            assert "asks for fewer requests" in detail


async def test_a_spend_cap_leaves_a_run_to_be_continued(tmp_path: Path) -> None:
    with Upstream() as upstream:
        money = "price = { input = 1000000.0, output = 1000000.0 }\nspend_cap = 30.0"
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo", money))
        async with toys(folder, {"sums": toy_set(3)}) as now:
            run = (await now.runs.start(Wanted("sums", ["alder"], trials=20, unchecked=True), workers=1)).id
            state, done, void = await ended(now, run)
            assert state == "paused"
            assert 0 < done < 60
            assert void == 1
            assert "of at most 30" in now.runs.view(run).detail


async def test_two_that_run_at_once_share_a_spend_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in a process of its own, as far as they know."""
    monkeypatch.setattr(run_module, "REFRESH_SECONDS", 0.05)
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo:20", CAPPED))
        async with opened_runs(folder) as one, opened_runs(folder) as two:
            found = []
            for runs in (one, two):
                runs.catalogue.made["sums"] = slow_set()
                wanted = Wanted("sums", ["alder"], trials=20, unchecked=True)
                found.append((runs, (await runs.start(wanted, workers=1)).id))
            for runs, run in found:
                await runs.wait(run)
                assert "of at most 300" in runs.view(run).detail
            with one.ledger.read() as snapshot:
                (spent,) = costs(snapshot).values()
            assert 300 <= spent < 450  # not twice as much


async def test_a_cap_that_is_raised_is_heard_of_in_mid_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "REFRESH_SECONDS", 0.05)
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo", CAPPED))
        async with opened_runs(folder) as runs:
            runs.catalogue.made["sums"] = slow_set()
            wanted = Wanted("sums", ["alder"], trials=4, unchecked=True)
            run = (await runs.start(wanted, workers=1)).id
            write_field(folder, endpoint("alder", upstream.url, "echo", CAPPED.replace("300", "30000")))
            await runs.wait(run)
            assert runs.view(run).ended == "complete", runs.view(run).detail


async def test_a_run_stops_when_it_is_sure(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": toy_set(120)}) as now:
        wanted = Wanted("sums", ["oracle", "nop"], trials=1, until=0.05, unchecked=True, seed=4)
        run = (await now.runs.start(wanted)).id
        state, done, _ = await ended(now, run)
        assert state == "precise"
        assert done < 240
        assert "oracle: 100.0%" in now.runs.view(run).detail


async def test_what_the_watch_meets_is_not_the_end(tmp_path: Path) -> None:
    """A ledger that cannot be read, or whatever else, while it is looked whether the set is the same: it pauses."""
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        for trouble in (LedgerUnavailable("the database is gone"), RuntimeError("something else")):
            looked: list[int] = []

            async def look(_: Ground, trouble: Exception = trouble, looked: list[int] = looked) -> str:
                looked.append(1)
                if len(looked) == 2:
                    raise trouble
                return ""

            def work(*a: Any, mine: Any = look, **more: Any) -> Run:
                return Run(*a, **{**more, "look": mine, "look_seconds": 0.05})

            now.runs.work = work
            run = (await now.runs.start(Wanted("sums", ["oracle"], trials=8, unchecked=True), workers=1)).id
            state, done, _ = await ended(now, run)
            assert state == "paused"
            assert done < 48
            assert str(trouble) in now.runs.view(run).detail
            now.runs.work = Run
            await now.runs.resume(run)
            assert await ended(now, run) == ("complete", 48, 0)


async def test_a_worker_with_another_set_plays_nothing(tmp_path: Path) -> None:
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = (await now.runs.start(Wanted("sums", ["oracle"], trials=8, unchecked=True), workers=1)).id
        now.runs.pause(run)
        _, done, _ = await ended(now, run)
        now.runs.catalogue.made["sums"] = replace(slow_set(), digest="7" * 64)
        worker = Worker("", now.ledger, now.runs.ground_of, now.runs.look)
        digest = (await now.runs.ground_of(run)).started.contenders[0]
        said = await worker.play(TrialKey(run, "sum-6", "", digest, 8))
        assert "another version" in said
        assert now.runs.view(run).done == done


async def test_a_worker_waits_for_a_ledger_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_workers, "AWAY_SECONDS", 0.01)
    async with toys(tmp_path / "field", {"sums": slow_set()}) as now:
        run = (await now.runs.start(Wanted("sums", ["oracle"], trials=8, unchecked=True), workers=1)).id
        now.runs.pause(run)
        await now.runs.wait(run)
        looked: list[str] = []

        async def ground_of(run: str) -> Ground:
            looked.append(run)
            if len(looked) < 3:
                raise LedgerUnavailable("the database is gone")
            return await now.runs.ground_of(run)

        worker = Worker("", now.ledger, ground_of, now.runs.look)
        digest = (await now.runs.ground_of(run)).started.contenders[0]
        assert await worker.play(TrialKey(run, "sum-6", "", digest, 8)) == "pass"


async def test_until_is_about_the_open_tasks(tmp_path: Path) -> None:
    """The rate that is shown is of open tasks, so it is them that have to be known so exactly."""
    tasks = toy_set(40).tasks
    mixed = TaskSet("sums", (*tasks[:20], *(replace(t, sealed=True) for t in tasks[20:])), digest="8" * 64)
    started = RunStarted(
        task_set="sums", digest=mixed.digest, contenders=("a" * 64,), labels={}, tasks=tuple(t.id for t in tasks),
        variants=False, trials=1, seed=1, sandbox="none", planned=40, until=0.1,
    )  # fmt: skip
    precision = Precision(Plan("run", started, mixed, {"a" * 64}), started)
    passed = {TrialKey("run", task.id, "", "a" * 64, 1): not task.sealed for task in mixed.tasks}
    precision.begin(passed, lambda _: True)
    assert "after 20 of 20 tasks" in precision.said()
    assert "100.0%" in precision.said()


async def test_a_run_is_stopped_while_its_set_is_checked(tmp_path: Path) -> None:
    """Nobody waits for the set's own checks, which may take long."""
    begun = asyncio.Event()

    async def slowly(_: Any) -> str:
        begun.set()
        await asyncio.sleep(60)
        return "2"

    sums = TaskSet("sums", (sum_task(1, oracle=Solution(play=slowly)),), digest="9" * 64)
    async with toys(tmp_path / "field", {"sums": sums}) as now, asyncio.timeout(30):
        run = (await now.runs.start(Wanted("sums", ["nop"], trials=1))).id
        await begun.wait()
        now.runs.pause(run)
        assert await ended(now, run) == ("paused", 0, 0)
        begun.clear()
        await now.runs.resume(run)
        await begun.wait()
        await now.runs.cancel(run)
        assert await ended(now, run) == ("cancelled", 0, 0)
