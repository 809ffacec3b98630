"""`fieldmark ledger` as a person types it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fieldmark.ledger import Entry, Ledger, Signer
from fieldmark.ledger.evidence import Withdrawal
from tests.cli import typed

WITHDRAWAL = Withdrawal(digest="0" * 64, name="one", reason="removed")


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """A field folder whose ledger holds three records and one text."""
    with Ledger.open(tmp_path / ".fieldmark" / "ledger.db", field="letters") as ledger:
        for n in range(3):
            texts = {"comment": "held"} if n == 1 else {}
            append_withdrawal(ledger, texts)
    return tmp_path


def append_withdrawal(ledger: Ledger, texts: dict[str, str]) -> Entry:
    return ledger.write(lambda now: now.append(WITHDRAWAL, actor="p_x", texts=texts))


def fieldmark(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return typed.fieldmark("ledger", *arguments, cwd=cwd)


def head_of(field: Path) -> str:
    done = fieldmark("head", "--field", field)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_head_prints_size_and_hash(field: Path) -> None:
    assert head_of(field).startswith("3:")
    assert len(head_of(field)) == 66
    assert fieldmark("head", cwd=field).stdout.strip() == head_of(field)


def test_verify_says_what_was_found(field: Path) -> None:
    done = fieldmark("verify", "--field", field, "--head", head_of(field))
    assert done.returncode == 0, done.stderr
    assert "sound: 3 records of 'letters' in " in done.stdout
    assert "types: 3 withdrawal" in done.stdout
    assert "texts: 1 held, 0 not held" in done.stdout
    assert f"head {head_of(field)}" in done.stdout


def test_verify_names_the_broken_record(field: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    assert fieldmark("export", export, "--field", field).returncode == 0
    lines = export.read_text().splitlines(keepends=True)
    export.write_text("".join([*lines[:2], lines[2].replace("p_x", "p_y"), *lines[3:]]))
    done = fieldmark("verify", export)
    assert done.returncode == 1
    assert "record 1: line 3: its bytes do not give" in done.stderr
    assert not done.stdout


def test_a_shorter_export_is_found_by_the_head(field: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    fieldmark("export", export, "--field", field)
    with Ledger.open(field / ".fieldmark" / "ledger.db", field="letters") as ledger:
        append_withdrawal(ledger, {})
    done = fieldmark("verify", export, "--head", head_of(field))
    assert done.returncode == 1
    assert "there are 3 records, but the head kept earlier says 4:" in done.stderr
    assert fieldmark("verify", export, "--head", "4").returncode == 2


def test_export_and_import_move_a_ledger(field: Path, tmp_path: Path) -> None:
    export, texts, other = tmp_path / "export.jsonl", tmp_path / "texts.jsonl", tmp_path / "other"
    done = fieldmark("export", export, "--texts", texts, "--field", field)
    assert done.stdout == f"exported 3 records to {export}\nhead {head_of(field)}\n"
    assert json.loads(texts.read_text())["text"] == "held"
    assert fieldmark("export", "-", "--field", field).stdout == export.read_text()
    with Ledger.open(other / ".fieldmark" / "ledger.db", field="letters"):
        pass
    done = fieldmark("import", export, "--texts", texts, "--field", other)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"imported 3 records\nhead {head_of(field)}\n"
    assert "texts: 1 held" in fieldmark("verify", "--field", other).stdout
    again = fieldmark("import", export, "--field", other)
    assert again.stdout.startswith("imported 0 records")


def test_an_import_into_a_new_field_takes_its_name_from_the_folder(field: Path, tmp_path: Path) -> None:
    from fieldmark.fields import create_field, load_field

    fieldmark("export", tmp_path / "export.jsonl", "--field", field)
    other = create_field(tmp_path / "other")
    done = fieldmark("import", tmp_path / "export.jsonl", "--field", other)
    assert done.returncode == 2
    assert f"the export is of field 'letters', this ledger of '{load_field(other).id}'" in done.stderr


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    for arguments in (["head"], ["verify"], ["export", "x.jsonl"]):
        done = fieldmark(*arguments, "--field", tmp_path)
        assert done.returncode == 2
        assert "there is no ledger at" in done.stderr
        assert "fieldmark up" in done.stderr
    assert not list(tmp_path.iterdir())
    assert "No such file" in fieldmark("verify", tmp_path / "none.jsonl").stderr
    assert fieldmark("verify", "--texts", "x", "--field", tmp_path).returncode == 2


def test_a_record_is_proved_and_the_key_is_rotated(field: Path, tmp_path: Path) -> None:
    path = field / ".fieldmark" / "ledger.db"
    with Ledger.open(path, field="letters", signer=Signer(field / ".fieldmark" / "head.key")) as ledger:
        entry = append_withdrawal(ledger, {})
    kept = head_of(field)
    done = fieldmark("rotate-key", "--field", field)
    assert done.returncode == 0, done.stderr
    key = done.stdout.splitlines()[0].removeprefix("key ")
    for arguments in (["prove", entry.record.id], ["prove", "--since", kept]):
        proof = fieldmark(*arguments, "--field", field)
        assert proof.returncode == 0, proof.stderr
        (tmp_path / "proof.json").write_text(proof.stdout)
        checked = fieldmark("verify-proof", tmp_path / "proof.json", "--key", key, "--head", head_of(field))
        assert checked.returncode == 0, checked.stderr
        assert checked.stdout.startswith("proved: the ")
        assert f"signed by the key {key}" in checked.stdout
        wrong = fieldmark("verify-proof", tmp_path / "proof.json", "--key", "0" * 64)
        assert (wrong.returncode, "not by 0000" in wrong.stderr) == (1, True)
    assert "is not lost" in fieldmark("rotate-key", "--lost", "--field", field).stderr
    (field / ".fieldmark" / "head.key").unlink()
    assert "rotate-key --lost" in fieldmark("rotate-key", "--field", field).stderr
    assert fieldmark("rotate-key", "--lost", "--field", field).returncode == 0
    done = fieldmark("verify", "--field", field, "--head", kept)
    assert "3 keys so far, 1 of them after a lost one" in done.stdout, done.stderr
