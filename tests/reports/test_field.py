"""What real cases add to the board and the card: outcome rates, agreement with votes, drift; from the head alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fieldmark.fields import Policy
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import CanaryAsked, Choice, DriftFound, MonitorFound, Result
from fieldmark.reports import FieldColumns, build_card, card_json, card_text, field_columns
from fieldmark.statistics import clopper_pearson, newcombe
from tests.arena.ledgers import DIGEST, NAMES, Ballot, cast, trees
from tests.arena.shadows import judge, report, shadow

A, B, C = (DIGEST[name] for name in NAMES[:3])


def columns(ledger: Ledger, category: str | None = None) -> FieldColumns:
    with ledger.read() as snapshot:
        return field_columns(snapshot, Policy(minimum_exposure=0), category)


def cases(ledger: Ledger, served: str, other: str, results: dict[Result, int], **more: Any) -> None:
    for result, n in results.items():
        for _ in range(n):
            shadow(ledger, served, other, result=result, **more)


def votes(ledger: Ledger, wins: int, losses: int, ties: int = 0) -> None:
    cast(
        ledger,
        *[Ballot("alder", "birch", "a", f"p_{i % 7}") for i in range(wins)],
        *[Ballot("alder", "birch", "b", f"p_{i % 7}") for i in range(losses)],
        *[Ballot("alder", "birch", "tie", "p_t") for _ in range(ties)],
    )


def test_without_cases_there_is_nothing_to_say(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        votes(ledger, 3, 2)
        found = columns(ledger)
        with ledger.read() as snapshot:
            card = build_card(snapshot, "alder")
    assert (found.rows, found.agreement, found.shadowed, found.cases) == ({}, [], None, 0)
    assert (card.outcomes, card.agreement, card.strata, card.drift.state) == (None, [], [], "never")
    assert "outcomes" in {u.kind for u in card.unknown}


def test_outcome_rates_stand_on_board_and_card_with_exact_intervals(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        cases(ledger, A, B, {"solved": 5, "accepted": 2, "edited": 2, "harm": 1}, category="letters")
        for _ in range(4):
            shadow(ledger, A, B, category="notes")
        case = shadow(ledger, B, A)
        found = MonitorFound(monitor="schema", version="0" * 16, contender=B, passed=True, ms=1)
        ledger.write(lambda now: now.append(found, actor="system", refs={"case": case.case}))
        whole, letters, notes = columns(ledger), columns(ledger, "letters"), columns(ledger, "notes")
        with ledger.read() as snapshot:
            card, other = build_card(snapshot, "alder"), build_card(snapshot, "birch")
    row = whole.rows[A]
    exact = clopper_pearson(7, 10)
    assert (row.cases, row.reported, row.not_reported) == (14, 10, 4)
    assert row.solved is not None
    assert (row.solved.lower, row.solved.upper) == pytest.approx((exact.lower, exact.upper), abs=1e-6)
    assert (letters.rows[A].cases, notes.rows[A].cases, notes.rows[A].reported) == (10, 4, 0)
    assert (whole.cases, whole.reported) == (15, 10)
    assert card.outcomes is not None
    assert card.outcomes.row.model_dump() == row.model_dump(exclude={"alarm"})
    assert [(c.name, c.row.cases) for c in card.outcomes.categories] == [("Letters", 10), ("Notes", 4)]
    assert "outcomes" not in {u.kind for u in card.unknown}
    assert [u.n for u in other.unknown if u.kind == "outcomes"] == [1]
    text = card_text(card)
    for said in (
        "14 cases, 10 with an outcome.",
        "70% (35% to 93%, exact; 7 of 10) solved or accepted",
        "10% (0% to 45%, exact; 1 of 10) did harm",
        "Letters: 10 cases, 10 with an outcome, 70%",
        "not given out at random",
    ):
        assert said in text
    assert "Monitor schema: 100%" in card_text(other)
    assert "what became of its 1 real cases was not reported" in card_text(other)


@pytest.mark.parametrize(
    ("people", "solved", "kind", "begins"),
    [
        (
            (52, 32),
            ((36, 24), (53, 7)),
            "opposed",
            "People prefer alder (62% of 84 decided votes for alder, ",
        ),
        ((60, 20), ((53, 7), (36, 24)), "same", "Both point to alder: people prefer it (75% of 80"),
        ((5, 5), ((3, 2), (2, 3)), "undecided", "alder and birch: neither votes ("),
        ((60, 20), ((3, 2), (2, 3)), "undecided", "People prefer alder ("),
        ((5, 5), ((36, 24), (55, 5)), "undecided", "birch solves more (alder 60% of 60, birch 92% of 60, "),
    ],
)
def test_votes_and_outcomes_are_set_against_each_other(
    tmp_path: Path,
    people: tuple[int, int],
    solved: tuple[tuple[int, int], tuple[int, int]],
    kind: str,
    begins: str,
) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        votes(ledger, *people, ties=3)
        for digest, (well, ill) in zip((A, B), solved, strict=True):
            cases(ledger, digest, C, {"solved": well, "rejected": ill})
        (found,) = columns(ledger).agreement
        with ledger.read() as snapshot:
            (mine,) = build_card(snapshot, "birch").agreement
    assert (found.kind, found.a_name, found.votes, found.ties) == (kind, "alder", sum(people) + 3, 3)
    assert found.sentence.startswith(begins), found.sentence
    assert found.difference is not None
    expected = newcombe(solved[0][0], sum(solved[0]), solved[1][0], sum(solved[1]))
    assert (found.difference.lower, found.difference.upper) == pytest.approx(
        (expected.lower, expected.upper), abs=1e-6
    )
    assert (mine.a_name, mine.kind, mine.wins_a) == ("birch", kind, people[1])
    assert mine.difference is not None
    assert mine.difference.value == pytest.approx(-found.difference.value)


def test_a_sentence_in_full(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        votes(ledger, 52, 32, ties=4)
        cases(ledger, A, C, {"solved": 36, "rejected": 24})
        cases(ledger, B, C, {"accepted": 53, "edited": 7})
        (found,) = columns(ledger).agreement
    assert found.sentence == (
        "People prefer alder (62% of 84 decided votes for alder, 51% to 72%; 4 equal, 0 both bad), but birch solves "
        "more (alder 60% of 60, birch 88% of 60, difference -28 points, -42 to -13)."
    )


def test_cases_with_a_vote_and_an_outcome_are_told_case_by_case(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        told: list[tuple[int, Result, list[Choice]]] = [
            (20, "solved", ["a"]),
            (5, "accepted", ["a", "a", "b"]),
            (18, "rejected", ["b"]),
            (1, "harm", ["a"]),
            (1, "solved", ["tie"]),
            (1, "edited", ["a", "b"]),
        ]
        for n, result, choices in told:
            for case in [shadow(ledger, A, B, result=result) for _ in range(n)]:
                for i, choice in enumerate(choices):
                    judge(ledger, case, choice, f"p_{i}")
        judge(ledger, shadow(ledger, A, B), "a")
        shadow(ledger, A, B, result="solved")
        found = columns(ledger)
        with ledger.read() as snapshot:
            strata = build_card(snapshot, "alder").strata
    shadowed = found.shadowed
    assert shadowed is not None
    assert (shadowed.cases, shadowed.undecided, shadowed.good, shadowed.bad) == (46, 2, 25, 19)
    assert shadowed.good_preferred is not None
    assert shadowed.bad_preferred is not None
    assert shadowed.good_preferred.value == 1
    assert shadowed.bad_preferred.value == pytest.approx(1 / 19, abs=1e-6)
    assert shadowed.sentence.endswith("votes follow outcomes.")
    assert [(s.stratum, s.votes, s.wins) for s in strata] == [("shadow", 58, 33)]
    assert found.agreement == [], "birch has no outcome of its own"


def test_a_drift_alarm_stands_on_board_and_card(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        run = CanaryAsked(contender=A, canaries="f" * 16, asked=4, failed=0, ms=5)
        ids = [
            ledger.write(lambda now: now.append(run, actor="system", texts={"answers": "{}"})).record.id
            for _ in range(6)
        ]
        with ledger.read() as snapshot:
            calm = build_card(snapshot, "alder")
        found = DriftFound(
            contender=A, canaries="f" * 16, state="alarm", p=0.0002, alpha=0.0005, baseline=5, window=1
        )
        ledger.write(lambda now: now.append(found, actor="system", refs={"canary": ids[-1]}))
        row = columns(ledger).rows[A]
        with ledger.read() as snapshot:
            alarmed = build_card(snapshot, "alder")
        seen = found.model_copy(update={"state": "acknowledged"})
        ledger.write(lambda now: now.append(seen, actor="p_admin", refs={"canary": ids[-1]}))
        after = columns(ledger).rows
    assert (calm.drift.state, calm.drift.runs) == ("no_alarm", 6)
    assert "no alarm in 6 runs" in card_text(calm)
    assert (alarmed.drift.state, row.cases) == ("alarm", 0)
    assert row.alarm is not None
    assert row.alarm.p == 0.0002
    assert "DRIFT ALARM since" in card_text(alarmed)
    assert after == {}


def test_the_same_head_gives_the_same_bytes(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        votes(ledger, 9, 4)
        cases(ledger, A, B, {"solved": 3, "edited": 1}, category="letters")
        judge(ledger, shadow(ledger, B, C, result="rejected"), "b")
        with ledger.read() as snapshot:
            head, before = str(snapshot.head()), card_json(build_card(snapshot, "alder"))
            field = field_columns(snapshot, Policy()).model_dump_json()
        case = shadow(ledger, A, B)
        ledger.write(lambda now: report(now, case.case, "harm"))
        with ledger.at(head) as snapshot:
            assert card_json(build_card(snapshot, "alder")) == before
            assert field_columns(snapshot, Policy()).model_dump_json() == field
