"""`fieldmark contenders`: who is asked in a field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from fieldmark.contenders import ContenderSpec, Probe

FieldFolder = Annotated[Path, typer.Option("--field", help="The field's folder.")]
Format = Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")]
Name = Annotated[str, typer.Argument(help="The contender's name.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this room."""
    group = typer.Typer(help="List, add, probe and remove contenders.", no_args_is_help=True)
    group.command("list")(list_contenders)
    group.command()(add)
    group.command()(detect)
    group.command("probe")(probe_contender)
    group.command()(remove)
    app.add_typer(group, name="contenders")


def list_contenders(field: FieldFolder = Path(), form: Format = "table") -> None:
    """The field's contenders."""
    from fieldmark.contenders import make_contender
    from fieldmark.fields import load_field

    rows = []
    for spec in load_field(field).contenders:
        ready = make_contender(spec).readiness
        rows.append(
            {
                "name": spec.name,
                "kind": spec.kind,
                "model": spec.model,
                "url": spec.url,
                "state": ready.state,
                "detail": ready.detail,
            }
        )
    if form == "json":
        _print_json(rows)
        return
    table = _table("name", "kind", "model", "where", "state")
    for row in rows:
        state = "not asked yet" if row["state"] == "unknown" else f"{row['state']}: {row['detail']}"
        table.add_row(row["name"], row["kind"], row["model"], row["url"] or "this machine", state)
    _print(table)


def add(  # noqa: PLR0913, PLR0917  one parameter for each option
    name: Name,
    field: FieldFolder = Path(),
    url: Annotated[str | None, typer.Option(help="Base URL, such as http://127.0.0.1:11434/v1.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name at that URL.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Instead of a URL: a model on the shelf, or a .gguf file.")
    ] = None,
    key_env: Annotated[str | None, typer.Option(help="Environment variable that holds the key.")] = None,
    system: Annotated[str | None, typer.Option(help="System prompt.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 always takes the likeliest token.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Nucleus sampling.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Longest answer in tokens.")] = None,
    no_probe: Annotated[bool, typer.Option("--no-probe", help="Save it without asking it anything.")] = False,
) -> None:
    """Add a contender to the field, as contenders/NAME.toml, after asking it something small."""
    from fieldmark.errors import InputError
    from fieldmark.fields import write_contender

    if (url is None) == (weights is None):
        raise InputError("a contender has either --url (and --model) or --weights")
    if weights is not None and model is not None:
        raise InputError("--model belongs to --url; with --weights the model is named there")
    sampler = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens}
    spec = _spec(
        name=name,
        kind="weights" if weights else "endpoint",
        url=url,
        model=weights or model,
        key_env=key_env,
        system=system,
        sampler={key: value for key, value in sampler.items() if value is not None},
    )
    if not no_probe:
        _report(name, _ask(spec), hint="nothing was saved; with --no-probe it is saved all the same")
    print(f"saved: {write_contender(field, spec)}")


def detect(form: Format = "table") -> None:
    """Find model servers that run on this machine: Ollama, LM Studio, vLLM, llama.cpp."""
    import asyncio
    import shlex
    from dataclasses import asdict

    from fieldmark.contenders import detect as look

    found = asyncio.run(look())
    if form == "json":
        _print_json([asdict(server) for server in found])
        return
    if not found:
        print("no model server answers at the usual ports of this machine (11434, 1234, 8000, 8080)")
    for server in found:
        print(f"{server.kind} at {server.url}")
        for model in server.models:
            print(f"  fieldmark contenders add NAME --url {server.url} --model {shlex.quote(model)}")


def probe_contender(name: Name, field: FieldFolder = Path()) -> None:
    """Ask a contender of the field something small (exit 1 when it does not answer)."""
    from fieldmark.errors import NotFound
    from fieldmark.fields import load_field

    specs = {spec.name: spec for spec in load_field(field).contenders}
    if name not in specs:
        raise NotFound(f"no contender is called '{name}'", hint="known: " + ", ".join(specs))
    _report(name, _ask(specs[name]))


def remove(name: Name, field: FieldFolder = Path()) -> None:
    """Take a contender that was added here out of the field. Its votes stay."""
    from fieldmark.fields import remove_contender

    remove_contender(field, name)
    print(f"removed: {name}")


def _spec(**parts: Any) -> ContenderSpec:
    from pydantic import ValidationError

    from fieldmark.contenders import ContenderSpec, make_contender
    from fieldmark.errors import InputError

    try:
        spec = ContenderSpec(**parts)
    except ValidationError as error:
        first = error.errors()[0]
        where = "--" + str(first["loc"][-1]).replace("_", "-")
        raise InputError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
    make_contender(spec)
    return spec


def _ask(spec: ContenderSpec) -> Probe:
    import asyncio

    from fieldmark.contenders import make_contender, probe

    async def ask() -> Probe:
        contender = make_contender(spec)
        try:
            return await probe(contender)
        finally:
            await contender.close()

    return asyncio.run(ask())


def _report(name: str, probe: Probe, *, hint: str = "") -> None:
    from fieldmark.errors import ContenderError

    if not probe.ok:
        raise ContenderError(f"'{name}' does not answer: {probe.message}", hint=probe.hint or hint)
    print(f"'{name}' answered after {probe.ms_to_first} ms: {' '.join(probe.text.split())}")


def _print_json(rows: list[Any]) -> None:
    import json

    print(json.dumps(rows, indent=2))


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE_HEAD)


def _print(table: Any) -> None:
    from rich.console import Console

    Console(markup=False, highlight=False).print(table)
