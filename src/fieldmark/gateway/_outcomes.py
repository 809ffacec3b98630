"""What became of the cases, counted: per contender and category, with exact intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import get_args

from sqlalchemy import select

from fieldmark.fields import known_contenders
from fieldmark.gateway import _tables as t
from fieldmark.gateway._projection import SPENT
from fieldmark.gateway.views import MonitorRate, OutcomeRow, OutcomeTable, Rate
from fieldmark.ledger import Snapshot
from fieldmark.ledger.evidence import Result
from fieldmark.statistics import clopper_pearson

RESULTS: tuple[Result, ...] = get_args(Result)


def outcome_table(snapshot: Snapshot, confidence: float = 0.95, category: str | None = None) -> OutcomeTable:
    """What became of every contender's cases, in one category or all.

    Rates are of the cases that have an outcome. `solved_at_least` and `solved_at_most` bound the share over all that
    were answered, whatever became of those that nobody reported (Manski's worst-case bounds).
    """
    c = t.counts.c
    found: dict[str, dict[str, int]] = defaultdict(dict)
    query = select(c.contender, c.key, c.n).where(c.category == (category or ""), c.key != SPENT)
    for contender, key, n in snapshot.connection.execute(query.order_by(c.contender, c.key)):
        found[contender][key] = n
    names = {digest: known.name for digest, known in known_contenders(snapshot).items()}
    rows = [_row(d, names.get(d, d[:12]), counts, confidence) for d, counts in found.items()]
    rows.sort(key=lambda row: (-row.cases, row.name, row.contender))
    return OutcomeTable(
        category=category,
        confidence=confidence,
        rows=rows,
        cases=sum(row.cases for row in rows),
        reported=sum(row.reported for row in rows),
        not_reported=sum(row.not_reported for row in rows),
    )


def gateway_spent(snapshot: Snapshot) -> dict[str, float]:
    """Currency units each contender has cost through recorded cases, by digest: for spend caps."""
    c = t.counts.c
    query = select(c.contender, c.amount).where(c.key == SPENT, c.category == "")
    return {row.contender: row.amount for row in snapshot.connection.execute(query)}


def rate(n: int, of: int, confidence: float) -> Rate | None:
    """`n` of `of` with its exact interval; None of none."""
    if of <= 0:
        return None
    interval = clopper_pearson(n, of, confidence)
    return Rate(n=n, of=of, value=interval.value, lower=interval.lower, upper=interval.upper)


def _row(digest: str, name: str, counts: Mapping[str, int], confidence: float) -> OutcomeRow:
    results: dict[Result, int] = {result: counts.get(f"result:{result}", 0) for result in RESULTS}
    reported, unreported = counts.get("reported", 0), counts.get("unreported", 0)
    cases, failures = counts.get("cases", 0), _group(counts, "failed:")
    solved, all_ended = results["solved"] + results["accepted"], reported + unreported
    return OutcomeRow(
        contender=digest,
        name=name,
        cases=cases,
        answered=counts.get("answered", 0),
        failures=failures,
        failed=rate(sum(failures.values()), cases, confidence),
        reported=reported,
        not_reported=unreported,
        results=results,
        solved=rate(solved, reported, confidence),
        edited=rate(results["edited"], reported, confidence),
        rejected=rate(results["rejected"], reported, confidence),
        harm=rate(results["harm"], reported, confidence),
        solved_at_least=solved / all_ended if all_ended else None,
        solved_at_most=(solved + unreported) / all_ended if all_ended else None,
        changed=_median({int(k): n for k, n in _group(counts, "changed:").items()}),
        monitors=_monitors(counts, confidence),
    )


def _group(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {key.removeprefix(prefix): n for key, n in counts.items() if key.startswith(prefix) and n}


def _median(histogram: Mapping[int, int]) -> float | None:
    """Of hundredths."""
    total = sum(histogram.values())
    if not total:
        return None
    ordered = [value for value in sorted(histogram) for _ in range(histogram[value])]
    return (ordered[(total - 1) // 2] + ordered[total // 2]) / 200


def _monitors(counts: Mapping[str, int], confidence: float) -> list[MonitorRate]:
    passed, failed, errors = (_group(counts, f"monitor:{how}:") for how in ("passed", "failed", "error"))
    return [
        MonitorRate(
            monitor=name,
            passed=rate(passed.get(name, 0), passed.get(name, 0) + failed.get(name, 0), confidence),
            errors=errors.get(name, 0),
        )
        for name in sorted({*passed, *failed, *errors})
    ]
