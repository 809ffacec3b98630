"""The card's sections on real work in words: outcomes, their agreement with votes, drift."""

from __future__ import annotations

from collections.abc import Iterator

from fieldmark.gateway.views import OutcomeRow, Rate
from fieldmark.reports.card import Card

_RATES = (
    ("solved", "solved or accepted"),
    ("edited", "edited"),
    ("rejected", "rejected"),
    ("harm", "did harm"),
)


def work_lines(card: Card) -> Iterator[str]:
    """What became of its real cases."""
    yield "REAL CASES"
    if card.outcomes is None:
        yield "  None recorded yet."
    else:
        row = card.outcomes.row
        yield f"  {_cases(row)}"
        yield from (f"    {_share(rate)} {words}" for name, words in _RATES if (rate := getattr(row, name)))
        if row.changed is not None:
            yield f"    edits changed {row.changed:.0%} of the words (median)"
        if row.solved_at_least is not None and row.solved_at_most is not None and row.not_reported:
            yield (
                f"  Whatever became of those not reported, between {row.solved_at_least:.0%} and "
                f"{row.solved_at_most:.0%} of all were solved."
            )
        for monitor in row.monitors:
            passed = _share(monitor.passed) + " passed" if monitor.passed else "no finding"
            failed = f", {monitor.errors} times it failed itself" if monitor.errors else ""
            yield f"  Monitor {monitor.monitor}: {passed}{failed}."
        for line in card.outcomes.categories:
            solved = f", {_share(line.row.solved)} solved or accepted" if line.row.solved else ""
            yield f"  {line.name}: {_cases(line.row).removesuffix('.')}{solved}."
        yield f"  {card.outcomes.assignment}"
    yield from (f"  {each.sentence}" for each in card.agreement)
    yield f"  {_drift(card)}"


def _cases(row: OutcomeRow) -> str:
    return f"{row.cases} case{'' if row.cases == 1 else 's'}, {row.reported} with an outcome."


def _share(rate: Rate) -> str:
    return f"{rate.value:.0%} ({rate.lower:.0%} to {rate.upper:.0%}, exact; {rate.n} of {rate.of})"


def _drift(card: Card) -> str:
    drift = card.drift
    if drift.alarm is not None:
        return f"DRIFT ALARM since {drift.alarm.since[:10]}: {drift.alarm.message}"
    if drift.state == "never":
        return "Drift: it was never asked the fixed questions that would show it."
    runs = f"{drift.runs} run{'' if drift.runs == 1 else 's'} of fixed questions"
    return f"Drift: no alarm in {runs}, the last on {(drift.last_run or '')[:10]}."
