"""The program printed in docs/reference/ledger-format.md verifies an export, with nothing of Fieldmark's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.ledger.parts import cast, open_ledger

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ledger-format.md"


def test_the_printed_program_verifies_an_export(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    script, export = tmp_path / "verify.py", tmp_path / "export.jsonl"
    script.write_text(found[1])

    def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(script), str(export), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    with open_ledger(tmp_path / "ledger.db") as ledger:
        for _ in range(4):
            cast(ledger, comment="Größe")
        with ledger.read() as snapshot:
            heads = [str(snapshot.head_at(size)) for size in range(5)]
        ledger.export(export)
    for head in heads:
        done = verify(head)
        assert (done.returncode, done.stdout.strip()) == (0, heads[4]), done.stderr
    assert "not the log whose head was" in verify(f"5:{'0' * 64}").stderr
    content = export.read_bytes()
    export.write_bytes(content.replace(b'"turns":1', b'"turns":2', 3))
    assert "record 0 does not chain" in verify().stderr
    export.write_bytes(content[: content.rindex(b'{"hash"')])
    assert verify().returncode == 1
