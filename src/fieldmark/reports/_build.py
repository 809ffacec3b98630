"""Builds the card from a snapshot of the ledger, and from nothing else: the same head gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fieldmark.arena import AnswerRecord, Boards, Standing, Standings, answer_record
from fieldmark.arena.views import Interval, Stratum
from fieldmark.errors import NotFound
from fieldmark.fields import Known, Policy, field_as_of
from fieldmark.gateway import OutcomeTable, outcome_table
from fieldmark.gateway.views import OutcomeRow
from fieldmark.ledger import Snapshot
from fieldmark.ledger.evidence import FieldAsOfNow
from fieldmark.reports._agreement import ASSIGNMENT
from fieldmark.reports._field import drift_note, pair_agreements, rounded
from fieldmark.reports._scorecards import scorecard_measures
from fieldmark.reports.card import (
    Card,
    CategoryLine,
    CostMeasure,
    FailureMeasure,
    LatencyMeasure,
    OtherVotes,
    OutcomeCategory,
    OutcomeMeasure,
    PeopleMeasure,
    ScorecardMeasure,
    Unknown,
)
from fieldmark.statistics import clopper_pearson, quantile

NOT_ITS_OWN = frozenset({"interrupted", "over_budget"})
"""Failures that are this server's or the person's doing, and so no failures of the contender."""
OTHERS: tuple[Stratum, ...] = ("shadow", "imported")
"""Strata that the card tells beside the live one."""
FEW_BROWSERS = 5
"""Fewer voters than this are named under what is not known."""


def build_card(snapshot: Snapshot, name: str, *, boards: Boards | None = None) -> Card:
    """The reliability card of the contender with that label or digest, as of the snapshot.

    `boards` may hold boards already computed; without it everything is computed anew.

    Raises:
        NotFound: no contender had that label or digest by then.
    """
    source = boards or Boards()
    contender = find_contender(source.known(snapshot), name)
    field = field_as_of(snapshot)
    assert field is not None, "a contender is never seen before its field"
    policy = Policy.model_validate(field.policy)
    standings = source.standings(snapshot, policy)
    people = _people(snapshot, source, standings, contender.digest, field)
    answers = answer_record(snapshot, contender.digest)
    table = outcome_table(snapshot, policy.confidence)
    outcomes = _outcomes(snapshot, table, contender.digest, field, policy)
    scorecards = scorecard_measures(snapshot, contender.digest, policy.confidence)
    head = snapshot.head()
    return Card(
        field=next(iter(snapshot.entries(stop=1))).record.field,
        field_name=field.name,
        name=contender.name,
        digest=contender.digest,
        kind=contender.kind,
        status=contender.status,
        parts=dict(contender.parts),
        system=snapshot.text(contender.system) if contender.system else None,
        since=contender.since,
        parent=contender.parent,
        head=str(head),
        at=next((e.record.at for e in snapshot.entries(start=head.size - 1)), None),
        confidence=policy.confidence,
        people=people,
        failures=_failures(answers, policy.confidence),
        latency=_latency(answers),
        cost=_cost(answers),
        strata=list(_strata(snapshot, source, policy, contender.digest)),
        outcomes=outcomes,
        scorecards=scorecards,
        agreement=pair_agreements(snapshot, source, policy, None, table.rows, contender.digest),
        drift=drift_note(snapshot, contender.digest),
        unknown=[
            *_unknown(people, answers),
            *_unknown_work(outcomes, scorecards),
            *([Unknown(kind="no_price")] if contender.price is None and contender.kind == "endpoint" else []),
        ],
        recompute=f"fieldmark report {_handle(contender)} --at {head.size}:{head.hash[:16]}",
    )


def find_contender(known: Mapping[str, Known], name: str) -> Known:
    """By label (the one that carries it now, else the last that did, else one of an imported file), or by digest or its
    beginning (8 or more)."""
    labelled = sorted(
        (k for k in known.values() if k.name == name),
        key=lambda k: (k.status == "active", k.status != "imported", k.at),
    )
    by_digest = [k for k in known.values() if len(name) >= 8 and k.digest.startswith(name)]
    found = labelled or by_digest
    if not found:
        labels = sorted({k.name for k in known.values()})
        raise NotFound(f"no contender is called '{name}'", hint="known: " + (", ".join(labels) or "none yet"))
    return found[-1]


def _handle(contender: Known) -> str:
    return contender.name if contender.status == "active" else contender.digest[:16]


def _people(
    snapshot: Snapshot, boards: Boards, standings: Standings, digest: str, field: FieldAsOfNow
) -> PeopleMeasure:
    standing = standings.standing
    line, rating = standing.total(digest), standing.rating(digest)
    verdicts = [
        standings.verdict(digest, rival.digest) for rival in standings.shown if rival.digest != digest
    ]
    verdicts.sort(key=lambda v: (-v.votes, v.b_name, v.b))
    return PeopleMeasure(
        votes=line.votes,
        browsers=standings.browsers,
        wins=line.wins,
        losses=line.losses,
        ties=line.ties,
        both_bad=line.both_bad,
        rating=rating.value if rating else None,
        lower=rating.lower if rating else None,
        upper=rating.upper if rating else None,
        rank_best=rating.rank_best if rating else None,
        rank_worst=rating.rank_worst if rating else None,
        contenders=standing.peers(digest),
        win_share=line.win_share(standings.policy.confidence),
        rivals=verdicts,
        categories=[
            _category(boards.standing(snapshot, standings.policy, category), digest, category, label)
            for category, label in field.categories.items()
        ],
    )


def _category(standing: Standing, digest: str, category: str, label: str) -> CategoryLine:
    rating = standing.rating(digest)
    return CategoryLine(
        id=category,
        name=label,
        votes=standing.total(digest).votes,
        rating=rating.value if rating else None,
        lower=rating.lower if rating else None,
        upper=rating.upper if rating else None,
    )


def _strata(snapshot: Snapshot, boards: Boards, policy: Policy, digest: str) -> Iterator[OtherVotes]:
    for stratum in OTHERS:
        standing = boards.standing(snapshot, policy, stratum=stratum)
        line, rating = standing.total(digest), standing.rating(digest)
        if line.votes:
            yield OtherVotes(
                stratum=stratum,
                votes=line.votes,
                wins=line.wins,
                losses=line.losses,
                ties=line.ties,
                both_bad=line.both_bad,
                rating=rating.value if rating else None,
                lower=rating.lower if rating else None,
                upper=rating.upper if rating else None,
                win_share=line.win_share(policy.confidence),
            )


def _outcomes(
    snapshot: Snapshot, table: OutcomeTable, digest: str, field: FieldAsOfNow, policy: Policy
) -> OutcomeMeasure | None:
    row = _row_of(table, digest)
    if row is None:
        return None
    lines = [
        OutcomeCategory(id=category, name=label, row=found)
        for category, label in field.categories.items()
        if (found := _row_of(outcome_table(snapshot, policy.confidence, category), digest))
    ]
    return OutcomeMeasure(row=row, categories=lines, assignment=ASSIGNMENT)


def _row_of(table: OutcomeTable, digest: str) -> OutcomeRow | None:
    found = next((row for row in table.rows if row.contender == digest), None)
    return None if found is None or not found.cases else rounded(OutcomeRow, found)


def _failures(answers: AnswerRecord, confidence: float) -> FailureMeasure:
    excused = {kind: n for kind, n in answers.failures.items() if kind in NOT_ITS_OWN}
    own = {kind: n for kind, n in answers.failures.items() if kind not in NOT_ITS_OWN}
    asked, failed = answers.answers - sum(excused.values()), sum(own.values())
    share = None
    if asked:
        exact = clopper_pearson(failed, asked, confidence)
        share = Interval(
            value=round(exact.value, 6), lower=round(exact.lower, 6), upper=round(exact.upper, 6)
        )
    return FailureMeasure(
        answers=asked,
        failed=failed,
        share=share,
        kinds=own,
        excused=excused,
        leaks=answers.leaks,
        hung=answers.hung,
    )


def _latency(answers: AnswerRecord) -> LatencyMeasure:
    def at(histogram: object, q: float) -> float | None:
        return round(quantile(histogram, q), 1) if histogram else None  # type: ignore[arg-type]

    return LatencyMeasure(
        answers=sum(answers.first.values()),
        ms_to_first_p50=at(answers.first, 0.5),
        ms_to_first_p95=at(answers.first, 0.95),
        ms_p50=at(answers.total, 0.5),
        ms_p95=at(answers.total, 0.95),
        tokens_per_second=round(answers.tokens / answers.writing_ms * 1000, 1)
        if answers.writing_ms
        else None,
    )


def _cost(answers: AnswerRecord) -> CostMeasure | None:
    if not answers.costs:
        return None
    per_answer = answers.cost / answers.costs
    return CostMeasure(total=round(answers.cost, 6), per_answer=round(per_answer, 8), answers=answers.costs)


def _unknown(people: PeopleMeasure, answers: AnswerRecord) -> Iterator[Unknown]:
    if not answers.answers:
        yield Unknown(kind="no_answers")
    if not people.votes:
        yield Unknown(kind="no_votes")
    elif people.rating is None:
        yield Unknown(kind="no_rating", n=people.votes)
    if 0 < people.browsers < FEW_BROWSERS:
        yield Unknown(kind="few_browsers", n=people.browsers)
    yield from _unknown_categories(people)
    yield from _unknown_rivals(people)


def _unknown_work(
    outcomes: OutcomeMeasure | None, scorecards: Sequence[ScorecardMeasure]
) -> Iterator[Unknown]:
    if outcomes is None or not outcomes.row.reported:
        yield Unknown(kind="outcomes", n=outcomes.row.cases if outcomes else 0)
    if not any(line.trials for line in scorecards):
        yield Unknown(kind="tests", n=sum(line.void for line in scorecards))
    yield Unknown(kind="inside")


def _unknown_categories(people: PeopleMeasure) -> Iterator[Unknown]:
    for line in people.categories:
        if people.votes and not line.votes:
            yield Unknown(kind="category_without_votes", what=line.name)
        elif line.votes and line.rating is None:
            yield Unknown(kind="category_few_votes", what=line.name, n=line.votes)


def _unknown_rivals(people: PeopleMeasure) -> Iterator[Unknown]:
    for rival in people.rivals:
        if rival.kind == "no_votes":
            yield Unknown(kind="rival_not_met", what=rival.b_name)
        elif rival.kind == "undecided":
            yield Unknown(kind="rival_undecided", what=rival.b_name, n=rival.votes)
