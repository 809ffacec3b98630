"""Whoever takes a task."""

from __future__ import annotations

from typing import Protocol

from fieldmark.scorecards._stage import Stage


class GaveUp(Exception):
    """A person, or an agent, says that it cannot do it."""


class Agent(Protocol):
    """Takes a task through a stage, on which `begin` was called. Ends by returning; the last `say` was the answer.

    Raises ContenderFailure when it fails, BudgetSpent from the stage, GaveUp.
    """

    async def take(self, stage: Stage) -> None:
        """One attempt."""
        ...
