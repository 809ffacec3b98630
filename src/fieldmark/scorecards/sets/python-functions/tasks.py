"""Thirty functions, by what they are about."""

from __future__ import annotations

from fieldmark.scorecards import Task

from . import amounts, calendars, puzzles, structures, texts
from ._kit import task


def tasks() -> list[Task]:
    groups = (texts, amounts, calendars, structures, puzzles)
    return [task(function) for group in groups for function in group.FUNCTIONS]
