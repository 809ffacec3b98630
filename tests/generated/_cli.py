"""`docs/reference/cli.md`: every command with its arguments and options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from fieldmark.cli import _add_groups, app
from tests.generated._markdown import NOTE, prose, table

_HEAD = f"""\
{NOTE}
# Commands

`fieldmark --help` and `fieldmark COMMAND --help` print the same. A known error is one paragraph on standard error;
the exit code is 2 when what was given cannot be used, 1 for any other failure, and 130 after Ctrl+C.

"""


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its full name."""
    if not app.registered_commands:
        _add_groups()
    yield from _below("fieldmark", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for child, each in command.commands.items():
        yield from _below(f"{name} {child}", each)


def page() -> str:
    """The page."""
    return _HEAD + "\n".join(_section(name, command) for name, command in commands())


def _section(name: str, command: Any) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"## `{name}`\n", prose(command.help) + "\n", f"```text\n{name} {usage}\n```\n"]
    records = [p.get_help_record(context) for p in command.params if p.name != "help"]
    rows = [[f"`{names}`", *_split(said)] for names, said in filter(None, records)]
    return "\n".join([*parts, table(["argument or option", "default", "meaning"], rows)] if rows else parts)


def _split(said: str) -> tuple[str, str]:
    """Default and meaning, from the text that `--help` prints."""
    meaning, _, extra = said.partition("  [") if "  [" in said else (said, "", "")
    extra = extra.rstrip("]")
    default = extra.removeprefix("default: ")
    return ("required" if extra == "required" else f"`{default}`" if extra else "–"), meaning
