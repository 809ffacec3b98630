"""`fieldmark ledger`: what the head is, whether everything still holds, moving records out and in."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fieldmark.ledger import Ledger, Progress, Verification

group = typer.Typer(help="The evidence of a field: head, verification, export, import.", no_args_is_help=True)

FieldFolder = Annotated[Path, typer.Option("--field", help="The field's folder.")]
Texts = Annotated[Path | None, typer.Option(help="File of the texts, one a line.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark ledger`."""
    app.add_typer(group, name="ledger")


@group.command()
def head(field: FieldFolder = Path()) -> None:
    """Print the head, SIZE:HASH. Kept elsewhere, it proves later that nothing before it was changed."""
    with _open(field) as ledger, ledger.read() as snapshot:
        print(snapshot.head())


@group.command()
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(help="An export; without it the field's own database.", show_default=False),
    ] = None,
    field: FieldFolder = Path(),
    head: Annotated[
        str | None, typer.Option(help="A head kept from earlier, SIZE:HASH.", show_default=False)
    ] = None,
    texts: Texts = None,
) -> None:
    """Check every record, the chain, the texts held and the tables computed from them."""
    from fieldmark.errors import InputError
    from fieldmark.ledger import Head, verify_export

    kept = Head.parse(head) if head else None
    began = time.perf_counter()
    if file is not None:
        with _progress("verifying") as progress:
            found = verify_export(file, kept=kept, texts=texts, progress=progress)
    elif texts is not None:
        raise InputError(
            "--texts is for verifying a file", hint="the database's own texts are always checked"
        )
    else:
        with _open(field) as ledger, _progress("verifying") as progress:
            found = ledger.verify(kept=kept, progress=progress)
    _print(found, time.perf_counter() - began)


@group.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write the records; - is standard output.")],
    field: FieldFolder = Path(),
    texts: Texts = None,
    open_rounds: Annotated[
        bool,
        typer.Option(
            "--open-rounds", help="Also what follows the oldest open round, which names its contenders."
        ),
    ] = False,
) -> None:
    """Write the records, byte for byte, to a file that `verify` checks without a database.

    It ends before the oldest blind round that nobody has voted in yet, since its record says who answers.
    Texts of people and contenders are not in it; `--texts` writes those that are held to a file of their own.
    """
    with _open(field) as ledger:
        if str(file) == "-":
            ledger.export(sys.stdout.buffer, texts=texts, withheld=open_rounds)
            return
        with _progress("exporting") as progress:
            done = ledger.export(file, texts=texts, withheld=open_rounds, progress=progress)
        with ledger.read() as snapshot:
            left = snapshot.head().size - done.size
    print(f"exported {_counted(done.size, 'record')} to {file}\nhead {done}")
    if left:
        print(
            f"{_counted(left, 'record')} from the oldest open round on stayed behind; --open-rounds includes them"
        )


@group.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="An export of this field.")],
    field: FieldFolder = Path(),
    texts: Texts = None,
) -> None:
    """Take in an export, all of it or nothing: into an empty ledger, or one that the export continues."""
    from fieldmark.fields import load_field
    from fieldmark.ledger import Ledger, every_projection, field_of

    path = _database(field)
    name = field_of(path) if path.exists() else load_field(field).id
    with Ledger.open(path, field=name, projections=every_projection()) as ledger:
        with ledger.read() as snapshot:
            before = snapshot.head().size
        with _progress("importing") as progress:
            done = ledger.import_(file, texts=texts, progress=progress)
    print(f"imported {_counted(done.size - before, 'record')}\nhead {done}")


def _database(field: Path) -> Path:
    return field / ".fieldmark" / "ledger.db"


@contextmanager
def _open(field: Path) -> Iterator[Ledger]:
    from fieldmark.ledger import Ledger, every_projection, field_of

    path = _database(field)
    with Ledger.open(path, field=field_of(path), projections=every_projection()) as ledger:
        yield ledger


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    """A bar on the terminal (standard error), gone when the work is done."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(found: Verification, seconds: float) -> None:
    types = ", ".join(f"{count} {name}" for name, count in sorted(found.types.items()))
    print(f"sound: {_counted(found.head.size, 'record')} of '{found.field}' in {seconds:.1f} s")
    if types:
        print(f"types: {types}")
    print(f"texts: {found.texts_held} held, {found.texts_absent} not held (erased, or not given)")
    if found.projections:
        print(f"computed from the records and equal: {', '.join(found.projections)}")
    print(f"head {found.head}")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
