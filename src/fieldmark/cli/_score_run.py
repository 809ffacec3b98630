"""A run on the command line: its progress, what comes of it, and what a CI job makes of that."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.cli._score_field import opened_runs
from fieldmark.errors import InputError, LedgerUnavailable

if TYPE_CHECKING:
    from fieldmark.scorecards import Cards, Runs
    from fieldmark.scorecards.views import Calling, ContenderScore, RunView

PAUSED = 130
"""Exit status after an interruption."""
_LINE_SECONDS = 10.0


@dataclass(frozen=True)
class Order:
    """What the command line asks for."""

    scorecard: str | None
    contenders: Sequence[str]
    trials: int | None = None
    until: float | None = None
    workers: int | None = None
    tasks: Sequence[str] | None = None
    variants: bool | None = None
    seed: int | None = None
    calling: Calling | None = None
    fail_under: float | None = None
    junit: Path | None = None
    continued: str | None = None
    unchecked: bool = False
    shared: bool = False
    form: str = "table"


def half_width(text: str | None) -> float | None:
    """`+-5%`, `±5%`, `5%` or `0.05` as 0.05.

    Raises:
        InputError: it is none of these.
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(?:\+-|\+/-|±)?\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*", text)
    value = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < value < 0.5:
        raise InputError(f"--until {text} is no half-width", hint="such as +-5% or 0.05")
    return value


async def run(folder: Path, order: Order) -> int:
    """Do it; the exit status."""
    if order.junit is not None:
        _check_writable(order.junit)
    async with opened_runs(folder) as runs:
        if order.shared:
            _share(runs, folder)
        view = await _begin(runs, order)
        interrupted = await _follow(runs, view.id)
        ended = await asyncio.to_thread(runs.view, view.id)
        if interrupted and ended.state != "ended":
            _say(
                f"\npaused after {ended.done} of {ended.planned} trials; go on with:\n  {_again(ended, folder, order)}"
            )
            return PAUSED
        return await asyncio.to_thread(_report, runs, ended, order, folder)


