"""`fieldmark score seal`: fix tasks before anybody meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from fieldmark.cli._score_field import FieldFolder, field_folder


def add_to(group: typer.Typer) -> None:
    """Add the command to `fieldmark score`."""
    group.command()(seal)


def seal(
    scorecard: Annotated[str, typer.Argument(help="Name of a task set, or its folder.")],
    field: FieldFolder = None,
) -> None:
    """Publish salted commitments to a set's sealed tasks in the ledger; runs take them only afterwards.

    Ids and salts stay in .fieldmark/sealed, which only you can read: keep a copy, without them nobody can show that a
    task is what was sealed.
    """
    from fieldmark.fields import load_field, open_ledger
    from fieldmark.scorecards import load_set, seal

    rules = load_field(field_folder(field))
    task_set = load_set(scorecard, rules.folder)
    with open_ledger(rules) as ledger:
        sealed = seal(task_set, rules.folder, ledger, actor="scorecards")
    for name, one in sealed.items():
        print(f"{one.id}  {one.commitment}  {name}")
    print(f"\n{len(sealed)} sealed; in the ledger stand the first two columns only")
