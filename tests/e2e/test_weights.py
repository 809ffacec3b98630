"""The starter field on its real weights, with a network and without one; an embedded server that dies."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import models
from tests.e2e import offline, serving
from tests.e2e.conftest import Visit
from tests.e2e.screens import apart
from tests.e2e.words import ROOT, say


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """A copy of the starter field, its weights on the shelf."""
    apart(models.smollm2)
    return shutil.copytree(
        ROOT / "examples" / "starter", tmp_path / "starter", ignore=shutil.ignore_patterns(".fieldmark")
    )


def test_a_round_and_a_server_of_weights_that_dies(visit: Visit, starter: Path) -> None:
    with serving.up(starter) as server:
        visitor = visit(server.url)
        page = visitor.ask(offline.PROMPT)
        visitor.ready()
        for body in page.locator("article[aria-busy] .body").all():
            assert len(body.inner_text()) > 20
        visitor.vote("a")
        visitor.names()
        page.get_by_role("button", name=say("reveal.next")).click()
        visitor.box.fill("Write a long story about a lighthouse, in many chapters.")
        visitor.box.press("Enter")
        expect(page.get_by_text(say("battle.status.both_writing"))).to_be_visible()
        children = server.children()
        assert children
        for child in children:
            os.kill(child, signal.SIGKILL)
        expect(page.locator(".failure").first).to_contain_text(say("failure.crashed"))
        expect(page.locator("article[aria-busy=true]")).to_have_count(0)
        failures = page.locator(".failure")
        before = failures.count()
        failures.locator("button").first.click()
        expect(failures).to_have_count(before - 1)
        again = page.locator("article[aria-busy=true] .rest")
        expect(again).to_have_text(re.compile(r"\w+ \w+"))
        visitor.vote("both_bad")
        visitor.names()


def test_a_round_without_a_network(starter: Path, tmp_path: Path) -> None:
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine lets nobody have a network of their own (`unshare --net` is refused)")
    done = subprocess.run(
        [*unshare, sys.executable, "-m", "tests.e2e.offline", str(starter), "--cut"],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, "FIELDMARK_MODELS": models.only_smollm2(tmp_path / "shelf")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["cut"] is True
    assert seen["troubles"] == []
    assert all(len(answer) > 20 for answer in seen["answers"])
    assert set(seen["names"]) == {"smollm2-plain", "smollm2-brief"}
