"""`fieldmark votes`: votes out of a field and into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

group = typer.Typer(help="Votes of a field: export, import.", no_args_is_help=True)

FieldFolder = Annotated[Path, typer.Option("--field", help="The field's folder.")]


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark votes`."""
    app.add_typer(group, name="votes")


@group.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; - is standard output.", show_default=False)],
    form: Annotated[
        Literal["jsonl", "csv", "parquet", "dpo", "arena"],
        typer.Option(
            "--format",
            help="dpo: preference pairs (prompt, chosen, rejected) as JSONL; arena: as in Chatbot Arena's data sets.",
        ),
    ] = "jsonl",
    stratum: Annotated[
        list[str] | None,
        typer.Option(
            help="live, shadow, imported or judge; may be given again. Without it live.", show_default=False
        ),
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Only votes of this category.", show_default=False)
    ] = None,
    texts: Annotated[
        bool, typer.Option("--texts", help="In jsonl and parquet: with the conversations that are held.")
    ] = False,
    field: FieldFolder = Path(),
) -> None:
    """Write the votes that count to a file. Retracted votes and open rounds are never in it.

    dpo and arena hold conversations: what people wrote leaves the field with them. Texts that were erased are in none.
    """
    from fieldmark.arena import Wanted, export_votes
    from fieldmark.fields import load_field, open_ledger

    wanted = Wanted(_strata(stratum or ["live"]), category, texts)
    with open_ledger(load_field(field)) as ledger, ledger.read() as snapshot:
        done = export_votes(snapshot, file, form, wanted)
    if str(file) == "-":
        return
    what = "preference pair" if form == "dpo" else "vote"
    print(f"exported {_counted(done.votes, what)} to {file}")
    why = {"tie": "ties and 'both bad'", "partial": "a side was stopped", "no_text": "texts are not held"}
    for reason, number in done.left_out.items():
        print(f"left out {_counted(number, 'vote')}: {why[reason]}")


@group.command(name="import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV, JSONL, Parquet, or Chatbot Arena's form.", show_default=False)
    ],
    texts: Annotated[
        bool, typer.Option("--texts/--no-texts", help="Keep the conversations that the file holds.")
    ] = True,
    field: FieldFolder = Path(),
) -> None:
    """Take in the votes of a file, all of them or none, as the stratum 'imported' with a board of its own.

    The kind of file is seen from its content. Contenders are known by name; voters become new pseudonyms.
    """
    from rich.console import Console
    from rich.progress import Progress

    from fieldmark.arena import import_votes
    from fieldmark.fields import load_field, open_ledger

    with (
        open_ledger(load_field(field)) as ledger,
        Progress(console=Console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("importing", total=None)
        done = import_votes(
            ledger, file, texts=texts, progress=lambda n, total: bar.update(task, completed=n, total=total)
        )
    if done.again:
        print("this very file was imported before; nothing was done")
        return
    whose = f" by {_counted(done.voters, 'voter')}" if done.voters else ""
    new = f", {_counted(done.contenders, 'contender')} new" if done.contenders else ""
    print(f"imported {_counted(done.votes, 'vote')}{whose}{new} ({done.kind})")


def _strata(given: list[str]) -> tuple[Literal["live", "shadow", "imported", "judge"], ...]:
    from typing import get_args

    from fieldmark.errors import InputError
    from fieldmark.ledger.evidence import Source

    known = get_args(Source)
    wrong = [each for each in given if each not in known]
    if wrong:
        raise InputError(f"no stratum is called '{wrong[0]}'", hint="strata: " + ", ".join(known))
    return tuple(each for each in known if each in given)


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
