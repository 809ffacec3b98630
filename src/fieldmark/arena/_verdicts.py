"""What the votes say of two contenders, in one structured sentence."""

from __future__ import annotations

from collections.abc import Mapping

from fieldmark.arena._standing import Standing
from fieldmark.arena.views import Interval, Verdict
from fieldmark.statistics import votes_to_decide

NEGLIGIBLE = 0.005
"""A smaller saving is not worth a word."""


def verdict(
    standing: Standing, a: str, b: str, *, labels: Mapping[str, str], costs: Mapping[str, float]
) -> Verdict:
    """Compare two contenders by digest. Decided only where the simultaneous interval of the difference excludes 0."""
    line = standing.between(a, b)
    difference, needed, kind = None, None, "no_rating" if line.votes else "no_votes"
    found = standing.difference(a, b)
    if found is not None:
        difference = Interval(
            value=round(found.value, 2), lower=round(found.lower, 2), upper=round(found.upper, 2)
        )
        kind = "better" if found.lower > 0 else "worse" if found.upper < 0 else "undecided"
        if kind == "undecided" and line.votes:
            needed = votes_to_decide(found.value, found.se, standing.counts.votes, found.critical)
    cheaper = 1 - costs[a] / costs[b] if a in costs and costs.get(b) else 0.0
    return Verdict(
        a=a,
        b=b,
        a_name=labels[a],
        b_name=labels[b],
        kind=kind,
        votes=line.votes,
        wins_a=line.wins,
        wins_b=line.losses,
        ties=line.ties,
        both_bad=line.both_bad,
        difference=difference,
        votes_to_decide=needed,
        cheaper=round(cheaper, 4) if abs(cheaper) >= NEGLIGIBLE else None,
    )
