"""`fieldmark ledger prove`, `verify-proof`, `rotate-key`, `witness`: proofs, the signing key, who keeps its heads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

FieldFolder = Annotated[Path, typer.Option("--field", help="The field's folder.")]


def add_to(group: typer.Typer) -> None:
    """Add the commands to `fieldmark ledger`."""
    group.command("prove")(prove)
    group.command("verify-proof")(verify_proof)
    group.command("rotate-key")(rotate_key)
    group.command("witness")(witness)


def prove(
    record: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id of the record.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Instead: prove that this head, SIZE:HASH, is the beginning.", show_default=False),
    ] = None,
    field: FieldFolder = Path(),
) -> None:
    """Print a proof (JSON) that a record is in the log, or that a head kept earlier is its beginning.

    `verify-proof` checks it without the ledger. No text is in it; the record itself is.
    """
    from fieldmark.errors import InputError
    from fieldmark.fields import database_of
    from fieldmark.ledger import Head, Ledger, field_of

    if (record is None) == (since is None):
        raise InputError("nothing to prove", hint="give the ID of a record, or --since SIZE:HASH")
    path = database_of(field)
    with Ledger.open(path, field=field_of(path)) as ledger, ledger.read() as snapshot:
        proof = snapshot.prove(record) if record else snapshot.consistency(Head.parse(str(since)))
    print(json.dumps(proof.as_json(), indent=1, ensure_ascii=False))


def verify_proof(
    file: Annotated[Path, typer.Argument(help="What `prove` printed; - is standard input.")],
    key: Annotated[
        str | None,
        typer.Option(help="The key (hex) that must have signed, known from elsewhere.", show_default=False),
    ] = None,
    head: Annotated[
        str | None, typer.Option(help="The head that must be proved to, SIZE:HASH.", show_default=False)
    ] = None,
) -> None:
    """Check a proof with nothing but the proof."""
    from fieldmark import ledger
    from fieldmark.errors import BrokenLedger, InputError

    try:
        given = json.loads(sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: {error}") from error
    if not isinstance(given, dict):
        raise InputError(f"{file} holds no proof", hint="give what `fieldmark ledger prove` printed")
    if "kept" in given:
        kept, signed = ledger.verify_consistency(given)
        said = f"the head {kept} is the beginning"
    else:
        record, signed = ledger.verify_proof(given)
        said = f"the {record.type} {record.id} of {record.at} is record {given['index']}"
    if key is not None and signed.key != key.lower():
        raise BrokenLedger(f"it is signed by {signed.key or 'no key'}, not by {key}")
    if head is not None and str(signed.head) != head:
        raise BrokenLedger(f"it leads to the head {signed.head}, not to {head}")
    print(f"proved: {said} of '{signed.field}'\nhead {signed.head}")
    print(
        f"signed by the key {signed.key}" if signed.key else "not signed: compare the head with one you know"
    )


def rotate_key(
    field: FieldFolder = Path(),
    lost: Annotated[
        bool, typer.Option("--lost", help="The file of the key in force is gone for good.")
    ] = False,
) -> None:
    """Make a new signing key, endorsed by the one before, and sign with it from now on.

    With `--lost` nothing of the key before vouches for the new one; `verify` says so from then on. A server that runs
    takes the new key by itself.
    """
    from fieldmark.errors import InputError
    from fieldmark.fields import database_of
    from fieldmark.ledger import Ledger, Signer, every_projection, field_of

    path, signer = database_of(field), Signer(field / ".fieldmark" / "head.key", lost=lost)
    name = field_of(path)
    if lost:
        with Ledger.open(path, field=name) as ledger, ledger.read() as snapshot:
            key = snapshot.signed_head().key
        if key is None or signer.holds(key):
            raise InputError("the key in force is not lost", hint="leave out --lost")
    with Ledger.open(path, field=name, projections=every_projection(), signer=signer) as ledger:
        if not lost:
            ledger.rotate_key()
        with ledger.read() as snapshot:
            signed = snapshot.signed_head()
    print(f"key {signed.key}\nhead {signed.head}")


def witness(field: FieldFolder = Path()) -> None:
    """Hand the signed head to every witness of field.toml now."""
    from fieldmark.errors import InputError, LedgerError
    from fieldmark.fields import load_field, open_ledger, witness_target
    from fieldmark.ledger import witness as hand_over

    read = load_field(field)
    if not read.witnesses:
        raise InputError("field.toml names no witness", hint="add a [[witnesses]] table")
    failed = 0
    with open_ledger(read) as ledger:
        for each in read.witnesses:
            try:
                signed = hand_over(ledger, each.name, each.kind, witness_target(read.folder, each))
            except LedgerError as error:
                failed += 1
                print(f"{each.name}: {error.message}", file=sys.stderr)
                continue
            print(f"{each.name}: {signed.head if signed else 'nothing new'}")
    if failed:
        raise typer.Exit(1)
