"""`fieldmark keys`: which applications may ask through `/v1` and say what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fieldmark.ledger import Ledger

group = typer.Typer(help="Keys of applications that ask through /v1.", no_args_is_help=True)

FieldOption = Annotated[Path, typer.Option("--field", help="The field's folder.")]
FormatOption = Annotated[str, typer.Option("--format", help="table or json")]


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark keys`."""
    app.add_typer(group, name="keys")


@contextmanager
def _ledger(field: Path) -> Iterator[Ledger]:
    from fieldmark.fields import load_field, open_ledger

    ledger = open_ledger(load_field(field))
    try:
        yield ledger
    finally:
        ledger.close()


@group.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call the application.")],
    field: FieldOption = Path(),
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do: ask, outcome, metrics. Give it once for each; ask and outcome without it."
        ),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="text, json, or secret (only the key itself)")
    ] = "text",
) -> None:
    """Make a key and print its secret, once. The first one closes /v1 to everybody without a key."""
    from typing import cast

    from fieldmark.errors import InputError
    from fieldmark.fields import SYSTEM, Scope, create_key, load_field

    if format_ not in {"text", "json", "secret"}:
        raise InputError(f"unknown format '{format_}'", hint="formats: text, json, secret")
    scopes = cast("list[Scope]", scope or ["ask", "outcome"])
    rules = load_field(field).gateway
    with _ledger(field) as ledger:
        made, secret = ledger.write(lambda now: create_key(now, name, scopes, actor=SYSTEM))
    if format_ == "secret":
        print(secret)
        return
    if format_ == "json":
        import json

        print(json.dumps({"id": made.id, "name": made.name, "scopes": sorted(made.scopes), "secret": secret}))
        return
    print(
        f"{secret}\nThis is the only time it is shown. Key {made.id}, for: {', '.join(sorted(made.scopes))}."
    )
    if "ask" in made.scopes:
        print(f"What it asks is recorded: {_recorded(rules.record, rules.share, rules.consent_header)}.")
        print(f"Taken out before anything is stored: {', '.join(rules.redact) or 'nothing'}.")


def _recorded(record: str, share: float, header: str) -> str:
    match record:
        case "sampled":
            return f"a share of {share:g}, drawn by chance"
        case "consent":
            return f"only with the header `{header}: yes`"
        case _:
            return record


@group.command("list")
def list_(field: FieldOption = Path(), format_: FormatOption = "table") -> None:
    """List every key, revoked ones too, with how much of its work each application reports on."""
    from fieldmark.errors import InputError
    from fieldmark.fields import list_keys
    from fieldmark.gateway import application_counts

    if format_ not in {"table", "json"}:
        raise InputError(f"unknown format '{format_}'", hint="formats: table, json")
    with _ledger(field) as ledger, ledger.read() as snapshot:
        counts = application_counts(snapshot)
        keys = [(key, *counts.get(key.id, (0, 0))) for key in list_keys(snapshot)]
    if format_ == "json":
        import json

        print(
            json.dumps(
                [
                    {**vars(key), "scopes": sorted(key.scopes), "cases": cases, "reported": reported}
                    for key, cases, reported in keys
                ],
                indent=2,
            )
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("key", "name", "may", "made", "used", "cases", "reported", "revoked")
    for key, cases, reported in keys:
        may = ", ".join(sorted(key.scopes))
        dates = [(at or "")[:16].replace("T", " ") for at in (key.created, key.used, key.revoked)]
        table.add_row(key.id, key.name, may, dates[0], dates[1], str(cases), str(reported), dates[2])
    Console(markup=False, emoji=False).print(table)  # a name may look like markup


@group.command()
def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, or the application's name.")],
    field: FieldOption = Path(),
) -> None:
    """End a key. A running server notices within a second; what it is answering with that key ends too."""
    from fieldmark.fields import SYSTEM, revoke_key

    with _ledger(field) as ledger:
        ended = ledger.write(lambda now: revoke_key(now, key, actor=SYSTEM))
    print(f"revoked {ended.id} ({ended.name})")
