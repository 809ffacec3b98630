"""`fieldmark drift`, through the command itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fieldmark.cli import drift
from fieldmark.errors import Conflict, NotFound
from tests import upstream as faults
from tests.house import endpoint, write_field
from tests.upstream import Upstream

RULES = '[drift]\nprompts = ["Where?", "When?"]\nbaseline = 5\n'


def fieldmark(*arguments: object) -> Result:
    return CliRunner().invoke(drift.group, [str(each) for each in arguments])


def test_run_and_status(tmp_path: Path) -> None:
    with Upstream() as upstream:
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo"), RULES)
        before = fieldmark("status", "--field", folder)
        assert before.exit_code == 0, before.output
        assert "alder: off" in before.stdout
        asked = fieldmark("run", "--runs", 6, "--field", folder)
        assert asked.exit_code == 0, asked.output
        assert "alder: steady" in asked.stdout
        assert len(upstream.seen) == 6 * 4
        (view,) = json.loads(fieldmark("status", "--format", "json", "--field", folder).stdout)
        assert (view["state"], view["runs"], view["p"]) == ("steady", 6, 1.0)
        assert isinstance(fieldmark("run", "birch", "--field", folder).exception, NotFound)
        assert isinstance(fieldmark("acknowledge", "alder", "--field", folder).exception, Conflict)
        other = RULES.replace("Where?", "Whence?")
        write_field(folder, endpoint("alder", upstream.url, "echo"), other)
        assert "0 of 5 runs" in fieldmark("status", "alder", "--field", folder).stdout


def test_an_alarm_is_exit_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Upstream() as upstream:
        rules = '[drift]\nprompts = ["a", "b", "c", "d"]\nbaseline = 5\nalpha = 0.01\n'
        folder = write_field(tmp_path / "field", endpoint("alder", upstream.url, "echo"), rules)
        assert fieldmark("run", "--runs", 5, "--field", folder).exit_code == 0
        monkeypatch.setitem(faults._BEHAVIOURS, "echo", faults._names_itself)
        alarmed = fieldmark("run", "--runs", 3, "--field", folder)
        assert alarmed.exit_code == 1
        assert "alder: alarm" in alarmed.stdout
        assert fieldmark("acknowledge", "alder", "--field", folder).exit_code == 0
