"""Measure 2: an agent does the job, tests verify it, again and again."""

from fieldmark.scorecards._attempt import Attempt, Event, EventKind, ToolCall
from fieldmark.scorecards._stage import BudgetSpent, Scene, ScriptFault, Stage
from fieldmark.scorecards._task import (
    Budget,
    Solution,
    Task,
    TaskSet,
    Tool,
    ToolRefusal,
    Variant,
)
from fieldmark.scorecards._trial import Bench, Played, TrialKey, attempt_task, play
from fieldmark.scorecards._verdict import VERIFIERS, Grading, Verdict, Verifier, VerifierMaker, judge

__all__ = [
    "VERIFIERS",
    "Attempt",
    "Bench",
    "Budget",
    "BudgetSpent",
    "Event",
    "EventKind",
    "Grading",
    "Played",
    "Scene",
    "ScriptFault",
    "Solution",
    "Stage",
    "Task",
    "TaskSet",
    "Tool",
    "ToolCall",
    "ToolRefusal",
    "TrialKey",
    "Variant",
    "Verdict",
    "Verifier",
    "VerifierMaker",
    "attempt_task",
    "judge",
    "play",
]
