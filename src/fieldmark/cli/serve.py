"""`fieldmark up` and `fieldmark doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from fieldmark.fields import Field
    from fieldmark.server._house import House


def add_to(app: typer.Typer) -> None:
    """Put the commands into the app."""
    app.command("up")(up)
    app.command("doctor")(doctor)


def up(  # noqa: PLR0913, PLR0917 - each option is the person's
    folder: Annotated[Path | None, typer.Argument(help="Field folder; the starter field if left out")] = None,
    host: Annotated[
        str, typer.Option(help="Address to serve on; other than loopback needs an admin account")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to serve on; 0 takes a free one")] = 8421,
    fetch: Annotated[
        bool, typer.Option(help="Fetch weights that the field needs and that need no licence accepted")
    ] = True,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Name that others open it under (repeatable)")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate with its chain, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key, PEM")] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="Address or range of a proxy whose X-Forwarded headers are believed (repeatable)"),
    ] = None,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="Serve others without encryption all the same")
    ] = False,
    first_admin: Annotated[
        bool, typer.Option("--first-admin", help="Print a link that makes the first admin account")
    ] = False,
) -> None:
    """Serve a field: fetch the weights it needs, then answer on http://127.0.0.1:8421."""
    import logging

    from rich.console import Console

    from fieldmark.fields import load_field
    from fieldmark.server.run import Outside, serve

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    console = Console(stderr=True)
    field = load_field(_folder(folder, console))
    if fetch:
        _fetch(field, console)
    outside = Outside(
        hosts=tuple(allow_host or ()),
        certificate=tls_cert,
        key=tls_key,
        proxies=tuple(proxy or ()),
        plain_http=plain_http,
        first_admin=first_admin,
    )

    def ready(address: str, house: House) -> None:
        _ready(console, address, house)
        if first_admin:
            _invite_first(console, address, house)

    serve(field.folder, host=host, port=port, ready=ready, outside=outside)


def _folder(given: Path | None, console: Console) -> Path:
    """The field to serve: the one given, the one here, or the starter field, made in the user's data folder."""
    from platformdirs import user_data_path

    from fieldmark.fields import create_field

    if given is not None:
        return given
    if Path("field.toml").exists():
        return Path()
    starter = user_data_path("fieldmark", appauthor=False) / "starter"
    if not (starter / "field.toml").exists():
        create_field(starter, example="starter")
        console.print(f"Made the starter field in {starter}")
    return starter


def _fetch(field: Field, console: Console) -> None:
    """Fetch what is missing, one model after the other; a failure is said and does not keep the field from serving."""
    from fieldmark.cli.models import pull_model
    from fieldmark.contenders import CATALOGUE, Shelf
    from fieldmark.errors import ContenderError

    shelf = Shelf()
    wanted = {
        c.model
        for c in field.contenders
        if c.kind == "weights" and c.when == "always" and c.model in CATALOGUE
    }
    for name in sorted(filter(None, wanted)):
        if shelf.has(name) or CATALOGUE[name].ask_licence:
            continue
        try:
            pull_model(name)
        except ContenderError as error:
            console.print(
                f"[bold]{name} could not be fetched:[/bold] {error.message}\n{error.hint}", highlight=False
            )


def _ready(console: Console, address: str, house: House) -> None:
    say = console.print
    names = ", ".join(m.name for m in house.roster.members) or "none yet"
    say(f"[bold]{house.field.name}[/bold] is served on [bold]{address}[/bold]", highlight=False)
    say(f"contenders: {names}", highlight=False, style="dim")
    for absent in house.roster.absent:
        say(f"waiting: {absent.spec.name} ({absent.explain()})", highlight=False, style="dim")
    for notice in house.field.notices:
        say(str(notice), highlight=False, style="dim")
    say("Ctrl+C stops it", style="dim")


def _invite_first(console: Console, address: str, house: House) -> None:
    """A link for whoever shall be admin, as long as nobody is."""
    from datetime import timedelta

    from fieldmark.fields import SYSTEM, accounts

    with house.ledger.read() as snapshot:
        if accounts.has_admin(snapshot):
            return
    lasts = timedelta(days=house.field.access.invitation_days)
    _, token = house.ledger.write(lambda now: accounts.invite(now, "admin", by=SYSTEM, lasts=lasts))
    names = sorted(house.front.hosts)
    place = f"{'https' if house.front.secure else 'http'}://{names[0]}" if names else address
    console.print("Make the first admin account with this link; it works once:", highlight=False)
    console.print(f"{place}/invite#{token}", highlight=False, soft_wrap=True)
    if names:
        console.print("(with the port that others use, if it is not the usual one)", style="dim")


def doctor(
    folder: Annotated[Path | None, typer.Argument(help="Field folder to look at as well")] = None,
    format_: Annotated[str, typer.Option("--format", help="table or json")] = "table",
) -> None:
    """Say what is missing on this machine and how to get it."""
    from fieldmark.cli._doctor import findings, show

    found = findings(folder)
    show(found, format_)
    raise typer.Exit(1 if any(f.state == "missing" for f in found) else 0)
