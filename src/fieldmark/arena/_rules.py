"""What a round allows, checked inside the transaction that writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from fieldmark.arena import _tables as t
from fieldmark.arena._restore import Restored
from fieldmark.errors import Conflict, Forbidden, InputError, NotFound, TooLarge
from fieldmark.fields import Field, Policy
from fieldmark.ledger import Prepared, Row
from fieldmark.ledger.evidence import Choice, NotCounted, Side, VoteCast

BATTLE = Prepared(select(t.battles).where(t.battles.c.id == bindparam("battle")))
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check_prompt(
    field: Field, prompt: str, *, from_field: bool, category: str | None, what: str = "prompt"
) -> None:
    """Raise InputError (TooLarge) unless the field takes this text.

    Any language, direction and markup is welcome; control characters and broken surrogates are not text.
    """
    if not prompt.strip():
        raise InputError(f"the {what} is empty", hint="write what you would ask in your work")
    limit = field.policy.max_prompt_characters
    if len(prompt) > limit:
        raise TooLarge(
            f"the {what} has {len(prompt):,} characters; this field takes {limit:,}", hint="shorten it"
        )
    if found := _CONTROL.search(prompt):
        raise InputError(
            f"the {what} holds the control character U+{ord(found.group()):04X}, so it is not text",
            hint="paste text rather than a file's bytes",
        )
    known = {c.id for c in field.categories}
    if category is not None and category not in known:
        raise InputError(
            f"unknown category '{category}'", hint="categories of this field: " + ", ".join(sorted(known))
        )
    texts = {p.text for p in field.prompts}
    if from_field and prompt not in texts:
        raise InputError("this is not one of the field's prompts", hint="send it as your own")
    if what == "prompt" and not from_field and not field.policy.own_prompts:
        raise InputError("this field takes only its own prompts", hint="choose one of them")


def check_remark(
    field: Field,
    tags: Mapping[Side, tuple[str, ...]],
    rubric: Mapping[str, Mapping[Side, int]],
    comment: str,
) -> None:
    """Raise InputError unless the field has these reason tags and questions, and takes the comment."""
    known = {*field.reason_tags.positive, *field.reason_tags.negative}
    strange = sorted({tag for side in tags.values() for tag in side} - known)
    if strange:
        raise InputError(
            f"unknown reason tag '{strange[0]}'", hint="tags of this field: " + ", ".join(sorted(known))
        )
    scales = {q.id: q.scale for q in field.rubric}
    for question, given in rubric.items():
        if question not in scales:
            raise InputError(f"unknown question '{question}'", hint="questions: " + ", ".join(scales))
        if any(not 1 <= value <= scales[question] for value in given.values()):
            raise InputError(f"'{question}' is answered with 1 to {scales[question]}")
    if comment:
        check_prompt(field, comment, from_field=False, category=None, what="comment")


def find(connection: Connection, battle: str, voter: str) -> Row:
    """The battle's row, for its voter only.

    Raises:
        NotFound: no such battle.
        Forbidden: somebody else's.
    """
    row = BATTLE.execute(connection, {"battle": battle}).one_or_none()
    if row is None:
        raise NotFound("there is no such round", hint="begin a new one")
    if row.voter != voter:
        raise Forbidden("this round belongs to somebody else")
    return row


def open_round(connection: Connection, battle: str, voter: str) -> Row:
    """The battle's row, if it is open. Conflict: `already_voted`, `closed`."""
    row = find(connection, battle, voter)
    if row.state in {"voted", "revealed"}:
        raise Conflict(
            "you have voted in this round", code="already_voted", hint="one vote per person and round"
        )
    if row.state != "open":
        raise Conflict(f"this round is {row.state}", code="closed", hint="begin a new one")
    return row


@dataclass(frozen=True)
class Cast:
    """A vote as it was given."""

    choice: Choice
    decision_ms: int | None
    unseen: bool
    """A side had shown nothing yet."""
    credentials: tuple[str, ...] = ()
    """Those that the voter's account holds."""


def vote_evidence(row: Row, past: Restored, cast: Cast, policy: Policy) -> VoteCast:
    """The vote as it is written down, with whether it counts and why not."""
    answers = past.answers.values()
    leak = any(answer.leak for answer in answers)
    failed = any(answer.failure is not None for answer in answers)
    reasons: tuple[tuple[NotCounted, bool], ...] = (
        ("chosen", row.mode == "chosen"),
        ("side_failed", failed and not policy.count_failed_side),
        ("unseen", cast.unseen and not failed),
        ("leak", leak and not policy.count_leaked),
        ("revised", row.undone > 0 and not policy.count_revised),
    )
    why = next((reason for reason, holds in reasons if holds), None)
    return VoteCast(
        choice=cast.choice,
        **{k: getattr(row, k) for k in ("a", "b", "mode", "source", "propensity", "category", "language")},
        credentials=cast.credentials,
        turns=row.turn,
        decision_ms=cast.decision_ms,
        partial=any(answer.stopped for answer in answers),
        leak=leak,
        counts=why is None,
        not_counted=why,
    )
