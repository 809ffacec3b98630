"""The field that `fieldmark score` works in, and the options that its commands share."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from fieldmark.scorecards import Cards, Runs

FieldFolder = Annotated[
    Path | None,
    typer.Option("--field", help="The field's folder; without it the one here, else the starter field."),
]
Format = Annotated[Literal["table", "json"], typer.Option("--format", help="json is for programs.")]


def field_folder(given: Path | None) -> Path:
    """The field given, the one here, or the starter field, made in the user's data folder when it is not there."""
    from platformdirs import user_data_path

    from fieldmark.fields import create_field

    if given is not None:
        return given
    if Path("field.toml").exists():
        return Path()
    starter = user_data_path("fieldmark", appauthor=False) / "starter"
    made = not (starter / "field.toml").exists()
    if made:
        create_field(starter, example="starter")
    words = "made the starter field in" if made else "using the starter field in"
    print(f"no field.toml here and no --field: {words} {starter}", file=sys.stderr)
    return starter


@asynccontextmanager
async def opened_runs(folder: Path) -> AsyncGenerator[Runs, None]:
    """Runs of a field in this process, with its contenders. What is under way at the end pauses."""
    from fieldmark.fields import FieldWatch, Roster, open_ledger
    from fieldmark.reports import count_costs
    from fieldmark.scorecards import Runs

    watch = FieldWatch(folder)
    with open_ledger(watch.current) as ledger:
        ledger.presence.show()
        roster = Roster(ledger)
        runs = Runs(ledger, roster, watch.current)

        async def refresh() -> None:
            if await asyncio.to_thread(watch.poll):
                runs.field = watch.current
                await roster.sync(runs.field)
            await count_costs(ledger, roster)

        runs.refresh = refresh
        try:
            await roster.sync(runs.field)
            await count_costs(ledger, roster)
            yield runs
        finally:
            await runs.close()
            await roster.close()


@contextmanager
def reading(folder: Path) -> Iterator[tuple[Cards, Runs]]:
    """Scorecards and runs of a field, to be looked at."""
    from fieldmark.fields import Roster, load_field, open_ledger
    from fieldmark.scorecards import Cards, Runs

    field = load_field(folder)
    with open_ledger(field) as ledger:
        runs = Runs(ledger, Roster(ledger), field)
        cards = Cards(ledger, runs.catalogue)
        cards.follow(field)
        yield cards, runs
