"""The command `fieldmark`: one file per command group; anything heavy is imported inside the command that needs it."""

from __future__ import annotations

import sys

import typer

from fieldmark.errors import FieldmarkError, InputError, NotFound

app = typer.Typer(
    name="fieldmark",
    help="Measure in the field whether people can rely on an AI model or agent for their own work.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _add_groups() -> None:
    from fieldmark.cli import (
        accounts,
        cases,
        contenders,
        drift,
        field,
        keys,
        ledger,
        models,
        rank,
        score,
        serve,
        views,
        votes,
        worker,
    )

    serve.add_to(app)
    field.add_to(app)
    contenders.add_to(app)
    models.add_to(app)
    views.add_to(app)
    drift.add_to(app)
    rank.add_to(app)
    score.add_to(app)
    ledger.add_to(app)
    votes.add_to(app)
    accounts.add_to(app)
    keys.add_to(app)
    cases.add_to(app)
    worker.add_to(app)


def main() -> None:
    """Run the command line; a known error is one plain paragraph, never a traceback."""
    _add_groups()
    try:
        app()
    except FieldmarkError as error:
        print(f"fieldmark: {error.message}", file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        raise SystemExit(2 if isinstance(error, InputError | NotFound) else 1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
