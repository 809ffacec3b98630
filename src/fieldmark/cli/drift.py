"""`fieldmark drift`: ask the canary questions, and see whether contenders still answer as they did."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from fieldmark.fields import Member, Roster
    from fieldmark.gateway import Drift, DriftView

group = typer.Typer(
    help="Whether contenders still answer as they did: fixed questions, asked again and again.",
    no_args_is_help=True,
)

FieldFolder = Annotated[Path, typer.Option("--field", help="The field's folder.")]
Names = Annotated[
    list[str] | None, typer.Argument(help="Contenders; without names all of the field's.", show_default=False)
]
Format = Annotated[Literal["table", "json"], typer.Option("--format", help="json is for programs.")]


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark drift`."""
    app.add_typer(group, name="drift")


@group.command()
def run(
    names: Names = None,
    field: FieldFolder = Path(),
    runs: Annotated[int, typer.Option(min=1, max=1000, help="Runs of each, one after another.")] = 1,
) -> None:
    """Ask contenders the canary questions now, and compare the answers. Exit 1 if one no longer answers as it did.

    The first runs (10, unless `baseline` in [drift] says otherwise) are what later ones are compared with: `--runs 11`
    is a baseline and a first comparison.
    """

    async def work(drift: Drift, members: list[Member]) -> None:
        for member in members:
            for number in range(runs):
                if sys.stderr.isatty():
                    print(f"{member.name}: run {number + 1} of {runs}", file=sys.stderr)
                drift.begin(member.digest)
                await drift.wait()

    _show(_do(field, names, work), "table")


@group.command()
def status(names: Names = None, field: FieldFolder = Path(), form: Format = "table") -> None:
    """Say what is known, without asking anything. Exit 1 if a contender no longer answers as it did."""

    async def work(_: Drift, __: list[Member]) -> None:
        pass

    _show(_do(field, names, work), form)


@group.command()
def acknowledge(
    name: Annotated[str, typer.Argument(help="The contender.")], field: FieldFolder = Path()
) -> None:
    """Note that somebody looked at an alarm. The next run begins a new baseline."""
    from fieldmark.fields import SYSTEM

    async def work(drift: Drift, members: list[Member]) -> None:
        await drift.acknowledge(members[0].digest, actor=SYSTEM)

    _show(_do(field, [name], work), "table")


def _do(
    folder: Path, names: list[str] | None, work: Callable[[Drift, list[Member]], Awaitable[None]]
) -> list[DriftView]:
    async def done() -> list[DriftView]:
        async with _opened(folder) as (drift, roster):
            members = [roster.named(name) for name in names or ()] or roster.talkers
            await work(drift, members)
            return await asyncio.to_thread(lambda: [drift.view(m.digest) for m in members])

    return asyncio.run(done())


@asynccontextmanager
async def _opened(folder: Path) -> AsyncGenerator[tuple[Drift, Roster], None]:
    from fieldmark.fields import Roster, load_field, open_ledger
    from fieldmark.gateway import Drift
    from fieldmark.reports import count_costs

    field = load_field(folder)
    with open_ledger(field) as ledger:
        roster = Roster(ledger)
        drift = Drift(ledger, roster, field)
        try:
            await roster.sync(field)
            await count_costs(ledger, roster)
            yield drift, roster
        finally:
            await drift.close()
            await roster.close()


def _show(views: list[DriftView], form: str) -> None:
    if form == "json":
        import json

        print(json.dumps([view.model_dump() for view in views], indent=2))
    else:
        for view in views:
            print(f"{view.contender}: {view.state}\n  {view.message}")
            print(
                f"  last asked: {view.last_run or 'never'}"
                + (f"; next: {view.next_run}" if view.next_run else "")
            )
    if any(view.state == "alarm" for view in views):
        raise typer.Exit(1)
