"""Builds what joins the board and the card from real cases, from a snapshot of the ledger and nothing else."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from fieldmark.arena import Boards, judged_shadows
from fieldmark.fields import Known, Policy
from fieldmark.gateway import alarms, case_results, drift_record, outcome_table
from fieldmark.gateway.views import OutcomeRow
from fieldmark.ledger import Snapshot
from fieldmark.reports._agreement import ASSIGNMENT, agreements, case_agreement
from fieldmark.reports.field import Agreement, DriftNote, FieldColumns, FieldRow

V = TypeVar("V", bound=BaseModel)


def field_columns(
    snapshot: Snapshot, policy: Policy, category: str | None = None, *, boards: Boards | None = None
) -> FieldColumns:
    """Outcomes, agreement with votes and drift of every contender, in one category or all.

    `boards` may hold boards already computed; without it they are computed anew.
    """
    source = boards or Boards()
    table = outcome_table(snapshot, policy.confidence, category)
    found = {row.contender: rounded(FieldRow, row) for row in table.rows}
    for digest, alarm in sorted(alarms(snapshot).items()):
        row = found.get(digest) or FieldRow.model_validate(_nothing(digest, source.known(snapshot)))
        found[digest] = row.model_copy(update={"alarm": alarm})
    judged = judged_shadows(snapshot, category)
    results = case_results(snapshot, [each.case for each in judged])
    return FieldColumns(
        head=str(snapshot.head()),
        category=category,
        confidence=policy.confidence,
        cases=table.cases,
        reported=table.reported,
        rows=found,
        agreement=pair_agreements(snapshot, source, policy, category, table.rows),
        shadowed=case_agreement(judged, results, policy.confidence),
        assignment=ASSIGNMENT,
    )


def pair_agreements(
    snapshot: Snapshot,
    boards: Boards,
    policy: Policy,
    category: str | None,
    rows: list[OutcomeRow],
    about: str | None = None,
) -> list[Agreement]:
    """Votes against outcomes for all pairs of `rows`, or for those of the contender `about`."""
    live = boards.standing(snapshot, policy, category, stratum="live")
    shadow = boards.standing(snapshot, policy, category, stratum="shadow")
    return agreements(rows, live, shadow, policy.confidence, about=about)


def drift_note(snapshot: Snapshot, digest: str) -> DriftNote:
    """Whether the contender answers as it did."""
    runs, last_run = drift_record(snapshot, digest)
    alarm = alarms(snapshot).get(digest)
    state = "alarm" if alarm else "no_alarm" if last_run else "never"
    return DriftNote(state=state, runs=runs, last_run=last_run, alarm=alarm)


def rounded(shape: type[V], row: BaseModel) -> V:
    """`row` in another shape, its numbers rounded so that they print the same everywhere."""
    return shape.model_validate(_round(row.model_dump()))


def _round(value: Any) -> Any:
    match value:
        case float():
            return round(value, 6)
        case dict():
            return {key: _round(each) for key, each in value.items()}
        case list():
            return [_round(each) for each in value]
    return value


def _nothing(digest: str, known: Any) -> dict[str, Any]:
    """A row of a contender without a case."""
    label: Known | None = known.get(digest)
    empty: dict[str, Any] = dict.fromkeys(("cases", "answered", "reported", "not_reported"), 0)
    rates = ("failed", "solved", "edited", "rejected", "harm", "solved_at_least", "solved_at_most", "changed")
    name = label.name if label else digest[:12]
    lists: dict[str, Any] = {"failures": {}, "results": {}, "monitors": []}
    return {"contender": digest, "name": name, **empty, **lists, **dict.fromkeys(rates)}
