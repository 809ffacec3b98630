"""`fieldmark init` and `fieldmark field check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="The field's folder.")]
Name = Annotated[str | None, typer.Option(help="What people call the field; otherwise the example's name.")]
Example = Annotated[
    str, typer.Option(help="What to begin with: starter, clinic-letters, support-desk or empty.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this room."""
    group = typer.Typer(help="Look at a field folder.", no_args_is_help=True)
    app.add_typer(group, name="field")
    group.command()(check)
    group.callback()(lambda: None)  # keeps `check` a word of its own while it is the only command
    app.command()(init)


def init(folder: Folder = Path(), name: Name = None, example: Example = "starter") -> None:
    """Make a field in an empty folder: field.toml and what belongs beside it, ready to serve and to edit."""
    from shlex import quote

    from fieldmark.fields import create_field, load_field

    made = load_field(create_field(folder, name=name, example=example))
    here = folder == Path()
    print(f"made the field '{made.name}' in {'this folder' if here else folder}")
    up = "fieldmark up" if here else f"fieldmark up {quote(str(folder))}"
    print(f"next: edit {quote(str(folder / 'field.toml'))}, then `{up}`")


def check(folder: Folder = Path()) -> None:
    """Say whether a field folder is right, or everything that is wrong with it (exit 2)."""
    from fieldmark.errors import FieldError
    from fieldmark.fields import load_field

    try:
        field = load_field(folder)
    except FieldError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        typer.echo(_counted(len(error.problems), "problem"), err=True)
        raise typer.Exit(2) from None
    for notice in field.notices:
        print(f"notice: {notice}")
    counts = (
        _counted(len(field.contenders), "contender"),
        _counted(len(field.prompts), "prompt"),
        _counted(len(field.categories), "category", "categories"),
    )
    print(f"OK: {field.name} ({field.id}): {', '.join(counts)}")


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
