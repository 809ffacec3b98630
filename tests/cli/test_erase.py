"""`fieldmark ledger erase` and `fieldmark votes` as a person types them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fieldmark.fields import load_field, open_ledger
from fieldmark.ledger.evidence import BattleStarted
from tests.cli import typed
from tests.house import write_field
from tests.ledger.test_erase import files_with

NEEDLE = "a needle that nobody else would write 5f1c"


@pytest.fixture
def field(tmp_path: Path) -> Path:
    return write_field(tmp_path / "field", "")


def fieldmark(field: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return typed.fieldmark(*arguments, cwd=field)


def test_a_person_is_shown_then_erased(field: Path) -> None:
    with open_ledger(load_field(field)) as ledger:
        me = ledger.write(lambda now: now.pseudonym("a secret"))
        started = BattleStarted(mode="blind", a="x", b="y", propensity=1)
        ledger.write(lambda now: now.append(started, actor=me, texts={"prompt": NEEDLE}))
    shown = fieldmark(field, "ledger", "erase", me)
    assert shown.returncode == 0, shown.stderr
    assert "would go:   1 text, 1 link" in shown.stdout
    assert "would stay: 1 record (1 battle)" in shown.stdout
    assert files_with(field, NEEDLE.encode())
    done = fieldmark(field, "ledger", "erase", me, "--yes")
    assert "erased 1 text and 1 link; record " in done.stdout
    assert files_with(field, NEEDLE.encode()) == []
    register = json.loads((field / ".fieldmark" / "erasures.jsonl").read_text())
    assert (register["subject"], len(register["texts"])) == (me, 1)
    assert "1 not held" in fieldmark(field, "ledger", "verify").stdout
    again = fieldmark(field, "ledger", "erase", me, "--yes")
    assert again.returncode == 2
    assert "any more: it was erased" in again.stderr
    assert fieldmark(field, "ledger", "sweep").returncode == 0


def test_what_cannot_be_erased_is_said(field: Path) -> None:
    with open_ledger(load_field(field)):
        pass
    strange = fieldmark(field, "ledger", "erase", "Ada")
    assert strange.returncode == 2
    assert "neither a pseudonym nor the id of a case" in strange.stderr
    unknown = fieldmark(field, "ledger", "erase", "p_" + "a" * 26)
    assert unknown.returncode == 2
    assert "nothing is held" in unknown.stderr


def test_votes_go_in_and_out(field: Path) -> None:
    (field / "in.csv").write_text("model_a,model_b,winner,judge\nx,y,a,ann\ny,x,tie,ben\n")
    first = fieldmark(field, "votes", "import", "in.csv")
    assert first.stdout == "imported 2 votes by 2 voters, 2 contenders new (csv)\n", first.stderr
    assert "imported before" in fieldmark(field, "votes", "import", "in.csv").stdout
    out = fieldmark(field, "votes", "export", "-", "--format", "csv", "--stratum", "imported")
    assert out.stdout.startswith("model_a,model_b,winner,voter_id,")
    assert len(out.stdout.splitlines()) == 3
    pairs = fieldmark(field, "votes", "export", "pairs.jsonl", "--format", "dpo", "--stratum", "imported")
    assert "exported 0 preference pairs" in pairs.stdout
    assert "left out 1 vote: texts are not held" in pairs.stdout
    wrong = fieldmark(field, "votes", "export", "x", "--stratum", "dead")
    assert (wrong.returncode, "strata: live" in wrong.stderr) == (2, True)
    (field / "bad.csv").write_text("model_a,model_b,winner\nx,y,left\n")
    bad = fieldmark(field, "votes", "import", "bad.csv")
    assert (bad.returncode, "line 2: unknown winner 'left'" in bad.stderr) == (2, True)
