"""The wheel as a user gets it: complete, without anybody's state, and served with nothing on the PATH."""

from __future__ import annotations

import json
import os
import shutil
import signal
import site
import socket
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models import only_smollm2

ROOT = Path(__file__).parents[2]
SERVED_IN_SECONDS = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the checkout in which somebody has served an example."""
    folder = tmp_path_factory.mktemp("wheel")
    kept_out = shutil.ignore_patterns(
        ".git", ".venv", "node_modules", "mutants", ".mypy_cache", "site", "__pycache__"
    )
    copy = shutil.copytree(ROOT, folder / "checkout", ignore=kept_out)
    state = copy / "examples" / "starter" / ".fieldmark"
    state.mkdir(exist_ok=True)
    (state / "ledger.db").write_text("somebody's votes")
    index = copy / "src" / "fieldmark" / "server" / "page" / "index.html"
    os.utime(index)  # the page is newer than its sources, so that it is not built once more
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; what the wheel depends on is lent by this one."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    packages = next(folder.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(packages)
    lent = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (packages / "lent.pth").write_text("\n".join(lent))
    return folder / "bin" / "python"


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


@pytest.mark.parametrize(
    "name",
    [
        "fieldmark/server/page/index.html",
        "fieldmark/fields/examples/starter/field.toml",
        "fieldmark/fields/examples/clinic-letters/prompts.toml",
        "fieldmark/fields/examples/support-desk/guidelines.md",
        "fieldmark/contenders/templates/plain.jinja",
        "fieldmark/py.typed",
    ],
)
def test_the_wheel_holds_what_it_needs(wheel: Path, name: str) -> None:
    assert name in names(wheel)


def test_the_wheel_holds_the_pages_parts_and_the_migrations(wheel: Path) -> None:
    held = names(wheel)
    assert any(name.startswith("fieldmark/server/page/assets/") and name.endswith(".js") for name in held)
    assert any(name.startswith("fieldmark/ledger/migrations/versions/") for name in held)


def test_the_wheel_holds_nobodys_state(wheel: Path) -> None:
    assert not [name for name in names(wheel) if ".fieldmark" in name or name.endswith(".db")]


@pytest.fixture
def address(python: Path, tmp_path: Path) -> Iterator[str]:
    """`fieldmark up` with an empty PATH and HOME, until the test is over."""
    environment = {"HOME": str(tmp_path), "PATH": "", "FIELDMARK_MODELS": only_smollm2(tmp_path / "shelf")}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(python), "-m", "fieldmark", "up", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
    try:
        _await(f"http://127.0.0.1:{port}/", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130), log.read_text()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SERVED_IN_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_the_installed_wheel_serves_with_an_empty_path(address: str, python: Path) -> None:
    where = [str(python), "-c", "import fieldmark; print(fieldmark.__file__)"]
    assert "site-packages" in subprocess.run(where, capture_output=True, text=True, check=True).stdout
    with urllib.request.urlopen(address) as page:
        assert b'<script type="module"' in page.read()
    with urllib.request.urlopen(f"{address}/api/v1/status") as status:
        assert json.load(status)["contenders"] == 2
    ask = {"model": "smollm2-brief", "stream": True, "messages": [{"role": "user", "content": "Say yes."}]}
    request = urllib.request.Request(
        f"{address}/v1/chat/completions", json.dumps(ask).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        lines = answer.read().decode().split("\n\n")
    assert lines[-2] == "data: [DONE]"
    said = [json.loads(line[6:]) for line in lines[:-2]]
    assert "".join(
        chunk["choices"][0]["delta"].get("content", "") for chunk in said if chunk["choices"]
    ).strip()
