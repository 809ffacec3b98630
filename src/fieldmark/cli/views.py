"""`fieldmark board` and `fieldmark report`: what the evidence says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldmark.errors import InputError

if TYPE_CHECKING:
    from fieldmark.ledger import Snapshot

FieldOption = Annotated[Path, typer.Option("--field", help="Field folder")]
AtOption = Annotated[
    str | None, typer.Option("--at", help="Ledger head: SIZE, HASH (8 characters or more) or SIZE:HASH")
]


def add_to(app: typer.Typer) -> None:
    """Put the commands into the app."""
    app.command("report")(report)
    app.command("board")(board)


@contextmanager
def _snapshot(folder: Path, at: str | None) -> Iterator[Snapshot]:
    from fieldmark.fields import load_field, open_ledger

    ledger = open_ledger(load_field(folder))
    try:
        with ledger.read() if at is None else ledger.at(at) as snapshot:
            yield snapshot
    finally:
        ledger.close()


def report(
    name: Annotated[str, typer.Argument(help="Contender: its name, or its digest's beginning")],
    field: FieldOption = Path(),
    at: AtOption = None,
    format_: Annotated[str, typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Print a contender's reliability card; the same ledger head gives the same bytes every time."""
    from fieldmark.reports import build_card, card_json, card_text

    if format_ not in {"text", "json"}:
        raise InputError(f"unknown format '{format_}'", hint="formats: text, json")
    with _snapshot(field, at) as snapshot:
        card = build_card(snapshot, name)
    print(card_json(card) if format_ == "json" else card_text(card), end="" if format_ == "text" else "\n")


def board(
    field: FieldOption = Path(),
    category: Annotated[str | None, typer.Option(help="Category id; all without it")] = None,
    model: Annotated[str, typer.Option(help="davidson or bradley-terry")] = "davidson",
    at: AtOption = None,
    format_: Annotated[str, typer.Option("--format", help="table or json")] = "table",
) -> None:
    """Print a field's leaderboard."""
    from typing import get_args

    from fieldmark.arena import Boards
    from fieldmark.cli._board import show
    from fieldmark.fields import Policy, field_as_of
    from fieldmark.statistics import Model

    if model not in get_args(Model):
        raise InputError(f"unknown model '{model}'", hint="models: " + ", ".join(get_args(Model)))
    if format_ not in {"table", "json"}:
        raise InputError(f"unknown format '{format_}'", hint="formats: table, json")
    with _snapshot(field, at) as snapshot:
        rules = field_as_of(snapshot)
        policy = Policy.model_validate(rules.policy) if rules else Policy()
        if category is not None and rules is not None and category not in rules.categories:
            raise InputError(
                f"no category is called '{category}'", hint="known: " + ", ".join(rules.categories)
            )
        found = Boards().standings(snapshot, policy, category, model).board  # type: ignore[arg-type]
    print(found.model_dump_json(indent=2)) if format_ == "json" else show(found)
