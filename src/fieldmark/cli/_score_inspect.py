"""`fieldmark score export` and `import`: runs as Inspect's `.eval` logs, and such logs as evidence."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from fieldmark.cli._score_field import FieldFolder, field_folder, opened_runs


def add_to(group: typer.Typer) -> None:
    """Add both commands to `fieldmark score`."""
    group.command("export")(export)
    group.command("import")(import_)


def export(
    run: Annotated[str, typer.Argument(help="Id of a run; `fieldmark score runs` lists them.")],
    folder: Annotated[Path, typer.Argument(help="Where to: one .eval file for each contender.")],
    field: FieldFolder = None,
) -> None:
    """Write the trials of a run as `.eval` logs, which Inspect reads and views. Needs the extra `inspect`."""
    from fieldmark.scorecards.inspect import export_logs

    async def work() -> list[Path]:
        async with opened_runs(field_folder(field)) as runs:
            with runs.ledger.read() as snapshot:
                return await asyncio.to_thread(export_logs, snapshot, run, folder)

    for path in asyncio.run(work()):
        print(path)


def import_(
    file: Annotated[Path, typer.Argument(help="A log of Inspect's (.eval or .json).")],
    field: FieldFolder = None,
) -> None:
    """Take an Inspect log in as a run that was played elsewhere, all of it or nothing. Needs the extra `inspect`."""
    from fieldmark.scorecards.inspect import import_log

    async def work() -> tuple[str, str, int]:
        async with opened_runs(field_folder(field)) as runs:
            run = await asyncio.to_thread(import_log, runs.ledger, file)
            view = await asyncio.to_thread(runs.view, run)
            return run, view.scorecard, view.done + view.void

    run, name, trials = asyncio.run(work())
    print(f"run {run}: {trials} trials of {name}")
