"""Scorecards, runs and trials in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from fieldmark.cli.cases import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from fieldmark.scorecards.views import (
        Comparison,
        ContenderScore,
        Estimate,
        RunView,
        ScorecardView,
        TrialEvent,
        TrialPage,
        TrialView,
    )

_LONGEST = 2_000
"""Characters shown of one event."""


def scores(found: Sequence[ContenderScore], confidence: float) -> None:
    """One line for each contender, and what would make the interval narrower."""
    from rich.table import Table

    console = _console()
    # What all of them have, so that the column compares like with like.
    most = min((max(point.k for point in score.curve) for score in found if score.curve), default=1)
    columns: dict[str, Callable[[ContenderScore], str]] = {
        "passes": lambda score: "-" if score.rate is None else f"{score.rate.value:.1%}",
        f"{confidence:.0%} interval": lambda score: _bounds(score.rate),
        "pass/fail/void": lambda score: f"{score.share.passed}/{score.share.failed}/{score.share.void}",
    }
    if most > 1:
        columns[f"pass^{most}"] = lambda score: _share(
            next((p.all for p in score.curve if p.k == most), None)
        )
    if any(score.consistency for score in found):
        columns["alike"] = lambda score: _share(score.consistency)
    columns["s/pass"] = lambda score: _seconds(score.seconds_per_pass)
    if any(score.cost_per_pass is not None for score in found):
        columns["cost/pass"] = lambda score: _number(score.cost_per_pass)
    table = Table(box=None, pad_edge=False)
    table.add_column("contender", overflow="fold")
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for score in found:
        table.add_row(printable(score.name), *(cell(score) for cell in columns.values()))
    if _fits(console, table):
        console.print(table)
    else:
        _one_below_the_other(console, found, columns)
    for score in found:
        _beneath(console, score)
    if "alike" in columns:
        console.print("alike: how often two wordings of a task end alike", style="dim", highlight=False)


def _beneath(console: Console, score: ContenderScore) -> None:
    """What no column says of it."""
    told = f"over {_count(score.tasks, 'task')}" if score.tasks else "no verdicts yet"
    said = [told + (f"; {score.more}" if score.more else "")]
    if (at := score.correlation) is not None:
        said.append(
            f"agreement of one task's trials beyond chance {at.value:.2f} ({at.low:.2f} to {at.high:.2f})"
        )
    if (at := score.change) is not None:
        value, low, high = (f"{100 * each:+.0f}" for each in (at.value, at.low, at.high))
        said.append(f"pass rate from the first to the last trial {value} points ({low} to {high})")
    for words in said:
        console.print(f"{printable(score.name)}: {words}", style="dim", highlight=False)
    if score.gap is not None:
        console.print(f"{printable(score.name)}: {score.gap.said}", highlight=False)


def _one_below_the_other(
    console: Console, found: Sequence[ContenderScore], columns: Mapping[str, Callable[[ContenderScore], str]]
) -> None:
    for score in found:
        console.print(printable(score.name), style="bold", highlight=False)
        for heading, cell in columns.items():
            console.print(f"  {heading}: {cell(score)}", highlight=False)


def ending(view: RunView) -> None:
    """How a run ended."""
    void = f", {view.void} void" if view.void else ""
    how = view.ended or view.state
    detail = f" ({printable(view.detail)})" if view.detail else ""
    _console().print(
        f"run {view.id}: {how}, {view.done} of {view.planned} trials{void}{detail}", highlight=False
    )


def card(view: ScorecardView) -> None:
    """One scorecard."""
    console = _console()
    line = view.line
    console.print(
        f"{printable(line.title)} {line.version}, {_count(line.tasks, 'task')}", style="bold", highlight=False
    )
    if line.trouble:
        console.print(f"cannot be run here: {printable(line.trouble)}", style="bold red", highlight=False)
    if not line.scores:
        console.print(f"no trials yet: fieldmark score run {line.name} CONTENDER...", highlight=False)
        return
    scores(line.scores, view.confidence)
    checked = {"passed": "checked: oracle passes, nop and cheats fail", "failed": "its own checks FAIL"}
    console.print(checked.get(view.checked, "its own checks were not run"), style="dim", highlight=False)
    for each in view.verifiers:
        rate = f"let {each.passed} of {each.wrong} wrong solutions pass" if each.wrong else "not measured"
        bound = "" if each.upper is None else f", at most {each.upper:.1%} (95%)"
        console.print(
            f"verifier {each.kind}, {_count(each.tasks, 'task')}: {rate}{bound}", style="dim", highlight=False
        )


def failing(found: TrialPage) -> None:
    """The first few failing trials of a scorecard, with what `score trial` wants to know."""
    console = _console()
    lines = [line for line in found.trials if line.result in {"fail", "void"}]
    if lines:
        console.print("failing, newest first; `fieldmark score trial ID` shows one:", highlight=False)
    for line in lines:
        wording = f" ({line.variant})" if line.variant else ""
        what = f"{line.task}{wording}, {printable(line.name)}, trial {line.trial}"
        why = printable(line.explanation.split("\n")[0][:100])
        console.print(f"  {line.id}  {what}: {line.result}", highlight=False, soft_wrap=True)
        if why:
            console.print(f"      {why}", style="dim", highlight=False)


def comparison(found: Comparison) -> None:
    """Two contenders."""
    from rich.table import Table

    console = _console()
    console.print(printable(found.said), style="bold", highlight=False)
    pairs = found.a_only + found.b_only + found.both + found.neither
    a, b = printable(found.a.name), printable(found.b.name)
    if pairs:
        console.print(
            f"{pairs} pairs of trials: only {a} passed {found.a_only}, only {b} {found.b_only}, both {found.both},"
            f" neither {found.neither}",
            highlight=False,
        )
    if found.p is not None:
        console.print(
            f"of tasks by majority: only {a} passed {found.a_only_tasks}, only {b} {found.b_only_tasks};"
            f" McNemar p = {found.p:.3g}",
            highlight=False,
        )
    table = Table(box=None, pad_edge=False)
    for heading in ("task", found.a.name, found.b.name, "difference"):
        table.add_column(printable(heading), justify="left" if heading == "task" else "right")
    for pair in found.pairs:
        if pair.difference:
            shares = [f"{s.passed}/{s.passed + s.failed}" for s in (pair.a, pair.b)]
            table.add_row(printable(pair.task), *shares, f"{pair.difference:+.0%}")
    if table.row_count:
        console.print(table)
    console.print(found.power, style="dim", highlight=False)


def runs(found: Sequence[RunView]) -> None:
    """A list of runs."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("run", "began", "scorecard", "contenders", "trials", "void", "state"):
        table.add_column(heading, no_wrap=heading == "run")
    for view in found:
        state = view.ended or view.state
        at = view.at[:16].replace("T", " ")
        names = printable(", ".join(view.contenders))
        table.add_row(
            view.id, at, view.scorecard, names, f"{view.done}/{view.planned}", str(view.void), state
        )
    console = _console()
    if not found:
        print("no runs yet: fieldmark score run SCORECARD CONTENDER...")
    elif _fits(console, table):
        console.print(table)
    else:  # an id that is cut off is of no use
        for view in found:
            void = f", {view.void} void" if view.void else ""
            names = printable(", ".join(view.contenders))
            console.print(view.id, style="bold", highlight=False, soft_wrap=True)
            console.print(
                f"  {view.at[:16].replace('T', ' ')}  {view.scorecard}: {names};"
                f" {view.done}/{view.planned} trials{void}, {view.ended or view.state}",
                highlight=False,
            )


