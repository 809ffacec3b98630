"""What people are shown of drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fieldmark.fields import Field
from fieldmark.gateway._drift_tables import Mark, Run, as_alarm, last_run, mark_of
from fieldmark.gateway.drift_views import DriftState, DriftView
from fieldmark.ledger import Snapshot, timestamp
from fieldmark.statistics import DriftTest


@dataclass(frozen=True)
class Judged:
    """A test, and what it was made from."""

    seen: object
    """Equal as long as nothing changed."""
    runs: Sequence[Run]
    test: DriftTest | None


def view_of(
    snapshot: Snapshot, name: str, digest: str, field: Field, judged: Judged, *, running: bool
) -> DriftView:
    """The state of one contender."""
    mark, last, rules = mark_of(snapshot, digest), last_run(snapshot, digest), field.drift
    alarmed = mark is not None and mark.state == "alarm"
    state: DriftState = "steady" if judged.test else "learning"
    if alarmed:
        state = "alarm"
    elif last is None and not rules.every_hours:
        state = "off"
    test = None if alarmed else judged.test
    return DriftView(
        contender=name,
        digest=digest,
        state=state,
        runs=len(judged.runs),
        baseline=rules.baseline,
        last_run=last.at if last else None,
        last_failed=last.failed if last else 0,
        next_run=_next(last, rules.every_hours),
        running=running,
        p=mark.p if mark and alarmed else test.p if test else None,
        alpha=rules.alpha,
        since=mark.at if mark and alarmed else None,
        message=_message(state, mark, last, judged, rules.baseline),
    )


def _next(last: Run | None, every_hours: float) -> str | None:
    if not every_hours or last is None:
        return None
    return timestamp(datetime.fromisoformat(last.at) + timedelta(hours=every_hours))


def _message(state: DriftState, mark: Mark | None, last: Run | None, judged: Judged, wanted: int) -> str:
    lost = _lost(last)
    if state == "alarm" and mark is not None:
        return as_alarm(mark).message + lost
    if state == "off":
        return "Nobody has asked it the canary questions yet, and no schedule is set." + lost
    if judged.test is None:
        have = min(len(judged.runs), wanted)
        return (
            f"Learning what is usual: {have} of {wanted} runs; the next one after these is compared." + lost
        )
    return f"It answers as it did: p = {judged.test.p:.2g} in run {len(judged.runs)}." + lost


def _lost(last: Run | None) -> str:
    if last is None or not last.failed:
        return ""
    if not last.usable:
        return f" The last run does not count: {last.failed} of {last.asked} answers did not come."
    return f" In the last run {last.failed} of {last.asked} answers did not come."
