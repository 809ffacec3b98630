"""Measure 2: an agent does the job, tests verify it, again and again."""

from fieldmark.scorecards._attempt import Attempt, Event, EventKind, ToolCall
from fieldmark.scorecards._cards import Cards
from fieldmark.scorecards._catalogue import Catalogue
from fieldmark.scorecards._entrants import PEOPLE, PEOPLE_DIGEST, Entrant
from fieldmark.scorecards._ground import Ground, play_planned
from fieldmark.scorecards._load import SetPlace, find_sets, load_set
from fieldmark.scorecards._pace import Pace
from fieldmark.scorecards._plan import Plan
from fieldmark.scorecards._projection import ScorecardsProjection
from fieldmark.scorecards._query import Filter
from fieldmark.scorecards._records import spent as scorecards_spent
from fieldmark.scorecards._records import start_run, write_trial
from fieldmark.scorecards._run import Run, Stop
from fieldmark.scorecards._runs import Runs, Wanted
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
    "Attempt",
    "Bench",
    "Budget",
    "BudgetSpent",
    "Cards",
    "Catalogue",
    "Entrant",
    "Event",
    "EventKind",
    "Filter",
    "Grading",
    "Ground",
    "PEOPLE",
    "PEOPLE_DIGEST",
    "Pace",
    "Plan",
    "Played",
    "Run",
    "Runs",
    "Scene",
    "ScorecardsProjection",
    "ScriptFault",
    "SetPlace",
    "Solution",
    "Stage",
    "Stop",
    "Task",
    "TaskSet",
    "Tool",
    "ToolCall",
    "ToolRefusal",
    "TrialKey",
    "VERIFIERS",
    "Variant",
    "Verdict",
    "Verifier",
    "VerifierMaker",
    "Wanted",
    "attempt_task",
    "find_sets",
    "judge",
    "load_set",
    "play",
    "play_planned",
    "scorecards_spent",
    "start_run",
    "write_trial",
]
