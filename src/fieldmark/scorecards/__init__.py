"""Measure 2: an agent does the job, tests verify it, again and again."""

from fieldmark.scorecards._agent_contender import AgentContender
from fieldmark.scorecards._attempt import Attempt, Event, EventKind, ToolCall
from fieldmark.scorecards._browsing import BrowserScene
from fieldmark.scorecards._bundle import write_bundle
from fieldmark.scorecards._calling import CallingFound, calling_of, known_calling, probe_calling
from fieldmark.scorecards._cards import Cards
from fieldmark.scorecards._catalogue import Catalogue
from fieldmark.scorecards._check import CheckReport, check_set, load_check, save_check
from fieldmark.scorecards._compare import SPREAD, told_apart
from fieldmark.scorecards._entrants import PEOPLE, PEOPLE_DIGEST, Entrant
from fieldmark.scorecards._ground import Ground, play_planned
from fieldmark.scorecards._load import SetPlace, find_sets, load_set
from fieldmark.scorecards._mcp import mcp_scene, mcp_tools
from fieldmark.scorecards._pace import Pace
from fieldmark.scorecards._people import People
from fieldmark.scorecards._plan import Plan
from fieldmark.scorecards._projection import ScorecardsProjection
from fieldmark.scorecards._query import Filter
from fieldmark.scorecards._record import SetRecord, contender_record
from fieldmark.scorecards._records import spent as scorecards_spent
from fieldmark.scorecards._records import start_run, write_trial
from fieldmark.scorecards._reward import reward
from fieldmark.scorecards._run import Run, Stop
from fieldmark.scorecards._runs import Runs, Wanted
from fieldmark.scorecards._scaffold import new_set
from fieldmark.scorecards._seal import judges_of, report_openly, seal, sealed_for
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
from fieldmark.scorecards._trial import Bench, Played, TrialKey, play
from fieldmark.scorecards._verdict import VERIFIERS, Grading, Verdict, Verifier, VerifierMaker, judge
from fieldmark.scorecards._workers import SharedRun, Worker, prepare, queue_url

__all__ = [
    "PEOPLE",
    "PEOPLE_DIGEST",
    "SPREAD",
    "VERIFIERS",
    "AgentContender",
    "Attempt",
    "Bench",
    "BrowserScene",
    "Budget",
    "BudgetSpent",
    "CallingFound",
    "Cards",
    "Catalogue",
    "CheckReport",
    "Entrant",
    "Event",
    "EventKind",
    "Filter",
    "Grading",
    "Ground",
    "Pace",
    "People",
    "Plan",
    "Played",
    "Run",
    "Runs",
    "Scene",
    "ScorecardsProjection",
    "ScriptFault",
    "SetPlace",
    "SetRecord",
    "SharedRun",
    "Solution",
    "Stage",
    "Stop",
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
    "Wanted",
    "Worker",
    "calling_of",
    "check_set",
    "contender_record",
    "find_sets",
    "judge",
    "judges_of",
    "known_calling",
    "load_check",
    "load_set",
    "mcp_scene",
    "mcp_tools",
    "new_set",
    "play",
    "play_planned",
    "prepare",
    "probe_calling",
    "queue_url",
    "report_openly",
    "reward",
    "save_check",
    "scorecards_spent",
    "seal",
    "sealed_for",
    "start_run",
    "told_apart",
    "write_bundle",
    "write_trial",
]