def trial(view: TrialView) -> None:
    """One trial with its transcript."""
    console = _console()
    line = view.line
    wording = f" ({line.variant})" if line.variant else ""
    again = f", attempt {line.attempt}" if line.attempt > 1 else ""
    what = f"{view.scorecard}: {line.task}{wording}, {printable(line.name)}, trial {line.trial}{again}"
    console.print(f"{what}: {line.result or 'no verdict'}", style="bold", highlight=False)
    if view.sealed:
        console.print("a sealed task: nothing of its text is kept", highlight=False)
    for event in view.events:
        console.print(_event(event), highlight=False)
    for each in view.artifacts:
        console.print(
            f"left {printable(each.path)}, {each.size} bytes {printable(each.note)}".rstrip(), highlight=False
        )
    if view.explanation:
        console.print(f"verdict: {_lines(view.explanation)}", highlight=False)
    cost = "" if line.cost is None else f", cost {line.cost:g}"
    console.print(
        f"{line.ended}{f' ({line.failure})' if line.failure else ''}, {_count(line.steps, 'step')},"
        f" {_count(line.calls, 'call')}, {line.ms / 1000:.1f} s{cost}; record {view.index}",
        style="dim",
        highlight=False,
    )


def _event(event: TrialEvent) -> str:
    data = event.data
    match event.kind:
        case "call":
            text = f"{data.get('name')}({json.dumps(data.get('arguments'), ensure_ascii=False)})"
        case "result":
            text = f"{'refused: ' if data.get('error') else ''}{data.get('text', '')}"
        case "picture":
            text = str(data.get("path", ""))
        case _:
            text = str(data.get("text", ""))
    return f"{event.ms / 1000:8.2f} {event.kind:>7}  {_lines(text)}"


def _lines(text: str) -> str:
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + f" [{len(text) - _LONGEST} more characters]"
    return "\n                  ".join(printable(each) for each in shown.split("\n"))


def _bounds(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.low:.1%}–{estimate.high:.1%}"


def _share(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _seconds(value: float | None) -> str:
    return "<0.01" if value is not None and value < 0.01 else _number(value)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _fits(console: Console, table: Table) -> bool:
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(width=10_000), table).maximum <= console.width


def _console() -> Console:
    from rich.console import Console

    return Console(markup=False, emoji=False)  # a name may look like markup
