"""Nothing that a user can name is undocumented, and the reference is what the code gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from fieldmark.fields import Policy
from fieldmark.ledger.evidence import TYPES
from tests.generated import FILES, _cli, stale, write
from tests.generated.__main__ import versions

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = {path: make for path, make in FILES.items() if path.endswith(".md")}


@pytest.mark.parametrize("path", PAGES)
def test_a_reference_page_is_what_the_code_gives(path: str) -> None:
    assert (ROOT / path).read_text() == PAGES[path](), "run: make fix"


def test_what_is_written_is_not_stale_and_an_edit_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.generated.FILES", PAGES)
    assert sorted(write(tmp_path)) == sorted(PAGES)
    assert write(tmp_path) == []
    assert stale(tmp_path) == {}
    page = tmp_path / "docs/reference/errors.md"
    page.write_text(page.read_text().replace("FieldmarkError", "Mistake", 1))
    assert list(stale(tmp_path)) == ["docs/reference/errors.md"]
    assert "+FieldmarkError" in stale(tmp_path)["docs/reference/errors.md"]


def test_one_version_number_everywhere() -> None:
    assert list(versions()) == []


@pytest.mark.parametrize(("name", "command"), list(_cli.commands()), ids=lambda value: str(value)[:40])
def test_every_command_and_option_says_what_it_does(name: str, command: object) -> None:
    page = (REFERENCE / "cli.md").read_text()
    section = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
    assert re.search(r"^[A-Z]\w+ .+[.:]$", section, re.MULTILINE), f"{name} has no help"
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert all(line.split(" | ")[-1].strip(" |") for line in rows), f"an option of {name} has no help"


@pytest.mark.parametrize("key", Policy.model_fields)
def test_every_policy_key_is_described(key: str) -> None:
    page = (REFERENCE / "field-toml.md").read_text()
    assert re.search(rf"^\| `{key}` \| .+ \| `.+` \| \S.+ \|$", page, re.MULTILINE)


@pytest.mark.parametrize("kind", TYPES)
def test_every_evidence_type_is_described(kind: str) -> None:
    page = (REFERENCE / "evidence.md").read_text()
    section = page.partition(f"## `{kind}`\n")[2].partition("\n## ")[0]
    assert "Schema version" in section
    assert _undescribed(TYPES[kind]) == []


def _undescribed(model: type[BaseModel]) -> list[str]:
    return [name for name, each in model.model_fields.items() if not each.description]
