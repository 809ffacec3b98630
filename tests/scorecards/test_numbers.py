"""A scorecard's numbers: what each is made of, and that agents of known skill are found to have it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldmark.cli._score_show import comparison
from fieldmark.ledger.evidence import RunStarted, TrialEnded, VerdictGiven, VerdictResult
from fieldmark.scorecards import Cards, TaskSet, Wanted
from fieldmark.scorecards._counts import Counts
from fieldmark.scorecards._numbers import KS, curve, grid, reach, score
from fieldmark.scorecards._records import seen_of, start_run
from fieldmark.scorecards.views import ContenderScore
from fieldmark.statistics import RELATIVE_ERROR, AnytimeMean, mcnemar
from tests.scorecards.toys import Toys, sum_task, toy_set, toys


@dataclass(frozen=True)
class Tried:
    """One trial to be written."""

    task: str
    trial: int
    result: VerdictResult = "pass"
    variant: str = ""
    ms: int = 10
    cost: float | None = None
    attempt: int = 1
    sealed: bool = False
    who: str = "alder"


def digest_of(who: str) -> str:
    return hashlib.sha256(who.encode()).hexdigest()


def write(
    now: Toys, made: TaskSet, tried: Sequence[Tried], *, trials: int = 8, until: float | None = None
) -> str:
    """A run with these trials; its id."""
    names = {digest_of(each.who): each.who for each in tried}
    started = RunStarted(
        task_set=made.name,
        digest=made.digest,
        contenders=tuple(names),
        labels=names,
        tasks=tuple(task.id for task in made.tasks),
        variants=True,
        trials=trials,
        until=until,
        seed=1,
        sandbox="none",
    )
    run = start_run(now.ledger, seen_of(made, checked=False), started)

    def work(ledger: Any) -> None:
        for each in tried:
            ended = TrialEnded(
                task=each.task,
                variant=each.variant,
                contender=digest_of(each.who),
                verifier="v",
                trial=each.trial,
                attempt=each.attempt,
                seed=1,
                ended="answered",
                steps=1,
                calls=0,
                ms=each.ms,
                cost=each.cost,
                sealed=each.sealed,
            )
            trial = ledger.append(ended, actor="system", refs={"run": run}).record.id
            void = "endpoint" if each.result == "void" else None
            given = VerdictGiven(result=each.result, verifier="v", void=void, ms=1)
            ledger.append(given, actor="system", refs={"run": run, "trial": trial})

    now.ledger.write(work)
    return run


def counted(cells: dict[tuple[str, str], tuple[int, int]]) -> Counts:
    counts = Counts("alder")
    for cell, (passed, failed) in cells.items():
        counts.add(cell, passed, failed, 0)
    return counts


def scored(counts: Counts) -> ContenderScore:
    return score(counts, "alder", "seeded", confidence=0.95)


def test_a_wording_that_always_fails_is_no_noise_within_a_task() -> None:
    """Plain passes always and polite never: more trials would all come out the same."""
    both = {(f"t{n}", v): (8, 0) if v == "" else (0, 8) for n in range(20) for v in ("", "polite")}
    found = scored(counted(both))
    assert (found.within, found.between) == (0, 0)
    assert found.consistency is not None
    assert found.consistency.value == 0
    assert found.correlation is not None
    assert found.correlation.value == 1
    assert "more tasks; more trials of these alone would not do" in found.more
    for trials in (
        1,
        2,
    ):  # tasks of which both wordings, one or none pass: no two trials of one came out differently
        some = {
            (f"t{n}", str(v)): (trials, 0) if n % 4 > 2 * v else (0, trials)
            for n in range(200)
            for v in (0, 1)
        }
        assert scored(counted(some)).within in (None, 0)
        assert "more trials of these alone would not do" in scored(counted(some)).more
    drawn = np.random.default_rng(1).binomial(4, 0.5, (200, 2))
    luck = {(f"t{n}", v): (c, 4 - c) for n, row in enumerate(drawn.tolist()) for v, c in enumerate(row)}
    noisy = scored(counted({(task, str(v)): counts for (task, v), counts in luck.items()}))
    assert noisy.within == pytest.approx(0.5, abs=0.02)
    assert "more trials of each task and wording" in noisy.more


async def test_nor_is_it_in_what_a_comparison_could_have_found(tmp_path: Path) -> None:
    made = toy_set(20, wordings=True)
    tried = [
        Tried(task.id, trial, "fail" if (v, who) == ("polite", "alder") else "pass", v, who=who)
        for task in made.tasks
        for v in ("", "polite")
        for who in ("alder", "birch")
        for trial in (1, 2)
    ]
    async with toys(tmp_path / "field", {"sums": made}) as now:
        write(now, made, tried)
        found = Cards(now.ledger, now.runs.catalogue).compare("sums", "alder", "birch")
    assert found.difference is not None
    assert found.difference.value == -0.5
    assert found.power.startswith("20 tasks with 4 trials each find a difference of about 26 points "), (
        "20 equal differences are found from 20 points on, and trials are never all alike where contenders differ"
    )
    assert (found.a_only, found.b_only, found.both) == (0, 40, 40), "pairs of trials"
    assert (found.a_only_tasks, found.b_only_tasks, found.p) == (0, 20, 2 / 2**20), (
        "tasks, half is no majority"
    )


async def test_the_p_is_of_the_tasks_that_stand_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = toy_set(12)
    tried = [
        Tried(task.id, trial, "fail" if who == "birch" and n < lost and trial <= 3 else "pass", who=who)
        for n, task in enumerate(made.tasks)
        for who, lost in (("alder", 0), ("birch", 3))
        for trial in (1, 2, 3, 4)
    ]
    async with toys(tmp_path / "field", {"sums": made}) as now:
        write(now, made, tried)
        found = Cards(now.ledger, now.runs.catalogue).compare("sums", "alder", "birch")
    assert (found.a_only, found.b_only, found.both, found.neither) == (9, 0, 39, 0)
    assert (found.a_only_tasks, found.b_only_tasks, found.p) == (3, 0, mcnemar(3, 0))
    comparison(found)
    said = capsys.readouterr().out
    assert "48 pairs of trials: only alder passed 9, only birch 0, both 39, neither 0\n" in said
    assert "of tasks by majority: only alder passed 3, only birch 0; McNemar p = 0.25\n" in said


async def test_of_one_trial_each_the_p_is_of_the_trials(tmp_path: Path) -> None:
    made = toy_set(12)
    tried = [
        Tried(task.id, 1, "fail" if n in lost else "pass", who=who)
        for n, task in enumerate(made.tasks)
        for who, lost in (("alder", {0}), ("birch", {1, 2, 3, 4, 5, 6}))
    ]
    async with toys(tmp_path / "field", {"sums": made}) as now:
        write(now, made, tried)
        found = Cards(now.ledger, now.runs.catalogue).compare("sums", "alder", "birch")
    assert (found.a_only, found.b_only) == (found.a_only_tasks, found.b_only_tasks) == (6, 1)
    assert found.p == mcnemar(6, 1)


def test_a_point_of_the_curve_is_over_the_tasks_that_have_the_trials() -> None:
    cells = {(f"t{n}", v): (8, 0) for n in range(10) for v in ("", "polite")}
    passes, trials = grid(counts := counted({**cells, ("t0", "polite"): (7, 0)}), counts.by_task())
    points = {p.k: p for p in curve(passes, trials, KS, 0.95)}
    assert [(k, p.all.n) for k, p in points.items()] == [*((k, 10) for k in range(1, 8)), (8, 9)]
    assert points[8].at.n == 9
    less = counted({**cells, **{(f"t{n}", ""): (3, 1) for n in range(6)}})
    assert [(p.k, p.all.n) for p in scored(less).curve] == [(1, 10), (2, 10), (3, 10), (4, 10)]
    half = counted({**cells, **{(f"t{n}", ""): (3, 1) for n in range(5)}})
    assert [(p.k, p.all.n) for p in scored(half).curve][-2:] == [(7, 5), (8, 5)]
    assert scored(Counts("alder")).curve == []
    assert reach(trials[:1]) == 7


async def test_an_agent_of_known_skill_is_found_to_have_it(tmp_path: Path) -> None:
    """Played as any contender is: its rate, the correlation of its trials and its change stand on the scorecard."""
    p, correlation, change, trials = 0.85, 0.3, -0.06, 6
    name = f"seeded:{p},correlation={correlation},change={change}"
    async with toys(tmp_path / "field", {"sums": toy_set(60)}) as now:
        begun = await now.runs.start(Wanted("sums", [name], trials=trials, unchecked=True, seed=1))
        assert (await now.runs.wait(begun.id)).reason == "complete"
        cards = Cards(now.ledger, now.runs.catalogue)
        (found,) = cards.card("sums", []).line.scores
        (of_run,) = cards.of_run(begun.id)
        steady = await now.runs.start(Wanted("sums", ["oracle"], trials=1, unchecked=True, seed=1))
        assert (await now.runs.wait(steady.id)).reason == "complete"
        oracle, again = cards.card("sums", []).line.scores
    assert found == of_run == again
    for estimate, truth in (
        (found.rate, p + change * (trials - 1) / 2),
        (found.correlation, correlation),
        (found.change, change * (trials - 1)),
    ):
        assert estimate is not None
        assert estimate.low <= truth <= estimate.high
        assert estimate.high - estimate.low < 0.35
        assert estimate.n == 60
    assert found.change is not None
    assert found.change.high < 0, "it gets worse, for sure"
    assert found.correlation is not None
    assert found.correlation.low > 0
    assert (oracle.name, oracle.correlation, oracle.change) == ("oracle", None, None)


async def test_a_change_is_of_trials_without_a_gap_in_every_run(tmp_path: Path) -> None:
    """A void in the middle leaves that course out; runs of the same task are courses of their own."""
    made = toy_set(2)
    first, second = (task.id for task in made.tasks)
    rises = [Tried(first, n, "pass" if n > 2 else "fail") for n in (1, 2, 3, 4)]
    falls = [Tried(first, n, "fail" if n > 2 else "pass") for n in (1, 2, 3, 4)]
    gap = [Tried(second, n, "void" if n == 2 else "pass") for n in (1, 2, 3, 4)]
    async with toys(tmp_path / "field", {"sums": made}) as now:
        cards = Cards(now.ledger, now.runs.catalogue)
        runs = [write(now, made, [*rises, *gap]), write(now, made, falls)]
        (all_,) = cards.card("sums", []).line.scores
        each = [cards.of_run(run)[0].change for run in runs]
    assert all_.change is not None
    assert all_.change.value == pytest.approx(0, abs=1e-9)
    assert all_.change.n == 1
    assert [one and (one.value, one.n) for one in each] == [(1, 1), (-1, 1)]


async def test_what_a_pass_costs_and_takes(tmp_path: Path) -> None:
    """Open tasks alone; fails count, and what voids cost. Without a price of every pass and fail there is none."""
    made = TaskSet(
        "sums", (sum_task(1), sum_task(2, sealed=True)), digest=hashlib.sha256(b"costs").hexdigest()
    )
    tried = [
        Tried("sum-1", 1, ms=1000, cost=1.0),
        Tried("sum-1", 2, "fail", ms=3000, cost=2.0),
        Tried("sum-1", 3, "void", ms=70_000, cost=0.5),
        Tried("sum-1", 3, ms=2000, cost=3.0, attempt=2),
        Tried("sum-1", 4, "void", ms=70_000),
        Tried("sum-2", 1, ms=50_000, cost=100.0, sealed=True),
        Tried("sum-2", 2, "void", ms=50_000, cost=100.0, sealed=True),
        Tried("sum-2", 3, ms=60_000, sealed=True),
    ]
    async with toys(tmp_path / "field", {"sums": made}) as now:
        run = write(now, made, tried)
        cards = Cards(now.ledger, now.runs.catalogue)
        for found in (*cards.card("sums", []).line.scores, *cards.of_run(run)):
            assert found.cost_per_pass == pytest.approx((1 + 2 + 3 + 0.5) / 2)
            assert found.seconds_per_pass == pytest.approx((1 + 3 + 2) / 2)
            assert found.median_seconds == pytest.approx(3, rel=RELATIVE_ERROR)
            assert (found.share.passed, found.share.failed, found.share.void) == (4, 1, 3)
        other = write(now, made, [Tried("sum-1", 5, "fail", ms=0)])
        (found,) = cards.card("sums", []).line.scores
        assert found.cost_per_pass is None
        assert found.seconds_per_pass == pytest.approx(3)
        (found,) = cards.of_run(other)
        assert (found.cost_per_pass, found.seconds_per_pass) == (None, None)


async def test_what_came_too_early_for_the_interval_that_stopped_a_run_is_not_in_it(tmp_path: Path) -> None:
    """Tasks after the first that is not done have verdicts of quick trials alone, which are often fails."""
    made = TaskSet(
        "sums",
        (sum_task(1, sealed=True), *(sum_task(n) for n in range(2, 12))),
        digest=hashlib.sha256(b"early").hexdigest(),
    )  # nobody gave the sealed one to the contender
    done = [Tried(f"sum-{n}", trial, "pass" if n % 2 else "fail") for n in range(2, 7) for trial in (1, 2)]
    done += [Tried("sum-7", 1), *(Tried("sum-7", 2, "void", attempt=n) for n in (1, 2, 3))]
    quick = [
        Tried("sum-8", 1, "fail"),
        *(Tried("sum-9", n, "fail") for n in (1, 2)),
        Tried("sum-10", 2, "fail"),
    ]
    async with toys(tmp_path / "field", {"sums": made}) as now:
        run = write(now, made, [*done, *quick], trials=2, until=0.15)
        cards = Cards(now.ledger, now.runs.catalogue)
        (of_run,) = cards.of_run(run)
        (found,) = cards.card("sums", []).line.scores
        again = write(now, made, [Tried("sum-8", 1), Tried("sum-8", 2), Tried("sum-11", 1, "fail")], trials=2)
        (pooled,) = cards.card("sums", []).line.scores
        (alone,) = cards.of_run(again)
    plan = AnytimeMean(0.95)
    for value in (0, 1, 0, 1, 0, 1):
        plan.add(value)
    at = plan.interval()
    for score_ in (of_run, found):
        assert score_.rate is not None
        assert (score_.rate.value, score_.rate.n, score_.tasks) == (0.5, 6, 6)
        assert (score_.rate.low, score_.rate.high) == pytest.approx((at.lower, at.upper))
        assert [(p.k, p.all.value, p.all.n) for p in score_.curve] == [(1, 0.5, 6), (2, 0.4, 5)]
        assert (score_.share.passed, score_.share.failed, score_.share.void) == (5, 10, 3), "all are shown"
        assert score_.seconds_per_pass == pytest.approx(0.15 / 5), "and cost"
    assert pooled.rate is not None
    assert (pooled.rate.value, pooled.rate.n) == (0.5, 8), "what another run did there counts"
    assert alone.rate is not None
    assert (alone.rate.value, alone.rate.n) == (0.5, 2), "a run that could not stop early has no such tasks"


async def test_of_one_trial_each_what_is_done_out_of_turn_came_too_early(tmp_path: Path) -> None:
    """Each wording is a trial to wait for."""
    made = toy_set(6, wordings=True)
    first, second, third, *_ = (task.id for task in made.tasks)
    both = [Tried(task, 1, "fail", v) for task in (third,) for v in ("", "polite")]
    tried = [Tried(first, 1), Tried(first, 1, variant="polite"), Tried(second, 1, "fail"), *both]
    async with toys(tmp_path / "field", {"sums": made}) as now:
        run = write(now, made, tried, trials=1, until=0.15)
        (found,) = Cards(now.ledger, now.runs.catalogue).of_run(run)
        assert found.rate is not None
        assert (found.rate.value, found.rate.n) == (1, 1)
        assert found.consistency is not None
        assert found.consistency.n == 1
