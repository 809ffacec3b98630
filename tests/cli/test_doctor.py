"""What `fieldmark doctor` says of sandboxes."""

from __future__ import annotations

import json

import pytest

from fieldmark.cli import _doctor
from fieldmark.sandbox import Bubblewrap, _bubblewrap, _groups


def sandboxes(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str, str]]:
    _doctor.show([f for f in _doctor.findings(None) if f.what.startswith("Sandbox")], "json")
    return {f["what"]: (f["state"], f["detail"], f["get"]) for f in json.loads(capsys.readouterr().out)}


def test_limits_that_are_held_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    if trouble := Bubblewrap.trouble():
        pytest.skip(trouble)
    state, detail, _ = sandboxes(capsys)["Sandbox"]
    assert state == "ok"
    assert "network by namespace, files by namespace" in detail


def test_memory_that_nothing_bounds_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_groups, "kind", lambda: None)
    monkeypatch.setattr(_bubblewrap, "_trouble", lambda: None)
    state, detail, get = sandboxes(capsys)["Sandbox memory"]
    assert state == "optional"
    assert "bounds the memory of all processes" in detail
    assert "Delegate=yes" in get


def test_a_machine_without_bubblewrap_hears_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bubblewrap, "_trouble", lambda: "bubblewrap is not installed")
    found = sandboxes(capsys)
    assert found["Sandbox"][0] == "optional"
    assert "apt install bubblewrap" in found["Sandbox"][2]
    assert "Sandbox memory" not in found
