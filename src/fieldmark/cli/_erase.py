"""`fieldmark ledger erase`: a person or a case is forgotten, and every proof still holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fieldmark.ledger import Ledger, Trail


def add_to(group: typer.Typer) -> None:
    """Add the command to `fieldmark ledger`."""
    group.command()(erase)
    group.command()(sweep)


def erase(
    subject: Annotated[
        str, typer.Argument(metavar="PERSON|CASE", help="A pseudonym (p_...) or the id of a case.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase; without it only what would go is shown.")
    ] = False,
    field: Annotated[Path, typer.Option("--field", help="The field's folder.")] = Path(),
) -> None:
    """Erase texts, their salts and the link to a person, of all that is held of a person or a case.

    Votes and counts stay, and every proof still verifies. The erasure is itself a record, and is kept in
    `.fieldmark/erasures.jsonl` so that a restored backup does not bring anything back.
    """
    from fieldmark.fields import database_of
    from fieldmark.ledger import Ledger, Signer, Trail, every_projection, field_of, subject_of
    from fieldmark.ledger import erase as erase_in

    what, path, state = subject_of(subject), database_of(field), field / ".fieldmark"
    signer = Signer(state / "head.key")
    with Ledger.open(path, field=field_of(path), projections=every_projection(), signer=signer) as ledger:
        if not yes:
            with ledger.read() as snapshot:
                trail = Trail(what, subject).follow(snapshot)
            _show(ledger, trail)
            return
        done = erase_in(ledger, what, subject, reason="request", register=state / "erasures.jsonl")
        print(
            f"erased {_counted(done.texts, 'text')} and {_counted(done.links, 'link')}; record {done.record}"
        )
        if not done.swept:
            print(
                "A program that reads the database keeps the deleted bytes in its files. "
                "Run `fieldmark ledger sweep` once it has finished."
            )
        with ledger.read() as snapshot:
            print(f"head {snapshot.head()}")


def sweep(
    field: Annotated[Path, typer.Option("--field", help="The field's folder.")] = Path(),
) -> None:
    """Have erased bytes leave the database's files, if a reader stood in the way when they were erased."""
    from fieldmark.errors import LedgerUnavailable
    from fieldmark.fields import load_field, open_ledger
    from fieldmark.ledger import sweep as sweep_files

    with open_ledger(load_field(field)) as ledger:
        if not sweep_files(ledger):
            raise LedgerUnavailable(
                "a program still reads an earlier state", hint="let it finish and try again"
            )
    print("the database's files hold nothing that was erased")


def _show(ledger: Ledger, trail: Trail) -> None:
    from fieldmark.errors import NotFound
    from fieldmark.ledger import held_texts, links_of

    with ledger.read() as snapshot:
        texts = len(held_texts(snapshot.connection, trail.texts))
        links = links_of(snapshot.connection, trail.subject) if trail.what == "person" else 0
    if not (trail.found or links):
        raise NotFound(
            f"nothing is held of the {trail.what} '{trail.subject}'",
            hint="give a pseudonym (p_...) as it stands in the records, or the id of a case",
        )
    print(f"{trail.what} {trail.subject}")
    print(f"would go:   {_counted(texts, 'text')}, {_counted(links, 'link')} to a cookie or an account")
    stay = ", ".join(f"{count} {name}" for name, count in sorted(trail.types.items()))
    print(
        f"would stay: {_counted(trail.found, 'record')} ({stay or 'none'}), with votes and counts, without texts"
    )
    print("Nothing was erased. `--yes` erases; it cannot be undone.")


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
