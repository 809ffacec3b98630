"""`fieldmark worker`: play trials of shared runs, beside other workers on this or any other machine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fieldmark.scorecards import TrialKey


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark worker`."""
    app.command()(worker)


def worker(
    field: Annotated[Path, typer.Option("--field", help="The field's folder.")] = Path(),
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Trials played at once.")] = 4,
    grace: Annotated[float, typer.Option(min=0, help="Seconds that trials under way get at the end.")] = 60.0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing of each trial.")] = False,
) -> None:
    """Play trials of runs that were started with `fieldmark score run --shared`, until it is interrupted.

    Any number of them, on any machines that reach the field's PostgreSQL (FIELDMARK_DATABASE_URL) and have the same
    field folder. Interrupt it once to finish what is being played, twice to leave at once: others then take it over.
    """
    asyncio.run(_work(field, at_once, grace, quiet))


async def _work(folder: Path, at_once: int, grace: float, quiet: bool) -> None:
    from fieldmark.fields import database_of
    from fieldmark.scorecards import Worker, queue_url

    url = queue_url(database_of(folder))
    stopping = asyncio.Event()
    _listen(stopping)

    def heard(key: TrialKey, outcome: str) -> None:
        if not quiet:
            print(
                f"{key.task}{f' ({key.variant})' if key.variant else ''}, trial {key.trial}: {outcome}",
                flush=True,
            )

    from fieldmark.cli.score import opened_runs

    async with opened_runs(folder) as runs:
        found = Worker(url, runs.ledger, runs.ground_of, runs.look, runs.refresh, at_once, heard, grace)
        print(f"{at_once} trials at once; interrupt to stop", file=sys.stderr, flush=True)
        await found.work(stopping)


def _listen(stopping: asyncio.Event) -> None:
    def stop() -> None:
        if stopping.is_set():
            os._exit(130)  # as after a crash: whoever lives on takes over
        stopping.set()
        print("finishing what is being played; interrupt again to leave at once", file=sys.stderr, flush=True)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
