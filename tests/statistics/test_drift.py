"""Drift's test: exact where nothing changed, sharp where something did, and silent about what it cannot know."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from fieldmark.errors import StatisticsError
from fieldmark.statistics import WINDOWS, Answers, drift_test

ALPHA = 0.005
Speaker = Callable[[np.random.Generator], str]
SEA = ["the sea is wide", "the sea is deep and blue", "waves come and go", "salt and wind", "an old grey sea"]
HILL = [
    "the hill is steep",
    "sheep stand on the hill",
    "a green hill",
    "stones and grass",
    "up and down we go",
]


def one_of(texts: list[str]) -> Speaker:
    return lambda rng: texts[rng.integers(len(texts))]


def mixed(rate: float) -> Speaker:
    """The sea's words, but for a share."""
    return lambda rng: one_of(HILL if rng.random() < rate else SEA)(rng)


def runs(
    rng: np.random.Generator, speak: Speaker, count: int, prompts: int = 3, samples: int = 2
) -> list[Answers]:
    return [{str(p): [speak(rng) for _ in range(samples)] for p in range(prompts)} for _ in range(count)]


@pytest.mark.parametrize("newest", [1, 3])
def test_p_is_exact_where_nothing_changed(newest: int) -> None:
    """P(p <= a) <= a, whatever the answers' distribution; 200 experiments, bounds far out in the binomial's tail."""
    rng = np.random.default_rng(newest)
    speak = one_of([*SEA, *HILL])
    ps = [
        drift_test(runs(rng, speak, 6), runs(rng, speak, newest), alpha=0.05, seed=n).p / len(WINDOWS)
        for n in range(200)
    ]
    windows = sum(w <= newest for w in WINDOWS)  # the smallest of so many
    for level, most in ((0.05, 25), (0.1, 40), (0.2, 64)):
        assert sum(p <= level / windows for p in ps) <= most
    assert sum(p <= 0.2 for p in ps) >= 15, "nor is it so careful that it never speaks"


def test_another_distribution_is_found_at_once() -> None:
    rng = np.random.default_rng(0)
    found = drift_test(runs(rng, one_of(SEA), 10), runs(rng, one_of(HILL), 1, prompts=3), alpha=ALPHA, seed=1)
    assert found.alarm
    assert found.window == 1
    assert found.statistic > 2
    assert 0 < found.p <= ALPHA
    assert found.runs_p == pytest.approx(1 / 11)
    calm = drift_test(runs(rng, one_of(SEA), 10), runs(rng, one_of(SEA), 10), alpha=ALPHA, seed=1)
    assert not calm.alarm
    assert calm.p > ALPHA


def test_a_small_change_takes_more_runs() -> None:
    """One window is too short for it, ten are not."""
    rng = np.random.default_rng(5)
    baseline, newest = runs(rng, mixed(0.0), 10), runs(rng, mixed(0.35), 10)
    assert not drift_test(baseline, newest[:1], alpha=ALPHA, seed=3).alarm
    found = drift_test(baseline, newest, alpha=ALPHA, seed=3)
    assert found.alarm
    assert found.window > 1


def test_a_sampler_that_says_less_is_found() -> None:
    """The same texts, but always the likeliest."""
    rng = np.random.default_rng(2)
    found = drift_test(runs(rng, one_of(SEA), 10), runs(rng, lambda _: SEA[0], 10), alpha=ALPHA, seed=4)
    assert found.alarm


def test_length_alone_is_found() -> None:
    rng = np.random.default_rng(6)
    short, long = (lambda rng, n=n: "a" * int(rng.integers(n, 2 * n)) for n in (20, 60))
    assert drift_test(runs(rng, short, 10), runs(rng, long, 10), alpha=ALPHA, seed=4).alarm


def test_temperature_zero() -> None:
    """Always the same answers: p is 1. Another answer to everything, even once, is a change."""
    same: list[Answers] = [{str(p): ["Forty-two."] * 2 for p in range(4)} for _ in range(11)]
    calm = drift_test(same[:10], same[10:], alpha=ALPHA, seed=0)
    assert (calm.p, calm.statistic, calm.alarm) == (1.0, 0.0, False)
    other: Answers = {str(p): ["Forty-three."] * 2 for p in range(4)}
    assert drift_test(same[:10], [other], alpha=ALPHA, seed=0).alarm


def test_one_prompt_needs_more_runs_before_it_can_say_anything() -> None:
    """Two answers among 22 can be placed in 231 ways: no p under 1/231, so no alarm at a sixth of this level."""
    baseline: list[Answers] = [{"0": ["yes", "yes"]}] * 10
    newest: list[Answers] = [{"0": ["no", "no"]}] * 3
    assert not drift_test(baseline, newest[:1], alpha=ALPHA, seed=0).alarm
    assert drift_test(baseline, newest, alpha=ALPHA, seed=0).alarm


def test_an_answer_that_was_lost_is_no_change() -> None:
    rng = np.random.default_rng(3)
    baseline, newest = runs(rng, one_of(SEA), 10), runs(rng, one_of(SEA), 3)
    for run in newest:
        assert isinstance(run, dict)
        run["0"], run["1"] = [], run["1"][:1]
    assert not drift_test(baseline, newest, alpha=ALPHA, seed=0).alarm
    nothing: list[Answers] = [{"0": [], "1": [], "2": []}]
    assert drift_test(baseline, nothing, alpha=ALPHA, seed=0).p == 1.0
    assert drift_test(nothing, nothing, alpha=ALPHA, seed=0).p == 1.0
    assert drift_test([{}], [{}], alpha=ALPHA, seed=0).p == 1.0


def test_falling_silent_is_a_change() -> None:
    rng = np.random.default_rng(4)
    silent: list[Answers] = [{str(p): ["", ""] for p in range(3)}]
    assert drift_test(runs(rng, one_of(SEA), 10), silent, alpha=ALPHA, seed=0).alarm


def test_one_odd_run_among_others_as_odd_is_not_enough() -> None:
    """Answers of one run hang together (a server that answers a run from one cache): answers alone would cry wolf."""
    rng = np.random.default_rng(8)

    def together() -> Answers:
        return {str(p): [text] * 2 for p in range(4) for text in [one_of([*SEA, *HILL])(rng)]}

    alarms = sum(
        drift_test([together() for _ in range(10)], [together()], alpha=ALPHA, seed=n).alarm
        for n in range(40)
    )
    assert alarms <= 40 / 11 * 2.5, "whole runs bound it at one in eleven"


def test_the_same_records_give_the_same_p_in_any_order_of_answers() -> None:
    rng = np.random.default_rng(9)
    baseline, newest = runs(rng, mixed(0.2), 10), runs(rng, mixed(0.5), 3)
    first = drift_test(baseline, newest, alpha=ALPHA, seed=77)
    assert drift_test(baseline, newest, alpha=ALPHA, seed=77) == first
    turned = [{name: texts[::-1] for name, texts in run.items()} for run in newest]
    assert drift_test(baseline, turned, alpha=ALPHA, seed=77).statistic == pytest.approx(first.statistic)
    assert drift_test(baseline, [*newest, *newest, *newest, *newest], alpha=ALPHA, seed=1).window in WINDOWS


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0])
def test_what_cannot_be_asked(alpha: float) -> None:
    run: Answers = {"0": ["a"]}
    with pytest.raises(StatisticsError):
        drift_test([run], [run], alpha=alpha, seed=0)
    with pytest.raises(StatisticsError):
        drift_test([], [run], alpha=ALPHA, seed=0)
    with pytest.raises(StatisticsError):
        drift_test([run], [], alpha=ALPHA, seed=0)
