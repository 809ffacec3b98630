"""Puts the view of a shadowed case together: the kept request as lines, both answers, and after the vote the names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from fieldmark.arena._leak import LeakScan
from fieldmark.arena._standing import Standing
from fieldmark.arena.shadows import (
    CaseLine,
    ShadowAnswer,
    ShadowAnswers,
    ShadowReveal,
    ShadowSide,
    ShadowView,
)
from fieldmark.arena.views import VoteView
from fieldmark.fields import Known, known_contenders
from fieldmark.ledger import Snapshot, Transaction

_GONE = ShadowAnswer(text="", leak=False)


@dataclass(frozen=True)
class Case:
    """What is held of a shadowed case: answers by the digest of who wrote them."""

    messages: list[CaseLine]
    answers: Mapping[str, ShadowAnswer]


def read_case(reader: Snapshot | Transaction, row: Row[Any], known: Mapping[str, Known]) -> Case | None:
    """The case's texts; None unless all of them are held."""
    request, text_a, text_b = (reader.text(text) for text in (row.request, row.text_a, row.text_b))
    if request is None or text_a is None or text_b is None:
        return None
    messages = _lines(request)
    said = "\n".join(line.content for line in messages if line.role in {"system", "developer", "user"})
    texts = {row.a: text_a, row.b: text_b}
    answers = {
        digest: ShadowAnswer(text=text, leak=_names(known.get(digest), said).matches(text))
        for digest, text in texts.items()
    }
    return Case(messages, answers)


def shadow_view(
    snapshot: Snapshot,
    row: Row[Any],
    sides: tuple[str, str],
    mine: Row[Any] | None,
    standing: Standing | None,
) -> ShadowView:
    """The case as a voter may see it, with digest `sides` on the screen; `standing` is that of the shadow votes."""
    known = known_contenders(snapshot)
    case = None if row.gone else read_case(snapshot, row, known)
    a, b = (_GONE if case is None else case.answers[digest] for digest in sides)
    return ShadowView(
        id=row.battle,
        category=row.category,
        language=row.language,
        state="open" if mine is None else "retracted" if mine.retracted else "voted",
        erased=case is None,
        messages=[] if case is None else case.messages,
        answers=ShadowAnswers(a=a, b=b),
        vote=None if mine is None else _vote(mine),
        reveal=None if standing is None else _reveal(known, row, sides, standing),
    )


def _vote(mine: Row[Any]) -> VoteView:
    return VoteView(
        choice=mine.choice,
        partial=False,
        counts=mine.counts,
        not_counted=mine.not_counted,
        remarked=mine.remarked,
    )


def _reveal(
    known: Mapping[str, Known], row: Row[Any], sides: tuple[str, str], standing: Standing
) -> ShadowReveal:
    a, b = (_side(known.get(digest), digest, served=digest == row.a) for digest in sides)
    line = standing.between(*sides)
    return ShadowReveal(
        a=a,
        b=b,
        votes_between=line.votes,
        wins_a=line.wins,
        wins_b=line.losses,
        ties=line.ties,
        both_bad=line.both_bad,
    )


def _side(known: Known | None, digest: str, *, served: bool) -> ShadowSide:
    return ShadowSide(
        name=known.name if known else digest[:12],
        digest=digest,
        kind=known.kind if known else "unknown",
        sampler=dict(known.parts.get("sampler") or {}) if known else {},
        served=served,
    )


def _names(known: Known | None, said: str) -> LeakScan:
    names = [] if known is None else [known.name, str(known.parts.get("model") or "")]
    return LeakScan(names, said_by_person=said)


def _lines(request: str) -> list[CaseLine]:
    """The messages of an OpenAI request; anything else of it, such as the model's name, is not shown."""
    try:
        given = json.loads(request)
    except ValueError:
        return []
    messages = given.get("messages") if isinstance(given, dict) else None
    return [_message(m) for m in (messages if isinstance(messages, list) else ()) if isinstance(m, dict)]


def _message(message: Mapping[str, Any]) -> CaseLine:
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}] if isinstance(content, str) else []
    said = [_part(part) for part in parts if isinstance(part, dict)]
    calls = message.get("tool_calls")
    said += [_call(call) for call in (calls if isinstance(calls, list) else ()) if isinstance(call, dict)]
    return CaseLine(role=str(message.get("role", "")), content="\n".join(said))


def _part(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else f"[{part.get('type', 'unknown')}: not kept as text]"


def _call(call: Mapping[str, Any]) -> str:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    return f"[calls {function.get('name')}: {function.get('arguments')}]"
