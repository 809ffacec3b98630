"""Every kind of evidence, one file per noun. `TYPES` maps the record's `type` to its body's class."""

from fieldmark.ledger.evidence._base import Choice, Evidence, Mode, Side, Source
from fieldmark.ledger.evidence.battle import Abandonment, AnswerEnded, BattleStarted, Failure, TurnStarted
from fieldmark.ledger.evidence.contender import ContenderSeen, Withdrawal
from fieldmark.ledger.evidence.field import FieldAsOfNow, RubricAsked
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
    )
}

__all__ = [
    "TYPES",
    "Abandonment",
    "AnswerEnded",
    "BattleStarted",
    "Choice",
    "ContenderSeen",
    "Evidence",
    "Failure",
    "FieldAsOfNow",
    "Mode",
    "NotCounted",
    "Remark",
    "Retraction",
    "Reveal",
    "RubricAsked",
    "Side",
    "Source",
    "TurnStarted",
    "VoteCast",
    "Withdrawal",
]
