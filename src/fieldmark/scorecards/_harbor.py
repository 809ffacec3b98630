"""Harbor task folders, read as they are."""

from __future__ import annotations

from pathlib import Path

from fieldmark.scorecards._task import TaskSet


def is_harbor(folder: Path) -> bool:
    """Whether it is one of Harbor's tasks, or a folder of them."""
    return False


def harbor_set(folder: Path) -> TaskSet:
    """Its tasks."""
    raise NotImplementedError
