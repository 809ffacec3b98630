"""Twenty jobs with tools."""

from __future__ import annotations

from fieldmark.scorecards import Task

from . import arguments, choosing, sequences, trouble


def tasks() -> list[Task]:
    """All of them."""
    return [*choosing.tasks(), *arguments.tasks(), *sequences.tasks(), *trouble.tasks()]
