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
    from fieldmark.ledger import Ledger, Progress, SignedHead, Verification

group = typer.Typer(
    help="The evidence of a field: head, verification, proofs, keys, export, import.", no_args_is_help=True
)

FieldFolder = Annotated[Path, typer.Option("--field", help="The field's folder.")]
Texts = Annotated[Path | None, typer.Option(help="File of the texts, one a line.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add `fieldmark ledger`."""
    from fieldmark.cli import _erase, _ledger_keys, _ledger_moves

    _erase.add_to(group)
    _ledger_keys.add_to(group)
    _ledger_moves.add_to(group)
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
    witness: Annotated[
        Path | None,
        typer.Option(
            help="A witness's file, or its git repository's folder: every head in it is compared.",
            show_default=False,
        ),
    ] = None,
    texts: Texts = None,
) -> None:
    """Check every record, the tree, the signed head, the keys, the texts held and the tables computed from them."""
    from fieldmark.errors import InputError
    from fieldmark.fields import database_of
    from fieldmark.ledger import Head, export_field, field_of, verify_export, witnessed_heads

    kept = Head.parse(head) if head else None
    began = time.perf_counter()
    held: list[SignedHead] = []
    if witness is not None:
        name = export_field(file) if file is not None else field_of(database_of(field))
        held = list(witnessed_heads(witness, name))
    if file is not None:
        with _progress("verifying") as progress:
            found = verify_export(file, kept=kept, held=held, texts=texts, progress=progress)
    elif texts is not None:
        raise InputError(
            "--texts is for verifying a file", hint="the database's own texts are always checked"
        )
    else:
        with _open(field) as ledger, _progress("verifying") as progress:
            found = ledger.verify(kept=kept, held=held, progress=progress)
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
    from fieldmark.ledger import Signer

    signer = Signer(field / ".fieldmark" / "head.key")
    with _open(field) as ledger:
        if str(file) == "-":
            ledger.export(sys.stdout.buffer, texts=texts, withheld=open_rounds, signer=signer)
            return
        with _progress("exporting") as progress:
            done = ledger.export(file, texts=texts, withheld=open_rounds, signer=signer, progress=progress)
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
    from fieldmark.errors import LedgerError, LedgerUnavailable, NotFound
    from fieldmark.fields import database_of, load_field
    from fieldmark.ledger import Ledger, Signer, every_projection, field_of

    path = database_of(field)
    try:
        name = field_of(path)
    except LedgerUnavailable:
        raise
    except (NotFound, LedgerError):  # no database yet, or an empty one
        name = load_field(field).id
    with Ledger.open(path, field=name, projections=every_projection()) as ledger:
        with ledger.read() as snapshot:
            before = snapshot.head().size
        with _progress("importing") as progress:
            done = ledger.import_(file, texts=texts, progress=progress)
        with ledger.read() as snapshot:
            key = snapshot.signed_head().key
    print(f"imported {_counted(done.size - before, 'record')}\nhead {done}")
    if key and not Signer(field / ".fieldmark" / "head.key").holds(key):
        print(
            f"its heads are signed by the key {key[:16]}: to go on writing, put that key's file at "
            f"{field / '.fieldmark' / 'head.key'}, or, if it is gone, `fieldmark ledger rotate-key --lost`"
        )


@contextmanager
def _open(field: Path) -> Iterator[Ledger]:
    from fieldmark.fields import database_of
    from fieldmark.ledger import Ledger, every_projection, field_of

    path = database_of(field)
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
    if found.compared:
        print(f"heads from elsewhere that are this log's: {found.compared}")
    if found.witnessed:
        said = ", ".join(f"{name} up to {size}" for name, size in sorted(found.witnessed.items()))
        print(f"witnessed, as the log says: {said}; compare with --witness")
    if found.key:
        lost = f", {found.lost} of them after a lost one" if found.lost else ""
        print(f"signed by the key {found.key} ({_counted(found.keys, 'key')} so far{lost})")
    else:
        print("not signed: no key was in force")
    print(f"head {found.head}")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
