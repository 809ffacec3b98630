"""`fieldmark score check|new|list`: task sets, before anybody takes them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldmark.cli._score_field import Format

if TYPE_CHECKING:
    from fieldmark.scorecards import CheckReport

FieldFolder = Annotated[
    Path | None, typer.Option("--field", help="The field's folder; without it the one here, if there is one.")
]

_CONFIDENCE = 0.95


def add_to(group: typer.Typer) -> None:
    """Add the commands to `fieldmark score`."""
    group.command()(check)
    group.command()(new)
    group.command("list")(list_)
    group.command()(power)
    group.command()(calibrate)


def check(
    scorecard: Annotated[str, typer.Argument(help="Name of a task set, or its folder.")],
    field: FieldFolder = None,
    sandbox: Annotated[
        str | None,
        typer.Option(help="Kind of sandbox; as [scorecards] says.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Attempts at once.")] = 2,
    form: Format = "table",
) -> None:
    """Try a task set's own solutions: the oracle has to pass, doing nothing and cheats have to fail.

    Prints how many of the distinct wrong solutions each kind of verifier let pass. Exit 1 if the set must not be used.
    """
    from fieldmark.scorecards import Bench, check_set, load_set, report_openly, save_check

    folder = _folder(field)
    task_set = load_set(scorecard, folder)
    bench = Bench(sandbox or _sandbox_of(folder))
    report = asyncio.run(
        check_set(task_set, bench, _progress if sys.stderr.isatty() else None, workers=workers)
    )
    if folder is not None:
        save_check(report_openly(report, task_set), folder)
    _show(report, form)
    if not report.ok:
        raise typer.Exit(1)


def new(
    name: Annotated[str, typer.Argument(help="Name of the set: lower-case letters, digits, '-'.")],
    field: FieldFolder = None,
) -> None:
    """Make a task set with one task that passes its own checks: in the field's scorecards/, or here without a field."""
    from fieldmark.scorecards import new_set

    folder = _folder(field)
    where = Path() if folder is None else folder / "scorecards"
    for path in new_set(where, name):
        print(path)
    told = name if folder is not None else f"./{name}"
    print(f"\nNow: fieldmark score check {told}")


def list_(field: FieldFolder = None, form: Format = "table") -> None:
    """Say which task sets there are. One that cannot be read is listed with what is wrong with it."""
    from fieldmark.errors import InputError
    from fieldmark.scorecards import find_sets, load_set

    folder, rows = _folder(field), []
    for place in find_sets(folder):
        row: dict[str, object] = {"name": place.name, "source": place.source}
        try:
            found = load_set(place.name, folder)
        except InputError as error:
            row |= {"title": "", "tasks": 0, "trouble": error.message}
        else:
            row |= {"title": found.title, "tasks": len(found.tasks), "digest": found.digest, "trouble": ""}
        rows.append(row)
    if form == "json":
        import json

        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['name']:24} {row['source']:8} {row['tasks']:>4} tasks  {row['title']}")
        if row["trouble"]:
            print(f"    cannot be used: {str(row['trouble']).splitlines()[0]}")


def power(
    scorecard: Annotated[str, typer.Argument(metavar="SCORECARD")],
    trials: Annotated[int, typer.Option(min=1, help="Trials of each task.")] = 8,
    difference: Annotated[
        float | None, typer.Option(min=0.1, max=100, help="A difference in points that would matter.")
    ] = None,
    field: FieldFolder = None,
) -> None:
    """Say before a run what its comparison can find: for pass rates near a half, where it takes most."""
    from fieldmark.scorecards import SPREAD, load_set, told_apart
    from fieldmark.statistics import tasks_needed

    task_set = load_set(scorecard, _folder(field))
    tasks = sum(not task.sealed for task in task_set.tasks)
    print(
        f"{tasks} open tasks, {trials} trials of each; {_CONFIDENCE:.0%} confidence, planned for pass rates near 50%"
    )
    print("two contenders are told apart four times out of five by")
    for spread, how in (
        (0.0, "the same on every task"),
        (SPREAD, f"varying by {100 * SPREAD:.0f} points from task to task"),
    ):
        found = told_apart(tasks, trials, _CONFIDENCE, spread)
        least = "no difference" if found is None else f"a difference of {100 * found:.0f} points"
        print(f"    {least}, {how}", end="")
        if difference is not None:
            needed = tasks_needed(difference / 100, trials, trials, spread, 0.5, confidence=_CONFIDENCE)
            print(f" (for {difference:g} points: about {needed} tasks)", end="")
        print()


def calibrate(
    scorecard: Annotated[str, typer.Argument(metavar="SCORECARD")],
    task: Annotated[str, typer.Argument(metavar="TASK")],
    labels: Annotated[Path, typer.Argument(help="Judgements of people, JSON lines.", dir_okay=False)],
    field: FieldFolder = None,
) -> None:
    """Compare the model judge of a task with judgements of people: only one that agrees with them counts.

    A line is {"instruction", "answer", "passes"} or {"instruction", "answer", "other", "better": a, b or tie}. What is
    found is kept beside the task. Exit 1 when the judge does not count all the same.
    """
    from fieldmark.errors import InputError
    from fieldmark.scorecards import judges_of, load_set
    from fieldmark.scorecards.verifiers import calibrate as compare
    from fieldmark.scorecards.verifiers import read_labels

    if not labels.is_file():
        raise InputError(f"there is no file '{labels}'", hint="judgements of people, one JSON table a line")
    judges = list(judges_of(load_set(scorecard, _folder(field)).task(task).verifier))
    if not judges:
        raise InputError(f"task '{task}' has no model judge", hint="a check of kind model_judge")
    known, counts = read_labels(labels), True
    for judge in judges:
        found = asyncio.run(compare(judge, known))
        found.save(judge.kept_at)
        print(
            f"agrees with people in {found.agreement:.0%} ({found.lower:.0%} to {found.upper:.0%}) of {found.labels},"
            f" kappa {found.kappa:.2f} ({found.kappa_lower:.2f} to {found.kappa_upper:.2f}); kept in {judge.kept_at}"
        )
        why_not = judge.uncalibrated()
        print(why_not or "it counts")
        counts = counts and not why_not
    if not counts:
        raise typer.Exit(1)


def _folder(given: Path | None) -> Path | None:
    if given is not None:
        return given
    return Path() if Path("field.toml").exists() else None


def _sandbox_of(folder: Path | None) -> str:
    if folder is None or not (folder / "field.toml").exists():
        return "bubblewrap"
    from fieldmark.fields import load_field

    return load_field(folder).scorecards.sandbox


def _progress(done: int, total: int, last: str) -> None:
    print(
        f"\r\x1b[K{done} of {total}  {last[:60]}",
        end="" if done < total else "\n",
        file=sys.stderr,
        flush=True,
    )


def _show(report: CheckReport, form: str) -> None:
    if form == "json":
        import json

        print(json.dumps(report.as_json(), indent=2))
        return
    print(f"{report.name} {report.digest[:12]}: {report.tasks} tasks, {report.attempts} attempts")
    for kind in report.kinds:
        few = "  (too few)" if kind.few else ""
        print(
            f"  {kind.kind:12} let {kind.passed} of {kind.wrong} wrong solutions pass, at most {kind.upper:.1%}{few}"
        )
    for note in report.notes:
        print(f"  note: {note}")
    for problem in report.problems:
        print(f"  wrong: {problem}")
    print("This set may be used." if report.ok else "This set must not be used.")
