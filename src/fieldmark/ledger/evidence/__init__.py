"""Every kind of evidence, one file per noun. `TYPES` maps the record's `type` to its body's class."""

from fieldmark.ledger.evidence._base import Choice, Evidence, Mode, Side, Source
from fieldmark.ledger.evidence.account import Act, AdminAct
from fieldmark.ledger.evidence.battle import Abandonment, AnswerEnded, BattleStarted, Failure, TurnStarted
from fieldmark.ledger.evidence.case import CaseAnswered, CaseOpened, OutcomeReported, Result, Route, Tried
from fieldmark.ledger.evidence.contender import ContenderSeen, Withdrawal
from fieldmark.ledger.evidence.drift import CanaryAsked, DriftFound
from fieldmark.ledger.evidence.erasure import Erasure
from fieldmark.ledger.evidence.field import FieldAsOfNow, RubricAsked
from fieldmark.ledger.evidence.head import HeadWitnessed, KeyInForce
from fieldmark.ledger.evidence.monitor import MonitorFound
from fieldmark.ledger.evidence.scorecard import (
    Ended,
    KeptArtifact,
    RunEnded,
    RunStarted,
    SealedTask,
    TaskSetSeen,
    TasksSealed,
    TrialEnded,
    VerdictGiven,
    VerdictResult,
    VerifierMeasured,
    VoidReason,
)
from fieldmark.ledger.evidence.vote import NotCounted, Remark, Retraction, Reveal, VoteCast

TYPES: dict[str, type[Evidence]] = {
    kind.type: kind
    for kind in (
        FieldAsOfNow,
        ContenderSeen,
        Withdrawal,
        BattleStarted,
        TurnStarted,
        AnswerEnded,
        Abandonment,
        VoteCast,
        Remark,
        Reveal,
        Retraction,
        CaseOpened,
        CaseAnswered,
        OutcomeReported,
        MonitorFound,
        CanaryAsked,
        DriftFound,
        Erasure,
        AdminAct,
        KeyInForce,
        HeadWitnessed,
        TaskSetSeen,
        TasksSealed,
        RunStarted,
        TrialEnded,
        VerdictGiven,
        RunEnded,
    )
}

__all__ = [
    "TYPES",
    "Abandonment",
    "Act",
    "AdminAct",
    "AnswerEnded",
    "BattleStarted",
    "CanaryAsked",
    "CaseAnswered",
    "CaseOpened",
    "Choice",
    "ContenderSeen",
    "DriftFound",
    "Ended",
    "Erasure",
    "Evidence",
    "Failure",
    "FieldAsOfNow",
    "HeadWitnessed",
    "KeptArtifact",
    "KeyInForce",
    "Mode",
    "MonitorFound",
    "NotCounted",
    "OutcomeReported",
    "Remark",
    "Result",
    "Retraction",
    "Reveal",
    "Route",
    "RubricAsked",
    "RunEnded",
    "RunStarted",
    "SealedTask",
    "Side",
    "Source",
    "TaskSetSeen",
    "TasksSealed",
    "TrialEnded",
    "Tried",
    "TurnStarted",
    "VerdictGiven",
    "VerdictResult",
    "VerifierMeasured",
    "VoidReason",
    "VoteCast",
    "Withdrawal",
]
