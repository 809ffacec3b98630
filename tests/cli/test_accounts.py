"""`fieldmark accounts`, as a person uses it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from fieldmark.fields import accounts, load_field, open_ledger
from fieldmark.ledger.evidence import AdminAct
from tests.cli.typed import fieldmark
from tests.house import write_field

PASSWORD = "seven quiet herons"


def run(folder: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return fieldmark("accounts", *words, "--field", folder, typed=typed)


def test_a_life_of_accounts(tmp_path: Path) -> None:
    folder = write_field(tmp_path, "")
    first = run(folder, "add", "bo", "--password-stdin", typed=PASSWORD)
    assert first.returncode == 1
    assert "--role admin" in first.stderr
    assert (
        run(folder, "add", "Ada", "--role", "admin", "--password-stdin", typed=f"{PASSWORD}\n").returncode
        == 0
    )
    weak = run(folder, "add", "bo", "--password-stdin", typed="short\n")
    assert weak.returncode == 2
    assert "12" in weak.stderr
    assert run(folder, "add", "bo", "--password-stdin", typed=PASSWORD).stdout == "added: bo (voter)\n"
    assert run(folder, "role", "bo", "viewer").stdout == "bo is viewer\n"
    last = run(folder, "revoke", "ada")
    assert last.returncode == 1
    assert "last admin" in last.stderr
    assert run(folder, "revoke", "BO").stdout == "revoked: bo\n"
    assert run(folder, "revoke", "nobody").returncode == 2
    invited = run(folder, "invite", "--role", "viewer", "--url", "https://field.example.org/")
    link, token = invited.stdout.strip().split("#")
    assert link == "https://field.example.org/invite"
    listed = {row["name"]: row for row in json.loads(run(folder, "list", "--format", "json").stdout)}
    assert set(listed) == {"ada", "bo"}
    assert listed["bo"]["revoked"]
    assert "ada  admin" in run(folder, "list").stdout
    with open_ledger(load_field(folder)) as ledger:
        made = ledger.write(lambda now: accounts.accept_invitation(now, token, "cy", "hash"))
        assert made.role == "viewer"
        with ledger.read() as snapshot:
            acts = [e.record for e in snapshot.entries(types=[AdminAct])]
            raw = b"".join(e.raw for e in snapshot.entries())
        assert ledger.verify()
    kinds = [r.body.act for r in acts if isinstance(r.body, AdminAct)]
    assert kinds == [
        "account_created", "account_created", "account_changed", "account_revoked", "invited", "account_created",
        "invitation_used",
    ]  # fmt: skip
    assert {r.actor for r in acts[:5]} == {"system"}
    assert token.encode() not in raw
    assert PASSWORD.encode() not in raw
