"""`fieldmark score`: have contenders do tasks again and again, and read how well they did."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from fieldmark.cli._score_field import FieldFolder, Format, field_folder, opened_runs, reading

group = typer.Typer(
    help="Scorecards: contenders do tasks, tests verify them, again and again.", no_args_is_help=True
)

Scorecard = Annotated[str, typer.Argument(help="Name of a task set, or its folder.")]
_FAILING = 3  # trials that `show` names

__all__ = ["add_to", "field_folder", "group", "opened_runs"]


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark score`."""
    from fieldmark.cli import _score_inspect, _score_seal, _score_sets

    _score_sets.add_to(group)
    _score_seal.add_to(group)
    _score_inspect.add_to(group)
    app.add_typer(group, name="score")


@group.command()
def run(  # noqa: PLR0913, PLR0917 (each is an option)
    scorecard: Annotated[
        str | None, typer.Argument(help="Name of a task set, or its folder.", show_default=False)
    ] = None,
    contenders: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names of the field's contenders, or: oracle, nop, seeded:P[,correlation=R][,change=D].",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Trials of each task and wording; 8 unless [scorecards] says otherwise."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="+-5%", help="Stop early once the interval of every contender's pass rate is this narrow."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Trials played at once.")] = None,
    tasks: Annotated[
        list[str] | None, typer.Option(help="Only the task of this id, or those with this tag (repeatable).")
    ] = None,
    variants: Annotated[
        bool | None, typer.Option("--variants/--no-variants", help="Try the tasks' other wordings too.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Every trial's seed comes from it; drawn without it.")
    ] = None,
    calling: Annotated[
        Literal["native", "grammar"] | None,
        typer.Option(help="How models call tools; without it as a probe of each one finds."),
    ] = None,
    fail_under: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Exit 1 when the lower bound of a contender's interval is under this share."
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    continued: Annotated[
        str | None,
        typer.Option(
            "--continue",
            metavar="RUN",
            help="Go on with a run that was interrupted; of one that has ended, say what came out.",
        ),
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Do not run the set's own checks (oracle, nop, cheats) first.")
    ] = False,
    shared: Annotated[
        bool, typer.Option("--shared", help="Have `fieldmark worker` processes play the trials (PostgreSQL).")
    ] = False,
    field: FieldFolder = None,
    form: Format = "table",
) -> None:
    """Have contenders do every task of a scorecard, and print how reliably they pass.

    Ctrl-C pauses: what has its verdict is kept, and `--continue RUN` does the rest.
    """
    from fieldmark.cli import _score_run

    order = _score_run.Order(
        scorecard=scorecard,
        contenders=contenders or [],
        trials=trials,
        until=_score_run.half_width(until),
        workers=workers,
        tasks=tasks,
        variants=variants,
        seed=seed,
        calling=calling,
        fail_under=fail_under,
        junit=junit,
        continued=continued,
        unchecked=unchecked,
        shared=shared,
        form=form,
    )
    raise typer.Exit(asyncio.run(_score_run.run(field_folder(field), order)))


@group.command()
def show(scorecard: Scorecard, field: FieldFolder = None, form: Format = "table") -> None:
    """Print a scorecard: every contender's pass rate with its interval, all runs together; then some failures."""
    from fieldmark.cli import _score_show
    from fieldmark.scorecards import Filter

    with reading(field_folder(field)) as (cards, runs):
        name = runs.catalogue.named(scorecard)
        card = cards.card(name, runs.views(name))
        worst = cards.trials(name, Filter(), "failing", None, _FAILING)
    if form == "json":
        print(card.model_dump_json(indent=2))
    else:
        _score_show.card(card)
        _score_show.failing(worst)


@group.command()
def compare(
    scorecard: Scorecard,
    a: Annotated[str, typer.Argument(help="Name of a contender, or the beginning of its digest.")],
    b: Annotated[str, typer.Argument(help="Another one.")],
    field: FieldFolder = None,
    form: Format = "table",
) -> None:
    """Print whether one contender is better than another on the tasks that both did, or tied."""
    from fieldmark.cli import _score_show

    with reading(field_folder(field)) as (cards, runs):
        found = cards.compare(runs.catalogue.named(scorecard), a, b)
    if form == "json":
        print(found.model_dump_json(indent=2))
    else:
        _score_show.comparison(found)


@group.command()
def runs(
    scorecard: Annotated[
        str | None, typer.Argument(help="Only runs of this task set.", show_default=False)
    ] = None,
    field: FieldFolder = None,
    form: Format = "table",
) -> None:
    """List runs, newest first."""
    from fieldmark.cli import _score_show

    with reading(field_folder(field)) as (_, known):
        found = known.views(scorecard)
    if form == "json":
        print("[" + ",\n".join(each.model_dump_json(indent=2) for each in found) + "]")
    else:
        _score_show.runs(found)


@group.command()
def trial(
    trial: Annotated[str, typer.Argument(help="Id of a trial.")],
    field: FieldFolder = None,
    form: Format = "table",
) -> None:
    """Print one trial: what was said and done, what it left, and the verdict."""
    from fieldmark.cli import _score_show

    with reading(field_folder(field)) as (cards, _):
        found = cards.trial(trial)
    if form == "json":
        print(found.model_dump_json(indent=2))
    else:
        _score_show.trial(found)


@group.command()
def bundle(
    scorecard: Scorecard,
    out: Annotated[Path, typer.Argument(help="The file to be written, such as scores.zip.")],
    field: FieldFolder = None,
) -> None:
    """Write a scorecard with its trials as a zip to share: unpack it and open index.html, no server needed.

    Everything of it that is kept is in there, transcripts too, except sealed tasks.
    """
    from fieldmark.scorecards import write_bundle

    with reading(field_folder(field)) as (cards, known):
        name = known.catalogue.named(scorecard)
        size = write_bundle(cards, name, known.views(name), out)
    print(f"{out}: {size} trials")
