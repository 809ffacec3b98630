"""The field that `fieldmark score` works in."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldmark.fields import Roster
    from fieldmark.ledger import Ledger
    from fieldmark.scorecards import Cards, Runs


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
    from fieldmark.fields import Roster, load_field, open_ledger
    from fieldmark.scorecards import Runs

    field = load_field(folder)
    with open_ledger(field) as ledger:
        ledger.presence.show()
        roster = Roster(ledger)
        runs = Runs(ledger, roster, field)
        try:
            await roster.sync(field)
            _load_costs(ledger, roster)
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


def _load_costs(ledger: Ledger, roster: Roster) -> None:
    """What contenders have cost so far counts for their caps."""
    from fieldmark.arena import spent
    from fieldmark.gateway import drift_spent, gateway_spent
    from fieldmark.scorecards import scorecards_spent

    with ledger.read() as snapshot:
        costs = spent(snapshot), gateway_spent(snapshot), drift_spent(snapshot), scorecards_spent(snapshot)
    for member in roster.members:
        member.spent = sum(cost.get(member.digest, 0.0) for cost in costs)
