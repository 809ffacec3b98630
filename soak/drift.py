"""How often does a real model that did not change raise the drift alarm, and how soon does one that did?

`python -m soak.drift [--minutes N] [--write] [--sabotage]`. Asks what is missing (`soak._asking`), then judges the
kept answers. Exit 0: the bounds hold. 1: one does not. 2: the time was up before everything was asked; the same
command goes on. `--sabotage`: a test that ignores the texts must miss the bound on power, and one whose p is halved
(and whose runs are not asked) the bound on false alarms; exit 0 if both do.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from fieldmark.contenders import Shelf
from fieldmark.fields import Drift
from fieldmark.statistics import WINDOWS, Answers, DriftTest, clopper_pearson, drift_test
from soak._asking import OTHER_MODEL, SIZES, VARIANTS, ask, missing, read_runs, seconds_asked
from soak._workspace import ROOT
from soak.commit import commit

PAGE = ROOT / "docs/soak/drift.md"
BASELINE = Drift().baseline
ALPHA = Drift().alpha
LEVEL = 0.05
"""A level at which a thousand runs show more than that nothing happened: p <= 0.05 must come in at most 5% of them."""
HORIZON = 10
WITHIN = (1, 5, 10)
Test = Callable[[Sequence[Answers], Sequence[Answers], int], DriftTest]
Runs = Sequence[Answers]


def honest(baseline: Runs, newest: Runs, seed: int) -> DriftTest:
    """The test as it is."""
    return drift_test(baseline, newest, alpha=ALPHA, seed=seed)


def blind(baseline: Runs, newest: Runs, seed: int) -> DriftTest:
    """The same numbers of answers, but every text looks alike."""
    return honest([_plain(run) for run in baseline], [_plain(run) for run in newest], seed)


def _plain(run: Answers) -> Answers:
    return {name: [""] * len(texts) for name, texts in run.items()}


def halved(baseline: Runs, newest: Runs, seed: int) -> DriftTest:
    """Half the p it should have."""
    found = honest(baseline, newest, seed)
    return replace(found, p=found.p / 2)


@dataclass(frozen=True)
class Unchanged:
    """What a thousand runs of an unchanged model gave."""

    runs: int
    alarms: int
    """At the level that a field has."""
    ps: Sequence[float]
    """Of single newest runs, each with its own baseline; uniform or larger if the test is exact."""

    @property
    def small(self) -> int:
        return sum(p <= LEVEL for p in self.ps)

    @property
    def holds(self) -> bool:
        """At most one alarm a thousand, and no more small p than chance gives (one-sided, 99.9%)."""
        rate = clopper_pearson(self.small, len(self.ps), 0.998).lower
        return self.alarms <= max(1, self.runs / 1000) and rate <= LEVEL


def unchanged(runs: Runs, test: Test) -> Unchanged:
    """As a field does it: a baseline, then run after run; after an alarm (and its acknowledgement) a new baseline."""
    alarms, start = 0, 0
    ps = []
    for now in range(BASELINE, len(runs)):
        if now - start < BASELINE:
            continue
        found = test(runs[start : start + BASELINE], runs[start + BASELINE : now + 1][-HORIZON:], now)
        if found.alarm:
            alarms, start = alarms + 1, now + 1
    rng = np.random.default_rng(0)
    for now in range(len(runs)):  # each run once the newest, among others drawn at random
        others = rng.permutation([n for n in range(len(runs)) if n != now])[:BASELINE]
        ps.append(_single_p(test, [runs[n] for n in others], runs[now], now))
    return Unchanged(len(runs) - BASELINE, alarms, ps)


def _single_p(test: Test, baseline: Runs, newest: Answers, seed: int) -> float:
    """The p of a single newest run: the smaller of two, so corrected for two and not for the other windows."""
    return test(baseline, [newest], seed).p / len(WINDOWS)


@dataclass(frozen=True)
class Power:
    """How soon a swap is found: for each horizon in `WITHIN`, how many starts found it and of how many."""

    size: str
    variant: str
    runs: int
    found: dict[int, tuple[int, int]]
    typical: float | None
    """Median runs until the alarm, of the starts followed for `HORIZON` runs; None: more than that."""

    def share(self, within: int) -> float:
        hits, of = self.found[within]
        return hits / of if of else 0.0


def power(size: str, variant: str, before: Runs, swapped: Runs, test: Test) -> Power:
    """A baseline, as many unchanged runs again, then the swap. Starts of one horizon share no swapped run."""
    found = {}
    first: list[int] = []
    for within in WITHIN:
        first = [
            _first_alarm(before, swapped[start : start + within], start, test)
            for start in range(0, len(swapped) - within + 1, within)
        ]
        found[within] = (sum(n <= within for n in first), len(first))
    middle = statistics.median(first) if first else HORIZON + 1
    return Power(size, variant, len(swapped), found, middle if middle <= HORIZON else None)


def _first_alarm(before: Runs, swapped: Runs, start: int, test: Test) -> int:
    """Number of the run that raises the alarm; more than there are if none does."""
    at = start * 7 % (len(before) - 2 * BASELINE + 1)
    baseline, calm = before[at : at + BASELINE], before[at + BASELINE : at + 2 * BASELINE]
    for number in range(1, len(swapped) + 1):
        if test(baseline, [*calm, *swapped[:number]][-HORIZON:], start * HORIZON + number).alarm:
            return number
    return HORIZON + 1


BOUNDS = {("usual", "model", 1): 0.8, ("usual", "quantisation", 10): 0.8}
"""Share of starts that must be found: size, variant, within so many runs."""


def powers(pool: Executor, test: Test) -> list[Power]:
    """Every swap of both sizes that was asked."""
    asked = {size: read_runs(size) for size in SIZES}
    swaps = [
        (size, variant, runs["unchanged"], runs[variant], test)
        for size, runs in asked.items()
        for variant in VARIANTS
        if variant != "unchanged" and len(runs[variant]) >= HORIZON and len(runs["unchanged"]) >= 2 * BASELINE
    ]
    return list(pool.map(power, *zip(*swaps, strict=True))) if swaps else []


def misses(found: Sequence[Power]) -> Iterator[str]:
    """Bounds on power that do not hold."""
    have = {(each.size, each.variant): each for each in found}
    for (size, variant, within), least in BOUNDS.items():
        each = have.get((size, variant))
        if each is None or each.share(within) < least:
            yield f"{size}, {variant}: fewer than {least:.0%} found within {within}"


def main() -> int:
    """Ask what is missing, then judge."""
    parser = argparse.ArgumentParser(prog="python -m soak.drift", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="time for asking (60)")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument(
        "--sabotage", action="store_true", help="judge by tests that are wrong, to see it noticed"
    )
    given = parser.parse_args()
    os.nice(10)
    asyncio.run(ask(time.monotonic() + given.minutes * 60))
    left = {size: lacking for size in SIZES if (lacking := missing(size))}
    if not Shelf().has(OTHER_MODEL):
        print(f"not tried: the model in its place; `fieldmark models pull {OTHER_MODEL} --accept-licence`")
    if given.sabotage:
        return _sabotage()
    began = time.monotonic()
    with ProcessPoolExecutor(2) as pool:
        calming = pool.submit(unchanged, read_runs("short")["unchanged"], honest)
        swaps, calm = powers(pool, honest), calming.result()
    lines = [*_report(calm, swaps), *(f"missed: {each}" for each in misses(swaps))]
    if not calm.holds:
        lines.append("missed: too many false alarms")
    print(*lines, sep="\n")
    if given.write:
        head = _HEAD.format(
            date=datetime.now(UTC).date(),
            commit=commit(),
            asked=seconds_asked() / 60,
            judged=(time.monotonic() - began) / 60,
            sets="\n".join(f"- **{name}**: {size.what}." for name, size in SIZES.items()),
            swaps="\n".join(f"- **{name}**: {what}." for name, what in VARIANTS.items()),
            baseline=BASELINE,
            alpha=ALPHA,
        )
        short = f"\nAsking was ended before all runs were there; missing: {left}.\n" if left else ""
        PAGE.write_text(head + short + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    if not calm.holds or any(misses(swaps)):
        return 1
    return 2 if left else 0


def _report(calm: Unchanged, swaps: Sequence[Power]) -> Iterator[str]:
    alarms = clopper_pearson(calm.alarms, calm.runs)
    small = clopper_pearson(calm.small, len(calm.ps))
    yield "## Unchanged\n"
    yield (
        f"{calm.runs} runs of the short set after the baseline, run after run as a field does it:"
        f" **{calm.alarms} alarms** (95% interval of the rate: {alarms.lower:.4f} to {alarms.upper:.4f}; the level is"
        f" {ALPHA})."
    )
    yield (
        f"Each of {len(calm.ps)} runs as the newest after {BASELINE} others drawn at random: p <= {LEVEL} in"
        f" {calm.small}, {small.value:.1%} ({small.lower:.1%} to {small.upper:.1%}; an exact test has at most"
        f" {LEVEL:.0%})."
    )
    yield "\n## Swapped\n"
    columns = " | ".join(f"found within {n}" for n in WITHIN)
    yield f"| set | swap | runs | {columns} | runs until the alarm (median) |"
    yield "|---|---|--:|" + "--:|" * (len(WITHIN) + 1)
    for each in swaps:
        cells = " | ".join(_cell(*each.found[n]) for n in WITHIN)
        middle = f"{each.typical:g}" if each.typical is not None else f"more than {HORIZON}"
        yield f"| {each.size} | {each.variant} | {each.runs} | {cells} | {middle} |"
    yield ""


def _cell(hits: int, of: int) -> str:
    if not of:
        return "-"
    share = clopper_pearson(hits, of)
    return f"{hits}/{of} ({share.lower:.0%} to {share.upper:.0%})"


def _sabotage() -> int:
    """0: both are noticed."""
    with ProcessPoolExecutor(2) as pool:
        wronging = pool.submit(unchanged, read_runs("short")["unchanged"], halved)
        missed, wrong = list(misses(powers(pool, blind))), wronging.result()
    print(f"a test that ignores the texts: {', '.join(missed) or 'NOT NOTICED'}")
    print(
        f"a test with p halved: p <= {LEVEL} in {wrong.small} of {len(wrong.ps)} runs, "
        + ("NOT NOTICED" if wrong.holds else "noticed")
    )
    return 0 if missed and not wrong.holds else 1


_HEAD = """# Soak: drift

Does a real model that did not change raise the alarm, and how soon does one that was swapped under its name? The
test is described in [Drift](../explanation/drift.md).

Written by `python -m soak.drift --write` on {date}, at commit {commit}. Asking took {asked:.0f} minutes of a
machine with 2 cores that did other work beside, judging {judged:.1f}.

SmolLM2-135M is asked by llama.cpp, with the defaults of `[drift]` (baseline of {baseline} runs, level {alpha}), in two
sizes of canary set:

{sets}

What is swapped, under the same name and with the same settings as far as Fieldmark can see:

{swaps}

A swap comes after a baseline and {baseline} more unchanged runs, so that the window of ten begins as a mixture.
Starts that are counted for one horizon share no swapped run, but share unchanged ones. Intervals are Clopper and
Pearson's, 95%.
The texts' features were chosen on the first 200 runs, and the second statistic was added after about 1,050 runs of all
kinds had been looked at; all of them are among those counted, so the figures flatter the test somewhat.
"""


if __name__ == "__main__":
    raise SystemExit(main())
