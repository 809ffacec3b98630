"""`fieldmark accounts`: who may sign in to a field."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fieldmark.fields import Field
    from fieldmark.fields._accounts import Account
    from fieldmark.ledger import Ledger

group = typer.Typer(help="Accounts of a field: who may sign in, and as what.", no_args_is_help=True)

FieldFolder = Annotated[Path, typer.Option("--field", "-f", help="Field folder")]
Name = Annotated[str, typer.Argument(help="The account's name")]


class RoleName(StrEnum):
    """What an account may do."""

    admin = "admin"
    voter = "voter"
    viewer = "viewer"


Role = Annotated[RoleName, typer.Option(help="What it may do")]


def add_to(app: typer.Typer) -> None:
    """Put the commands into the app."""
    group.command("add")(add)
    group.command("list")(list_)
    group.command("role")(role)
    group.command("revoke")(revoke)
    group.command("invite")(invite)
    app.add_typer(group, name="accounts")


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Field, Ledger]]:
    """The field and its ledger. A server may run beside: it sees what changes within a second."""
    from fieldmark.fields import load_field, open_ledger

    field = load_field(folder)
    with open_ledger(field) as ledger:
        yield field, ledger


def add(
    name: Name,
    role: Role = RoleName.voter,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input")
    ] = False,
    field: FieldFolder = Path(),
) -> None:
    """Make an account; asks for its password. The first one has to be an admin's."""
    from fieldmark.fields import SYSTEM, accounts
    from fieldmark.server._passwords import hash_password

    with _opened(field) as (_, ledger):
        _check_first(ledger, role)
        password = (
            sys.stdin.readline().rstrip("\n")
            if password_stdin
            else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        )
        accounts.check_password(password, accounts.account_name(name))
        new = accounts.NewAccount(name, role.value, hash_password(password))
        made = ledger.write(lambda now: accounts.add_account(now, new, by=SYSTEM))
    print(f"added: {made.name} ({made.role})")


def _check_first(ledger: Ledger, role: RoleName) -> None:
    from fieldmark.errors import Conflict
    from fieldmark.fields import accounts

    with ledger.read() as snapshot:
        first = not accounts.any_account(snapshot)
    if first and role is not RoleName.admin:
        raise Conflict(
            "the first account has to be an admin's: with it, everybody else has to sign in",
            code="first_admin",
            hint="--role admin",
        )


def list_(
    field: FieldFolder = Path(),
    format_: Annotated[str, typer.Option("--format", help="table or json")] = "table",
) -> None:
    """Show every account."""
    import json

    from fieldmark.fields import accounts

    with _opened(field) as (_, ledger), ledger.read() as snapshot:
        found = accounts.list_accounts(snapshot)
    if format_ == "json":
        print(json.dumps([_row(account) for account in found], indent=2))
        return
    if not found:
        print("no accounts: whoever sits at this machine may do everything")
    for account in found:
        state = f"revoked {account.revoked[:10]}" if account.revoked else account.role
        print(f"{account.name}  {state}  {account.issuer or 'password'}  {account.pseudonym}")


def _row(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "role": account.role,
        "pseudonym": account.pseudonym,
        "created": account.created,
        "revoked": account.revoked,
        "provider": account.issuer,
        "credentials": list(account.credentials),
    }


def role(
    name: Name,
    role: Annotated[RoleName, typer.Argument(help="What it may do from now on")],
    field: FieldFolder = Path(),
) -> None:
    """Give an account another role."""
    from fieldmark.fields import SYSTEM, accounts
    from fieldmark.ledger import Transaction

    def work(now: Transaction) -> Account:
        found = accounts.find_account(now, name=name)
        return accounts.change_account(now, found.id, by=SYSTEM, role=role.value)

    with _opened(field) as (_, ledger):
        changed = ledger.write(work)
    print(f"{changed.name} is {changed.role}")


def revoke(name: Name, field: FieldFolder = Path()) -> None:
    """End an account: it is signed out everywhere, within a second also of a round. Its votes stay."""
    from fieldmark.fields import SYSTEM, accounts
    from fieldmark.ledger import Transaction

    def work(now: Transaction) -> Account:
        return accounts.revoke_account(now, accounts.find_account(now, name=name).id, by=SYSTEM)

    with _opened(field) as (_, ledger):
        revoked = ledger.write(work)
    print(f"revoked: {revoked.name}")


def invite(
    role: Role = RoleName.voter,
    url: Annotated[
        str, typer.Option(help="Address under which others open the field")
    ] = "http://127.0.0.1:8421",
    field: FieldFolder = Path(),
) -> None:
    """Print a link with which one person makes an account."""
    from datetime import timedelta

    from fieldmark.fields import SYSTEM, accounts

    with _opened(field) as (loaded, ledger):
        _check_first(ledger, role)
        lasts = timedelta(days=loaded.access.invitation_days)
        made, token = ledger.write(lambda now: accounts.invite(now, role.value, by=SYSTEM, lasts=lasts))
    print(f"{url.rstrip('/')}/invite#{token}")
    print(f"works once, until {made.expires[:16].replace('T', ' ')} UTC", file=sys.stderr)
