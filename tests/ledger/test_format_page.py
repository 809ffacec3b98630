"""The program printed in docs/reference/ledger-format.md verifies an export, with nothing of Fieldmark's."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.ledger import Ledger, Signer, witness
from tests.ledger.parts import FIELD, cast

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ledger-format.md"
Verify = Callable[..., subprocess.CompletedProcess[str]]


def _program() -> str:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    script = tmp_path / "verify.py"
    script.write_text(_program())

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(script), str(tmp_path / "export.jsonl"), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_it_has_at_most_80_lines_and_imports_one_library() -> None:
    program = _program()
    assert len(program.splitlines()) <= 80
    libraries = set(re.findall(r"^(?:from|import) (\w+)", program, re.MULTILINE)) - sys.stdlib_module_names
    assert libraries == {"cryptography"}


def test_it_verifies_roots_signatures_keys_texts_and_kept_heads(tmp_path: Path, verify: Verify) -> None:
    export, texts, signer = tmp_path / "export.jsonl", tmp_path / "texts.jsonl", Signer(tmp_path / "head.key")
    with Ledger.open(tmp_path / "ledger.db", field=FIELD, signer=signer) as ledger:
        for n in range(7):
            cast(ledger, comment=f"Größe {n}")
            if n == 3:
                ledger.rotate_key()
                witness(ledger, "notary", "file", str(tmp_path / "heads.jsonl"))
        with ledger.read() as snapshot:
            size = snapshot.head().size
            heads = [str(snapshot.head_at(each)) for each in range(size + 1)]
            key = snapshot.signed_head().key
        ledger.export(export, texts=texts)
    for head in heads:
        done = verify("--head", head, "--texts", texts)
        assert (done.returncode, done.stdout.strip()) == (0, f"{heads[-1]} signed by {key}"), done.stderr
    assert "not the log whose head was 5" in verify("--head", f"5:{'0' * 64}").stderr
    content = export.read_bytes()
    for old, new, said in (
        (b'"decision_ms":1200', b'"decision_ms":1201', "record 1: changed"),
        (b'"index":2', b'"index":3', "record 2: changed, dropped, added or moved"),
        (content.splitlines(keepends=True)[-2], b"", "the tail: not the head"),
        (content[-131:], b"0" * 128 + b'"}\n', "InvalidSignature"),
        (content[content.rindex(b'{"head"') :], b"", "Error"),
    ):
        assert content.count(old) >= 1
        export.write_bytes(content.replace(old, new, 1))
        done = verify()
        assert done.returncode == 1
        assert said in done.stderr
    export.write_bytes(content)
    lines = texts.read_text().splitlines(keepends=True)
    texts.write_text("".join([*lines[:2], lines[2].replace("Größe 2", "Größe 3"), *lines[3:]]))
    assert "is not the text committed to" in verify("--texts", texts).stderr


def test_a_key_that_the_one_before_did_not_endorse_is_found(tmp_path: Path, verify: Verify) -> None:
    export = tmp_path / "export.jsonl"
    with Ledger.open(tmp_path / "ledger.db", field=FIELD, signer=Signer(tmp_path / "head.key")) as ledger:
        ledger.rotate_key()
        ledger.export(export)
    assert verify().returncode == 0
    content = export.read_bytes()
    where = content.index(b'"endorsement":"') + 15
    forged = content[:where] + b"0" * 128 + content[where + 128 :]
    raw = forged.splitlines()[2].split(b'"record":', 1)[1][:-1]
    hashed = _leaf(raw)
    lines = forged.splitlines(keepends=True)
    lines[2] = b'{"hash":"%s","index":1,"record":%s}\n' % (hashed.encode(), raw)
    export.write_bytes(b"".join(lines))
    assert "InvalidSignature" in verify().stderr


def _leaf(raw: bytes) -> str:
    from fieldmark.ledger import leaf

    return leaf(raw).hex()
