"""`fieldmark contenders`, through the command itself."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fieldmark.cli import contenders
from fieldmark.contenders import LocalServer
from fieldmark.errors import ContenderError, FieldmarkError, InputError, NotFound
from tests.house import endpoint, write_field
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def folder(tmp_path: Path, upstream: Upstream) -> Path:
    return write_field(
        tmp_path / "field", endpoint("one", upstream.url, "echo") + endpoint("two", upstream.url, "slow")
    )


def run(*arguments: str) -> Result:
    app = typer.Typer()
    contenders.add_to(app)
    result = CliRunner().invoke(app, ["contenders", *arguments], env={"COLUMNS": "140"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_add_probes_and_saves(folder: Path, upstream: Upstream) -> None:
    before = len(upstream.seen)
    field = ("--field", str(folder))
    options = (
        "--url",
        upstream.url,
        "--model",
        "names-itself",
        "--system",
        "Be kind.",
        "--temperature",
        "0.5",
    )
    said = run("add", "three", *field, *options).stdout
    assert "answered after" in said
    assert "I am names-itself" in said
    assert len(upstream.seen) == before + 1
    table = tomllib.loads((folder / "contenders" / "three.toml").read_text())
    assert (table["kind"], table["model"], table["system"]) == ("endpoint", "names-itself", "Be kind.")
    assert table["sampler"] == {"temperature": 0.5}
    assert "three" in run("list", *field).stdout
    rows = json.loads(run("list", *field, "--format", "json").stdout)
    assert [row["name"] for row in rows] == ["one", "two", "three"]
    assert "removed" in run("remove", "three", *field).stdout
    assert not (folder / "contenders" / "three.toml").exists()


def test_one_that_does_not_answer_is_not_saved(folder: Path, upstream: Upstream) -> None:
    arguments = ("three", "--field", str(folder), "--url", upstream.url, "--model", "refuse:500")
    with pytest.raises(ContenderError, match="does not answer") as caught:
        run("add", *arguments)
    assert "--no-probe" in caught.value.hint
    assert not (folder / "contenders").exists()
    assert "saved" in run("add", *arguments, "--no-probe").stdout


def test_weights(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_MODELS", str(tmp_path / "empty"))
    arguments = ("three", "--field", str(folder), "--weights", "smollm2-135m")
    with pytest.raises(ContenderError, match="not here yet") as caught:
        run("add", *arguments)
    assert caught.value.hint == "fieldmark models pull smollm2-135m"
    run("add", *arguments, "--no-probe")
    assert "missing" in run("list", "--field", str(folder)).stdout


def test_probe(folder: Path) -> None:
    assert "You said:" in run("probe", "one", "--field", str(folder)).stdout
    with pytest.raises(NotFound, match="nobody") as caught:
        run("probe", "nobody", "--field", str(folder))
    assert "one, two" in caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["three"], "either --url"),
        (["three", "--url", "http://h", "--weights", "x"], "either --url"),
        (["three", "--weights", "x", "--model", "y"], "--model belongs to --url"),
        (["three", "--url", "http://h"], "needs 'url' and 'model'"),
        (["three", "--url", "ftp://h", "--model", "x"], "http://"),
        (["Three!", "--url", "http://h", "--model", "x"], "--name: a name has"),
        (["three", "--url", "http://h", "--model", "x", "--temperature", "9"], "--temperature"),
        (["one", "--url", "http://h", "--model", "x", "--no-probe"], "'one' already"),
    ],
)
def test_mistakes(folder: Path, arguments: list[str], says: str) -> None:
    with pytest.raises(FieldmarkError, match=says):
        run("add", *arguments, "--field", str(folder))
    assert not (folder / "contenders").exists() or not list((folder / "contenders").iterdir())


def test_detect(monkeypatch: pytest.MonkeyPatch, upstream: Upstream) -> None:
    port = int(upstream.url.removesuffix("/v1").rpartition(":")[2])
    monkeypatch.setattr("fieldmark.contenders._detect.detect.__defaults__", ({port: "x"},))
    said = run("detect").stdout
    assert f"OpenAI-compatible at {upstream.url}" in said
    assert f"fieldmark contenders add NAME --url {upstream.url} --model slow" in said
    [found] = json.loads(run("detect", "--format", "json").stdout)
    assert LocalServer(**{**found, "models": tuple(found["models"])}).models == ("echo", "slow")
    monkeypatch.setattr("fieldmark.contenders._detect.detect.__defaults__", ({},))
    assert "no model server" in run("detect").stdout


def test_needs_a_field(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run("list", "--field", str(tmp_path))