def _check_writable(path: Path) -> None:
    """Before the trials, which may take hours."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists()
        with path.open("ab"):
            pass
        if fresh:
            path.unlink()
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}", hint="name another file with --junit"
        ) from None


def _share(runs: Runs, folder: Path) -> None:
    from functools import partial

    from fieldmark.fields import database_of
    from fieldmark.scorecards import SharedRun, prepare, queue_url

    url = queue_url(database_of(folder))
    prepare(url)
    runs.work = partial(SharedRun, url=url)


async def _begin(runs: Runs, order: Order) -> RunView:
    from fieldmark.scorecards import Wanted

    if order.continued is not None:
        _check_alone(order)
        view = await asyncio.to_thread(runs.view, order.continued)
        if order.scorecard is not None and (name := runs.catalogue.named(order.scorecard)) != view.scorecard:
            raise InputError(f"this run is of '{view.scorecard}', not of '{name}'")
        if view.state == "ended":
            return view  # nothing is left to do but to say what came out
        return await runs.resume(order.continued, workers=order.workers, unchecked=order.unchecked)
    if order.scorecard is None:
        raise InputError(
            "name a scorecard and contenders",
            hint="fieldmark score run SCORECARD CONTENDER...; see `fieldmark score list`",
        )
    wanted = Wanted(
        runs.catalogue.named(order.scorecard),
        order.contenders,
        trials=order.trials,
        until=order.until,
        tasks=order.tasks,
        variants=order.variants,
        seed=order.seed,
        unchecked=order.unchecked or order.scorecard.startswith("inspect:"),  # its checks are Inspect's own
        calling=order.calling,
    )
    return await runs.start(wanted, workers=order.workers)


def _check_alone(order: Order) -> None:
    given = {
        "contenders": order.contenders,
        "--trials": order.trials,
        "--until": order.until,
        "--tasks": order.tasks,
        "--variants": order.variants,
        "--seed": order.seed,
        "--calling": order.calling,
    }
    for name, value in given.items():
        if value not in (None, [], ()):
            raise InputError(
                f"{name} cannot be given with --continue: the run goes on as it began",
                hint=f"fieldmark score run --continue {order.continued}, or begin a new run",
            )


async def _follow(runs: Runs, run: str) -> bool:
    """Show how it goes until it is over; whether somebody interrupted it."""
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        if interrupted:
            signal.raise_signal(
                signal.SIGKILL
            )  # twice: at once, as after a crash; the run can be continued all the same
        interrupted = True
        runs.pause(run)

    loop = asyncio.get_running_loop()
    with _listening(loop, stop), _progress() as show:
        waiting = asyncio.ensure_future(runs.wait(run))
        while not waiting.done():
            with suppress(LedgerUnavailable):  # a shared run waits for a database that is away
                show(await asyncio.to_thread(runs.view, run))
            await asyncio.wait([waiting], timeout=0.5)
        show(await asyncio.to_thread(runs.view, run))
    return interrupted


@contextmanager
def _listening(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Iterator[None]:
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def _progress() -> Iterator[Callable[[RunView], None]]:
    if not sys.stderr.isatty():
        yield _Lines().show
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("")

        def show(view: RunView) -> None:
            from fieldmark.cli.cases import printable

            void = f"{view.void} void; " if view.void else ""
            doing = escape(printable(view.doing[0] if view.doing else ""))
            progress.update(bar, total=view.planned, completed=view.done, description=f"{void}{doing}"[:80])

        yield show


class _Lines:
    """A plain line now and then, where nobody can watch a bar."""

    def __init__(self) -> None:
        self._at = 0.0
        self._said: object = None

    def show(self, view: RunView) -> None:
        over = view.state != "running"
        if (not over and time.monotonic() - self._at < _LINE_SECONDS) or self._said == (
            view.done,
            view.void,
            over,
        ):
            return
        self._at, self._said = time.monotonic(), (view.done, view.void, over)
        void = f", {view.void} void" if view.void else ""
        _say(f"{view.scorecard}: {view.done} of {view.planned} trials{void}")


def _report(runs: Runs, view: RunView, order: Order, folder: Path) -> int:
    from fieldmark.cli import _score_junit, _score_show
    from fieldmark.scorecards import Cards

    cards = Cards(runs.ledger, runs.catalogue)
    cards.follow(runs.field)
    scores = cards.of_run(view.id)
    if order.form == "json":
        import json

        said = {"run": view.model_dump(), "scores": [score.model_dump() for score in scores]}
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        _score_show.scores(scores, cards.confidence)
        _score_show.ending(view)
    status = _status(view, scores, order, folder, cards)
    if order.junit is not None:
        try:
            _score_junit.write(order.junit, cards, view, scores)
        except InputError as error:
            _say(error.message)
            return 1
    return status


def _status(
    view: RunView,
    scores: Sequence[ContenderScore],
    order: Order,
    folder: Path,
    cards: Cards,
) -> int:
    status = 0
    if view.state != "ended":
        _say(
            f"the run pauses: {view.detail or 'nobody works at it'}\ngo on with:\n  {_again(view, folder, order)}"
        )
        status = 1
    elif view.ended not in {"complete", "precise"}:
        _say(f"the run ended early ({view.ended}): {view.detail}")
        status = 1
    if order.fail_under is None:
        return status
    known = {score.name: score for score in scores}
    undecided, lost = cards.undecided(view.id), cards.lost(view.id)
    for name in view.contenders:
        rate = known[name].rate if name in known else None
        if rate is None:
            _say(f"{name}: no verdicts, so nothing says that it passes {order.fail_under:.1%}")
            status = 1
            continue
        bounds = f"{rate.value:.1%}, interval {rate.low:.1%} to {rate.high:.1%} over {rate.n} tasks"
        under = rate.low < order.fail_under
        verdict = "under" if under else "not under"
        _say(f"{name}: {bounds}; its lower bound is {verdict} {order.fail_under:.1%}")
        if (most := _most(rate.n, cards.confidence)) < order.fail_under:
            _say(
                f"{name}: {rate.n} tasks show at most {most:.1%}, even when every trial passes: it takes more tasks"
            )
        status = 1 if under else status
        if void := known[name].share.void:
            attempts = void + known[name].share.passed + known[name].share.failed
            stays = lost.get(known[name].digest, 0)
            what = "trial stays" if stays == 1 else "trials stay"
            worse = f"; {stays} {what} void, so nothing says that it passes there" if stays else ""
            _say(f"{name}: {void} of {attempts} attempts were void{worse}")
            status = 1 if stays else status
        if without := undecided[known[name].digest]:
            what = "task has" if without == 1 else "tasks have"
            _say(
                f"{name}: {without} {what} no verdict: all trials were void, so nothing says that it passes there"
            )
            status = 1
    return status


def _most(tasks: int, confidence: float) -> float:
    """The highest lower bound that so many tasks can have."""
    from fieldmark.statistics import mean_interval

    return mean_interval([1.0] * tasks, confidence=confidence).lower


def _again(view: RunView, folder: Path, order: Order) -> str:
    named = order.scorecard not in {None, view.scorecard}  # a folder, or a task of Inspect's
    more = f" {shlex.quote(str(order.scorecard))}" if named else ""
    more += " --shared" if order.shared else ""
    more += " --unchecked" if order.unchecked else ""
    more += "" if order.workers is None else f" --workers {order.workers}"
    more += "" if order.fail_under is None else f" --fail-under {order.fail_under:g}"
    more += "" if order.junit is None else f" --junit {shlex.quote(str(order.junit))}"
    more += "" if order.form == "table" else f" --format {order.form}"
    more += "" if folder == Path() else f" --field {shlex.quote(str(folder))}"
    return f"fieldmark score run --continue {view.id}{more}"


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
