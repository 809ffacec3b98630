"""Keeps the gateway's tables: each record is applied in the transaction that appends it, at a cost that does not grow.

Keys of `gateway_counts`: `cases`, `answered`, `failed:KIND`, `stopped`, `leaks`, `reported`, `result:RESULT`,
`unreported` (answered, and no outcome), `changed:HUNDREDTHS`, `monitor:passed:NAME`, `monitor:failed:NAME`,
`monitor:error:NAME`, and `spent`, whose amount is in currency units and which exists for all categories only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from fieldmark.gateway import _tables as t
from fieldmark.ledger import Entry, Prepared, Projection, Row
from fieldmark.ledger.evidence import (
    BattleStarted,
    CaseAnswered,
    CaseOpened,
    Erasure,
    MonitorFound,
    OutcomeReported,
)

SPENT = "spent"
"""Key of what a contender has cost through the gateway, shadow answers included: for spend caps."""

_new_case = Prepared(
    insert(t.cases),
    ("id", "started", "at", "application", "person", "category", "contender", "state", "request", "answered"),
)
_new_unanswered = Prepared(insert(t.unanswered), t.unanswered.columns.keys())
_new_outcome = Prepared(insert(t.outcomes), t.outcomes.columns.keys())
_new_finding = Prepared(insert(t.findings), t.findings.columns.keys())
_case = Prepared(select(t.cases).where(t.cases.c.id == bindparam("case")))
_set = update(t.cases).where(t.cases.c.id == bindparam("case"))
_ended = Prepared(delete(t.unanswered).where(t.unanswered.c.case == bindparam("case")))
_replied = Prepared(
    _set.values(
        {
            name: bindparam(f"to_{name}")
            for name in ("contender", "failure", "answered", "answer", "calls", "state")
        }
    )
)
_marked = Prepared(
    _set.values({name: bindparam(f"to_{name}") for name in ("outcome", "result", "changed", "state")})
)
# Built by hand, since SQLAlchemy spells "on conflict" once for each database; both read it the same.
_add = Prepared(
    text(
        "INSERT INTO gateway_counts (contender, category, key, n, amount)"
        " VALUES (:contender, :category, :key, :n, :amount) ON CONFLICT (contender, category, key)"
        " DO UPDATE SET n = gateway_counts.n + excluded.n, amount = gateway_counts.amount + excluded.amount"
    )
)
_application = Prepared(
    text(
        "INSERT INTO gateway_applications (application, cases, reported) VALUES (:application, :cases, :reported)"
        " ON CONFLICT (application) DO UPDATE SET cases = gateway_applications.cases + excluded.cases,"
        " reported = gateway_applications.reported + excluded.reported"
    )
)


class GatewayProjection(Projection):
    """Cases, their outcomes and findings, and counts of these per contender and category."""

    name = "gateway"
    version = 1
    tables = t.ALL

    def apply(self, connection: Connection, entry: Entry) -> None:
        """Bring the tables to the state after `entry`."""
        match entry.record.body:
            case CaseOpened() as opened:
                _open(connection, entry, opened)
            case CaseAnswered() as answered:
                _answer(connection, entry, answered)
            case OutcomeReported() as outcome:
                _report(connection, entry, outcome)
            case MonitorFound() as found:
                _find(connection, entry, found)
            case BattleStarted(source="shadow"):
                connection.execute(_set.values(shadow=entry.record.id), {"case": entry.record.refs["case"]})
            case Erasure() as erasure:
                _erase(connection, erasure)
            case _:
                pass


def _open(connection: Connection, entry: Entry, opened: CaseOpened) -> None:
    _new_case.execute(
        connection,
        {
            "id": entry.record.id,
            "started": entry.index,
            "at": entry.record.at,
            **opened.model_dump(include={"application", "person", "category", "contender"}),
            "state": "open",
            "request": entry.record.commitments["request"].text_id,
            "answered": False,
        },
    )
    _new_unanswered.execute(connection, {"case": entry.record.id, "contender": opened.contender})
    if opened.application is not None:
        _count_application(connection, opened.application, cases=1)


def _answer(connection: Connection, entry: Entry, answered: CaseAnswered) -> None:
    case = _row(connection, entry)
    counts = _Counts(case.category)
    if answered.cost is not None:
        counts.spent(answered.contender, answered.cost)
    if answered.role == "served":
        _ended.execute(connection, {"case": case.id})
        _replied.execute(connection, _after(entry, answered, case))
        counts.add(answered.contender, _answer_keys(answered, case))
        if case.result is not None and case.contender != answered.contender:
            # The outcome was quicker than the end of the answer, and somebody else answered than was chosen.
            counts.add(case.contender, _outcome_keys(case), -1)
            counts.add(answered.contender, _outcome_keys(case))
    counts.write(connection)


def _after(entry: Entry, answered: CaseAnswered, case: Row) -> dict[str, Any]:
    texts = entry.record.commitments
    state = "failed" if answered.failure else "waiting"
    return {
        "case": case.id,
        "to_contender": answered.contender,
        "to_failure": answered.failure,
        "to_answered": answered.failure is None,
        "to_answer": texts["answer"].text_id if "answer" in texts else None,
        "to_calls": texts["calls"].text_id if "calls" in texts else None,
        "to_state": state if case.state == "open" else case.state,
    }


def _answer_keys(answered: CaseAnswered, case: Row) -> Iterator[str]:
    yield "cases"
    yield f"failed:{answered.failure}" if answered.failure else "answered"
    if answered.finish == "stopped":
        yield "stopped"
    if answered.leak:
        yield "leaks"
    if answered.failure is None and case.result is None:
        yield "unreported"


def _report(connection: Connection, entry: Entry, outcome: OutcomeReported) -> None:
    case = _row(connection, entry)
    texts = entry.record.commitments
    _new_outcome.execute(
        connection,
        {
            "id": entry.record.id,
            "case": case.id,
            "index": entry.index,
            "at": entry.record.at,
            **outcome.model_dump(include={"result", "by", "number", "changed"}),
            "edit": texts["edit"].text_id if "edit" in texts else None,
            "note": texts["note"].text_id if "note" in texts else None,
        },
    )
    counts = _Counts(case.category)
    if case.result is not None:
        counts.add(case.contender, _outcome_keys(case), -1)
    else:
        if case.answered:
            counts.add(case.contender, ["unreported"], -1)
        if case.application is not None:
            _count_application(connection, case.application, reported=1)
    values = {
        "case": case.id,
        "to_outcome": entry.record.id,
        "to_result": outcome.result,
        "to_changed": None if outcome.changed is None else round(outcome.changed * 100),
        "to_state": "erased" if case.state == "erased" else "reported",
    }
    _marked.execute(connection, values)
    counts.add(case.contender, _outcome_keys(_row(connection, entry)))
    counts.write(connection)


def _outcome_keys(case: Row) -> Iterator[str]:
    yield "reported"
    yield f"result:{case.result}"
    if case.changed is not None:
        yield f"changed:{case.changed}"


def _find(connection: Connection, entry: Entry, found: MonitorFound) -> None:
    case = _row(connection, entry)
    text = entry.record.commitments.get("explanation")
    _new_finding.execute(
        connection,
        {
            "index": entry.index,
            "case": case.id,
            "at": entry.record.at,
            **found.model_dump(include={"monitor", "passed", "score", "error"}),
            "explanation": text.text_id if text else None,
        },
    )
    how = "error" if found.passed is None else "passed" if found.passed else "failed"
    counts = _Counts(case.category)
    counts.add(found.contender, [f"monitor:{how}:{found.monitor}"])
    counts.write(connection)


def _erase(connection: Connection, erasure: Erasure) -> None:
    """The texts are gone; what was counted stays."""
    column = t.cases.c.id if erasure.what == "case" else t.cases.c.person
    connection.execute(update(t.cases).where(column == erasure.subject).values(state="erased"))


def _row(connection: Connection, entry: Entry) -> Row:
    return _case.execute(connection, {"case": entry.record.refs["case"]}).one()


class _Counts:
    """What one record adds, for its category and for all, written in one go."""

    def __init__(self, category: str | None) -> None:
        self._boards = ("", category) if category else ("",)
        self._rows: list[dict[str, Any]] = []

    def add(self, contender: str, keys: Iterable[str], step: int = 1) -> None:
        """Count `step` more under each key."""
        for key in keys:
            self._rows += [
                {"contender": contender, "category": board, "key": key, "n": step, "amount": 0.0}
                for board in self._boards
            ]

    def spent(self, contender: str, amount: float) -> None:
        """Currency units."""
        self._rows.append({"contender": contender, "category": "", "key": SPENT, "n": 1, "amount": amount})

    def write(self, connection: Connection) -> None:
        """Have it in the tables."""
        if self._rows:
            _add.execute(connection, self._rows)


def _count_application(connection: Connection, application: str, cases: int = 0, reported: int = 0) -> None:
    _application.execute(connection, {"application": application, "cases": cases, "reported": reported})
