"""Reading cases: the inbox, one case whole, and how much of its work each application reports on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Row, func, select

from fieldmark.errors import InputError, NotFound
from fieldmark.gateway import _tables as t
from fieldmark.gateway.views import (
    CaseLine,
    CaseMessage,
    CasePage,
    CaseView,
    FindingView,
    OutcomeView,
)
from fieldmark.ledger import Snapshot, Transaction

Which = Literal["waiting", "reported", "all"]
MOST = 200
"""Most cases of one page."""
_PREVIEW = 160
Names = Mapping[str, str]
"""Applications' names by id."""


def case_page(
    snapshot: Snapshot,
    names: Names,
    which: Which = "waiting",
    *,
    category: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> CasePage:
    """Cases, newest first; `before` is the id of the last one of the page before.

    Raises:
        NotFound: no case has the id `before`.
        InputError: `limit` is not between 1 and `MOST`.
    """
    if not 1 <= limit <= MOST:
        raise InputError(f"{limit} cases do not make a page", hint=f"1 to {MOST}")
    c = t.cases.c
    query = select(t.cases).order_by(c.started.desc()).limit(limit + 1)
    if which != "all":
        query = query.where(c.state == which)
    if category is not None:
        query = query.where(c.category == category)
    if before is not None:
        query = query.where(c.started < find_case(snapshot, before).started)
    rows = snapshot.connection.execute(query).all()
    waiting = select(func.count()).select_from(t.cases).where(c.state == "waiting")
    return CasePage(
        cases=[CaseLine(**_line(snapshot, row, names)) for row in rows[:limit]],
        more=len(rows) > limit,
        waiting=snapshot.connection.execute(waiting).scalar_one(),
    )


def case_view(snapshot: Snapshot, names: Names, case: str) -> CaseView:
    """One case whole.

    Raises:
        NotFound: no case has that id.
    """
    row = find_case(snapshot, case)
    request = _request(snapshot, row)
    return CaseView(
        **_line(snapshot, row, names),
        messages=[_message(m) for m in _dicts(request.get("messages"))],
        answer=_text(snapshot, row.answer),
        tool_calls=json.loads(_text(snapshot, row.calls) or "[]"),
        failure=row.failure,
        outcomes=outcomes_of(snapshot, case),
        monitors=_findings(snapshot, case),
        shadow=row.shadow is not None,
    )


def find_case(reader: Snapshot | Transaction, case: str) -> Row[Any]:
    """The row of a case.

    Raises:
        NotFound: no case has that id.
    """
    row = reader.connection.execute(select(t.cases).where(t.cases.c.id == case)).one_or_none()
    if row is None:
        raise NotFound("no case has that id")
    return row


def outcomes_of(snapshot: Snapshot, case: str) -> list[OutcomeView]:
    """What was said about a case, oldest first."""
    query = select(t.outcomes).where(t.outcomes.c.case == case).order_by(t.outcomes.c.index)
    return [
        OutcomeView(
            **{n: getattr(row, n) for n in ("id", "at", "result", "by", "number", "changed")},
            edit=_text(snapshot, row.edit),
            note=_text(snapshot, row.note),
        )
        for row in snapshot.connection.execute(query)
    ]


def application_counts(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """By application id: cases that came with its key, and how many of them have an outcome."""
    rows = snapshot.connection.execute(select(t.applications))
    return {row.application: (row.cases, row.reported) for row in rows}


def _line(snapshot: Snapshot, row: Row[Any], names: Names) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at,
        "category": row.category,
        "application": names.get(row.application, row.application),
        "preview": _preview(_request(snapshot, row)),
        "state": row.state,
        "result": row.result,
    }


def _request(snapshot: Snapshot, row: Row[Any]) -> dict[str, Any]:
    text = _text(snapshot, row.request)
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _preview(request: Mapping[str, Any]) -> str:
    messages = _dicts(request.get("messages"))
    said = next((m for m in reversed(messages) if m.get("role") == "user"), None)
    text = " ".join(_message(said).content.split()) if said else ""
    return text if len(text) <= _PREVIEW else text[: _PREVIEW - 1] + "…"


def _message(message: Mapping[str, Any]) -> CaseMessage:
    content = message.get("content")
    if isinstance(content, list):
        content = "\n".join(_part(part) for part in _dicts(content))
    return CaseMessage(
        role=str(message.get("role")),
        content=content if isinstance(content, str) else "",
        tool_calls=_dicts(message.get("tool_calls")),
    )


def _part(part: Mapping[str, Any]) -> str:
    if isinstance(part.get("text"), str):
        return str(part["text"])
    return f"[{part.get('type')}: not kept]"


def _dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a list; whatever else an application may have sent is passed over."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _findings(snapshot: Snapshot, case: str) -> list[FindingView]:
    query = select(t.findings).where(t.findings.c.case == case).order_by(t.findings.c.index)
    return [
        FindingView(
            **{n: getattr(row, n) for n in ("monitor", "at", "passed", "score", "error")},
            explanation=_text(snapshot, row.explanation),
        )
        for row in snapshot.connection.execute(query)
    ]


def _text(snapshot: Snapshot, text_id: str | None) -> str | None:
    return snapshot.text(text_id) if text_id else None
