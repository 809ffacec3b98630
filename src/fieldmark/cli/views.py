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
    str | None, typer.Option("--at", help="Ledger head: SIZE, or SIZE:HASH (8 or more characters of it)")
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

    _check_one_of("format", format_, ("text", "json"))
    with _snapshot(field, at) as snapshot:
        card = build_card(snapshot, name)
    print(card_json(card) if format_ == "json" else card_text(card), end="" if format_ == "text" else "\n")


def board(
    field: FieldOption = Path(),
    category: Annotated[str | None, typer.Option(help="Category id; all without it")] = None,
    model: Annotated[str, typer.Option(help="davidson or bradley-terry")] = "davidson",
    stratum: Annotated[
        str, typer.Option(help="Where the votes come from: live, shadow or imported")
    ] = "live",
    at: AtOption = None,
    format_: Annotated[str, typer.Option("--format", help="table or json")] = "table",
) -> None:
    """Print a field's leaderboard; beneath the live one, what became of real cases. Strata of votes are never mixed."""
    from typing import get_args

    from fieldmark.arena import Boards
    from fieldmark.arena.views import Stratum
    from fieldmark.cli._board import show, show_field
    from fieldmark.fields import Policy, field_as_of
    from fieldmark.reports import field_columns
    from fieldmark.statistics import Model

    for what, given, known in (
        ("model", model, get_args(Model)),
        ("format", format_, ("table", "json")),
        ("stratum", stratum, get_args(Stratum)),
    ):
        _check_one_of(what, given, known)
    with _snapshot(field, at) as snapshot:
        rules = field_as_of(snapshot)
        policy = Policy.model_validate(rules.policy) if rules else Policy()
        if category is not None and rules is not None and category not in rules.categories:
            raise InputError(
                f"no category is called '{category}'", hint="known: " + ", ".join(rules.categories)
            )
        boards = Boards()
        found = boards.standings(snapshot, policy, category, model, stratum).board  # type: ignore[arg-type]
        columns = field_columns(snapshot, policy, category, boards=boards)
    if format_ == "json":
        print(found.model_dump_json(indent=2))
        return
    show(found)
    if stratum == "live":
        show_field(found, columns)


def _check_one_of(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InputError(
            f"unknown {what} '{given}'",
            hint=("strata" if what == "stratum" else f"{what}s") + ": " + ", ".join(known),
        )
