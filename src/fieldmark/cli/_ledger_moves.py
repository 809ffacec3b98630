"""`fieldmark ledger copy`, `backup` and `restore`: a whole ledger from one database to another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fieldmark.ledger import Progress, Verification

FieldFolder = Annotated[Path, typer.Option("--field", help="The field's folder.")]


def add_to(group: typer.Typer) -> None:
    """Add the commands to `fieldmark ledger`."""
    group.command("copy")(copy)
    group.command("backup")(backup)
    group.command("restore")(restore)


def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A field's folder, an SQLite file, or a PostgreSQL URL.")
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; nothing may be in it yet.")],
) -> None:
    """Copy a whole ledger to another database: SQLite to PostgreSQL, or back. Verified there; all of it or nothing.

    Ids, order, head, texts, people, accounts and application keys stay what they are. Stop the field's servers first:
    what is written meanwhile is not copied.
    """
    from fieldmark.ledger import copy_ledger, every_projection

    began = time.perf_counter()
    one, other = _place(source), _place(target)
    with _not_served(one), _progress("copying") as progress:
        found = copy_ledger(one, other, projections=every_projection(), progress=progress)
    _say("copied and verified", found, began)
    if "://" in other:
        print("to serve from there, set FIELDMARK_DATABASE_URL to that URL")


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    field: FieldFolder = Path(),
) -> None:
    """Write everything in the field's database to one file, also while the field is served, and verify it there.

    It holds the texts and the accounts: keep it as you keep the database. `.fieldmark/*.key` and the field's own files
    are not in it: copy them too.
    """
    from fieldmark.fields import database_of
    from fieldmark.ledger import back_up, every_projection

    began = time.perf_counter()
    with _progress("backing up") as progress:
        found = back_up(database_of(field), file, projections=every_projection(), progress=progress)
    _say(f"backed up to {file} and verified", found, began)


def restore(
    file: Annotated[Path, typer.Argument(help="What `fieldmark ledger backup` wrote.")],
    field: FieldFolder = Path(),
    head: Annotated[
        str | None, typer.Option(help="A head kept from before the backup, SIZE:HASH.", show_default=False)
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move the database file that is there aside first (SQLite).")
    ] = False,
) -> None:
    """Put a backup into the field's database, which must be empty; what was erased since is erased again."""
    from fieldmark.errors import InputError
    from fieldmark.fields import database_of
    from fieldmark.ledger import Head, Signer, every_projection, set_aside
    from fieldmark.ledger import restore as put_back

    kept = Head.parse(head) if head else None
    began, place = time.perf_counter(), database_of(field)
    if replace and "://" in place:
        raise InputError(
            "--replace is for SQLite", hint="make a new database with `createdb`, and name that one"
        )
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    with _not_served(place), _progress("restoring") as progress:
        aside = set_aside(Path(place)) if replace else None
        try:
            found, replayed = put_back(
                file,
                place,
                projections=every_projection(),
                erasures=field / ".fieldmark" / "erasures.jsonl",
                kept=kept,
                signer=Signer(field / ".fieldmark" / "head.key"),
                progress=progress,
            )
        except BaseException:
            if aside is not None:  # nothing was restored: everything is as it was
                for end in ("", "-wal", "-shm"):
                    if aside.with_name(aside.name + end).exists():
                        aside.with_name(aside.name + end).rename(place + end)
            raise
    _say("restored and verified", found, began)
    print(f"erasures made again: {replayed}")
    if aside is not None:
        print(f"what was there before is {aside}")


def _place(given: str) -> str:
    """A folder stands for the database file in it."""
    if "://" not in given and Path(given).is_dir():
        return str(Path(given) / ".fieldmark" / "ledger.db")
    return given


@contextmanager
def _not_served(place: str) -> Iterator[None]:
    """No server has the SQLite file, now and until the end."""
    from fieldmark.server._state import only_server

    state = Path(place).parent
    if "://" in place or not (state / "serving.lock").exists():
        yield
        return
    with only_server(state, "`fieldmark ledger`"):
        yield


@contextmanager
def _progress(what: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _say(what: str, found: Verification, began: float) -> None:
    records = f"{found.head.size} record{'' if found.head.size == 1 else 's'}"
    print(
        f"{what}: {records} of '{found.field}', {found.texts_held} texts, in {time.perf_counter() - began:.1f} s"
    )
    print(f"head {found.head}")
