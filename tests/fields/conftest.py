"""Every test here has a shelf of its own, with nothing on it."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def shelf(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the shelf."""
    folder = tmp_path_factory.mktemp("models")
    monkeypatch.setenv("FIELDMARK_MODELS", str(folder))
    return folder
