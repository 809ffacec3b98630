"""Do people's votes and what became of the cases point the same way? Of two contenders, and case by case."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

from fieldmark.arena import Judged, Standing
from fieldmark.arena.views import Interval
from fieldmark.gateway.views import OutcomeRow
from fieldmark.ledger.evidence import Result
from fieldmark.reports.field import Agreeing, Agreement, CaseAgreement
from fieldmark.statistics import clopper_pearson, newcombe

GOOD: frozenset[Result] = frozenset({"solved", "accepted"})
"""Results that count as solved."""
ASSIGNMENT = (
    "The field's policy chose who answered which case: unless it draws by weight, the cases were not given out at "
    "random, and rates can differ because the cases do."
)
Leader = Literal["a", "b"]


class Sides(NamedTuple):
    """What is known of two contenders."""

    names: tuple[str, str]
    rows: tuple[OutcomeRow, OutcomeRow]
    live: Standing
    shadow: Standing
    confidence: float


def agreements(
    rows: Sequence[OutcomeRow],
    live: Standing,
    shadow: Standing,
    confidence: float,
    *,
    about: str | None = None,
) -> list[Agreement]:
    """Every pair that has both blind votes and outcomes, most votes first.

    With `about`, a digest, only its pairs, with it as a; else a is the one with the smaller name.
    """
    reported = sorted((row for row in rows if row.reported), key=lambda row: (row.name, row.contender))
    pairs = list(combinations(reported, 2))
    if about is not None:
        pairs = [
            (a, b) if a.contender == about else (b, a)
            for a, b in pairs
            if about in (a.contender, b.contender)
        ]
    found = [
        agreement(Sides((a.name, b.name), (a, b), live, shadow, confidence))
        for a, b in pairs
        if live.between(a.contender, b.contender).votes + shadow.between(a.contender, b.contender).votes
    ]
    return sorted(found, key=lambda each: (-each.votes, each.a_name, each.b_name, each.a, each.b))


def agreement(sides: Sides) -> Agreement:
    """One pair."""
    a, b = sides.rows
    lines = [standing.between(a.contender, b.contender) for standing in (sides.live, sides.shadow)]
    wins_a, wins_b, ties, both_bad = (sum(column) for column in zip(*lines, strict=True))
    preference = _share(wins_a, wins_a + wins_b, sides.confidence)
    difference = _difference((_solved(a), a.reported), (_solved(b), b.reported), sides.confidence)
    preferred, solves_more = _leader(preference, 0.5), _leader(difference, 0.0)
    kind: Agreeing = "undecided"
    if preferred and solves_more:
        kind = "same" if preferred == solves_more else "opposed"
    made = Agreement(
        a=a.contender,
        b=b.contender,
        a_name=sides.names[0],
        b_name=sides.names[1],
        votes=sum(sum(line) for line in lines),
        live=sum(lines[0]),
        shadow=sum(lines[1]),
        wins_a=wins_a,
        wins_b=wins_b,
        ties=ties,
        both_bad=both_bad,
        preference=preference,
        reported_a=a.reported,
        reported_b=b.reported,
        solved_a=_share(_solved(a), a.reported, sides.confidence),
        solved_b=_share(_solved(b), b.reported, sides.confidence),
        difference=difference,
        preferred=preferred,
        solves_more=solves_more,
        kind=kind,
        sentence="",
    )
    return made.model_copy(update={"sentence": _sentence(made)})


def case_agreement(
    judged: Sequence[Judged], results: dict[str, Result], confidence: float
) -> CaseAgreement | None:
    """Shadowed cases with both a vote and an outcome; None without one."""
    both = [case for case in judged if case.case in results]
    if not both:
        return None
    decided = [
        (case.served > case.other, results[case.case] in GOOD) for case in both if case.served != case.other
    ]
    good = [served for served, well in decided if well]
    bad = [served for served, well in decided if not well]
    difference = _difference((sum(good), len(good)), (sum(bad), len(bad)), confidence)
    made = CaseAgreement(
        cases=len(both),
        undecided=len(both) - len(decided),
        good=len(good),
        good_preferred=_share(sum(good), len(good), confidence),
        bad=len(bad),
        bad_preferred=_share(sum(bad), len(bad), confidence),
        difference=difference,
        sentence="",
    )
    return made.model_copy(update={"sentence": _case_sentence(made)})


def _solved(row: OutcomeRow) -> int:
    return sum(n for result, n in row.results.items() if result in GOOD)


def _share(n: int, of: int, confidence: float) -> Interval | None:
    if not of:
        return None
    found = clopper_pearson(n, of, confidence)
    return _rounded(found.value, found.lower, found.upper)


def _difference(a: tuple[int, int], b: tuple[int, int], confidence: float) -> Interval | None:
    if not a[1] or not b[1]:
        return None
    found = newcombe(*a, *b, confidence)
    return _rounded(found.value, found.lower, found.upper)


def _rounded(value: float, lower: float, upper: float) -> Interval:
    return Interval(value=round(value, 6), lower=round(lower, 6), upper=round(upper, 6))


def _leader(interval: Interval | None, even: float) -> Leader | None:
    if interval is None or interval.lower <= even <= interval.upper:
        return None
    return "a" if interval.lower > even else "b"


def _sentence(x: Agreement) -> str:
    names = {"a": x.a_name, "b": x.b_name}
    votes, outcomes = f"({_votes(x)})", f"({_outcomes(x)})"
    if x.kind == "same":
        name = names[x.preferred or "a"]
        return f"Both point to {name}: people prefer it {votes}, and it solves more {outcomes}."
    if x.kind == "opposed":
        return (
            f"People prefer {names[x.preferred or 'a']} {votes}, but {names[x.solves_more or 'a']} solves more "
            f"{outcomes}."
        )
    if x.preferred:
        return f"People prefer {names[x.preferred]} {votes}; who solves more cannot be told yet {outcomes}."
    if x.solves_more:
        return (
            f"{names[x.solves_more]} solves more {outcomes}; whom people prefer cannot be told yet {votes}."
        )
    return f"{x.a_name} and {x.b_name}: neither votes {votes} nor outcomes {outcomes} tell them apart yet."


def _votes(x: Agreement) -> str:
    neither = f"{x.ties} equal, {x.both_bad} both bad"
    if x.preference is None:
        return f"no decided vote; {neither}"
    share, decided = x.preference, x.wins_a + x.wins_b
    name = x.a_name
    if share.value < 0.5:  # told of the one that more votes prefer
        share, name = _rounded(1 - share.value, 1 - share.upper, 1 - share.lower), x.b_name
    return (
        f"{share.value:.0%} of {decided} decided vote{'' if decided == 1 else 's'} for {name}, "
        f"{share.lower:.0%} to {share.upper:.0%}; {neither}"
    )


def _outcomes(x: Agreement) -> str:
    if x.difference is None or x.solved_a is None or x.solved_b is None:
        return "no outcome of one of them"
    d = x.difference
    return (
        f"{x.a_name} {x.solved_a.value:.0%} of {x.reported_a}, {x.b_name} {x.solved_b.value:.0%} of {x.reported_b}, "
        f"difference {_points(d.value)} points, {_points(d.lower)} to {_points(d.upper)}"
    )


def _points(share: float) -> str:
    return f"{round(share * 100) or 0:d}"


def _case_sentence(x: CaseAgreement) -> str:
    told = [
        f"{share.value:.0%} of the {n} {what} ({share.lower:.0%} to {share.upper:.0%})"
        for n, share, what in (
            (x.good, x.good_preferred, "that were solved or accepted"),
            (x.bad, x.bad_preferred, "that were edited, rejected or did harm"),
        )
        if share is not None
    ]
    if not told:
        return f"{x.cases} shadowed cases have a vote and an outcome, none of them with a majority of votes."
    said = f"Of {x.cases} shadowed cases with a vote and an outcome, people prefer the served answer in "
    said += " and in ".join(told)
    if x.difference is None:
        return said + ": too little to say whether votes follow outcomes."
    if x.difference.lower > 0:
        return said + ": votes follow outcomes."
    return said + (
        ": votes go against outcomes."
        if x.difference.upper < 0
        else ": whether votes follow outcomes cannot be told yet."
    )
