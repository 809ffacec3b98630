"""`examples/support-desk/app.py`, as its README says to run it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fieldmark.contenders import Shelf
from tests.house import endpoint
from tests.models import NAME
from tests.upstream import Upstream

EXAMPLE = Path(__file__).parents[2] / "examples" / "support-desk"
CONTENDERS = re.compile(r"^\[\[contenders\]\].*?(?=^# A hosted model)", re.MULTILINE | re.DOTALL)


def desk(folder: Path, upstream: Upstream | None) -> Path:
    """The example as somebody's own; with an upstream in place of the bundled model."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    toml = folder / "field.toml"
    toml.write_text(toml.read_text().replace("max_tokens = 180 }", "max_tokens = 24 }"))
    if upstream is not None:
        tables = endpoint("smollm2-desk", upstream.url, "echo") + endpoint(
            "smollm2-plain", upstream.url, "whole"
        )
        toml.write_text(CONTENDERS.sub(tables, toml.read_text(), count=1))
    return folder


def run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, folder / "app.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("model", ["echo", "bundled"])
def test_the_desk_works_through_its_tickets(tmp_path: Path, upstream: Upstream, model: str) -> None:
    """Where the bundled model is not on the shelf, the echoing upstream stands for it too."""
    bundled = model == "bundled" and Shelf().has(NAME)
    said = run(desk(tmp_path / "desk", None if bundled else upstream))
    assert len(re.findall(r"^C-\d{5} \(\w+\): \w+", said, re.MULTILINE)) == 6
    assert said.count(": not reported") == 2
    assert "smollm2-desk: 6 cases, 4 reported, 2 not reported" in said
    assert re.search(r"^  rejected +\d+%   \d+% to \d+%$", said, re.MULTILINE)
