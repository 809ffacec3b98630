"""`fieldmark cases`: real cases, and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldmark.cli.keys import FieldOption, FormatOption, _ledger

if TYPE_CHECKING:
    from fieldmark.gateway.views import OutcomeTable, Rate

group = typer.Typer(help="Real cases, and what became of them.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark cases`."""
    app.add_typer(group, name="cases")


@group.command("list")
def list_(
    field: FieldOption = Path(),
    state: Annotated[str, typer.Option(help="waiting, reported or all")] = "waiting",
    category: Annotated[str | None, typer.Option(help="Category id; all without it")] = None,
    before: Annotated[str | None, typer.Option(help="Only those older than the case of this id")] = None,
    limit: Annotated[int, typer.Option(help="Most of them, up to 200")] = 50,
    format_: FormatOption = "table",
) -> None:
    """List cases, newest first."""
    from typing import get_args

    from fieldmark.errors import InputError
    from fieldmark.fields import list_keys
    from fieldmark.gateway import Which, case_page

    if state not in get_args(Which):
        raise InputError(f"unknown state '{state}'", hint="states: " + ", ".join(get_args(Which)))
    if format_ not in {"table", "json"}:
        raise InputError(f"unknown format '{format_}'", hint="formats: table, json")
    with _ledger(field) as ledger, ledger.read() as snapshot:
        names = {key.id: key.name for key in list_keys(snapshot)}
        page = case_page(
            snapshot,
            names,
            state,  # type: ignore[arg-type]
            category=category,
            before=before,
            limit=limit,
        )
    if format_ == "json":
        print(page.model_dump_json(indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("case", "came in", "category", "state", "asked")
    for line in page.cases:
        told = line.result or line.state
        at = line.at[:16].replace("T", " ")
        table.add_row(line.id, at, line.category or "", told, printable(line.preview))
    Console(markup=False, emoji=False).print(table)
    print(
        f"{page.waiting} waiting for somebody to say what became of them"
        + (", more follow" if page.more else "")
    )


def printable(text: str) -> str:
    """A text of somebody else's as a terminal may show it: it moves no cursor, and turns no line around."""
    return "".join(c if c.isprintable() or c == "\u200d" else " " if c.isspace() else "\ufffd" for c in text)


@group.command()
def outcome(
    case: Annotated[str, typer.Argument(help="The case's id.")],
    result: Annotated[str, typer.Argument(help="solved, accepted, edited, rejected or harm")],
    field: FieldOption = Path(),
    edit: Annotated[Path | None, typer.Option(help="With edited: file with the text as it was used")] = None,
    number: Annotated[float | None, typer.Option(help="A number of your own, such as minutes saved")] = None,
    note: Annotated[str | None, typer.Option(help="Anything else, in words")] = None,
) -> None:
    """Say what became of a case. The newest word holds; all are kept."""
    from typing import get_args

    from fieldmark.errors import InputError
    from fieldmark.fields import SYSTEM, load_field
    from fieldmark.gateway import Redactor, Report
    from fieldmark.ledger.evidence import Result

    if result not in get_args(Result):
        raise InputError(f"unknown outcome '{result}'", hint="outcomes: " + ", ".join(get_args(Result)))
    text = None
    if edit is not None:
        try:
            text = edit.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{edit} cannot be read: {error}", hint="a text file in UTF-8") from None
    report = Report(case, SYSTEM, result, text, number, note)  # type: ignore[arg-type]
    redactor = Redactor(load_field(field).gateway)
    with _ledger(field) as ledger:
        done = report.write(ledger, redactor)
    changed = "" if done.changed is None else f", {done.changed:.0%} of the words changed"
    print(f"{done.result}{changed}; record {done.id}")


@group.command()
def rates(
    field: FieldOption = Path(),
    category: Annotated[str | None, typer.Option(help="Category id; all without it")] = None,
    format_: FormatOption = "table",
) -> None:
    """Print what became of every contender's cases: rates with exact intervals."""
    from fieldmark.errors import InputError
    from fieldmark.fields import load_field
    from fieldmark.gateway import outcome_table

    if format_ not in {"table", "json"}:
        raise InputError(f"unknown format '{format_}'", hint="formats: table, json")
    with _ledger(field) as ledger, ledger.read() as snapshot:
        found = outcome_table(snapshot, load_field(field).policy.confidence, category)
    print(found.model_dump_json(indent=2)) if format_ == "json" else _show(found)


def _show(found: OutcomeTable) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "contender", "cases", "not reported", "solved or accepted", "edited", "rejected", "harm", "failed"
    )
    for row in found.rows:
        shares = [_rate(each) for each in (row.solved, row.edited, row.rejected, row.harm, row.failed)]
        table.add_row(row.name, str(row.cases), str(row.not_reported), *shares)
    Console(markup=False, emoji=False).print(table)
    print(f"{found.confidence:.0%} intervals; the policy chose who answered which case, not chance")


def _rate(rate: Rate | None) -> str:
    return "-" if rate is None else f"{rate.value:.0%} ({rate.lower:.0%} to {rate.upper:.0%}) of {rate.of}"
