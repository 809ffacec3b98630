"""Boards: what they show of rated and unrated contenders, categories, those that left; and caches never lie."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldmark.arena import Boards
from fieldmark.arena.views import Board
from fieldmark.fields import Policy
from fieldmark.ledger import Ledger
from fieldmark.ledger.evidence import AnswerEnded, Choice, Side
from fieldmark.statistics import PairCounts, clopper_pearson, rate
from tests.arena.ledgers import DIGEST, NAMES, Ballot, cast, enter, retract, standings, trees, withdraw

CHOICES: tuple[Choice, ...] = ("a", "b", "tie", "both_bad")


def board(ledger: Ledger, category: str | None = None, boards: Boards | None = None) -> Board:
    with ledger.read() as snapshot:
        return standings(snapshot, boards, category).board


def many(seed: int, count: int, names: tuple[str, ...] = NAMES) -> list[Ballot]:
    chance = random.Random(seed)
    return [
        Ballot(a, b, chance.choice(CHOICES), f"p_{chance.randrange(7)}", chance.choice((None, "notes")))
        for a, b in (chance.sample(names, 2) for _ in range(count))
    ]


def test_an_empty_board(tmp_path: Path) -> None:
    with trees(tmp_path) as ledger:
        found = board(ledger)
        assert [row.name for row in found.rows] == list(NAMES)
        assert {(r.rating, r.battles, r.win_share, r.component) for r in found.rows} == {(None, 0, None, -1)}
        assert (found.votes, found.browsers, found.components, found.not_counted) == (0, 0, 0, {})
        assert found.verdict is not None
        assert found.verdict.kind == "no_votes"


def test_one_sided_votes_give_counts_and_no_rating(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        cast(ledger, *[Ballot("alder", "birch", "a")] * 4, Ballot("birch", "alder", "both_bad"))
        first, second = board(ledger).rows
        assert (first.name, first.wins, first.losses, first.both_bad, first.battles) == ("alder", 4, 0, 1, 5)
        assert (first.rating, first.rank_best, second.rating) == (None, None, None)
        assert first.win_share is not None
        exact = clopper_pearson(4, 4)
        assert (first.win_share.value, first.win_share.lower, first.win_share.upper) == (
            1,
            exact.lower,
            exact.upper,
        )
        verdict = board(ledger).verdict
        assert verdict is not None
        assert (verdict.kind, verdict.votes, verdict.wins_a, verdict.wins_b) == ("no_rating", 5, 4, 0)


def test_contenders_that_nothing_connects(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:4]) as ledger:
        cast(ledger, Ballot("alder", "birch", "a"), Ballot("alder", "birch", "b"))
        cast(
            ledger,
            Ballot("cedar", "douglas", "a"),
            Ballot("cedar", "douglas", "b"),
            Ballot("cedar", "douglas", "a"),
        )
        found = board(ledger)
        assert found.components == 2
        part = {row.name: row.component for row in found.rows}
        assert part["alder"] == part["birch"] != part["cedar"] == part["douglas"]
        assert all(row.rating is not None for row in found.rows)
        with ledger.read() as snapshot:
            across = standings(snapshot).verdict(DIGEST["alder"], DIGEST["cedar"])
        assert (across.kind, across.difference) == ("no_votes", None)


def test_ratings_are_those_of_the_counts(tmp_path: Path) -> None:
    ballots = many(1, 300)
    with trees(tmp_path) as ledger:
        cast(ledger, *ballots)
        found = board(ledger)
    votes = [(DIGEST[v.a], DIGEST[v.b], v.choice) for v in ballots]
    expected = rate(PairCounts.from_votes(*zip(*votes, strict=True)))
    for row in found.rows:
        i = expected.names.index(row.digest)
        assert row.rating == pytest.approx(expected.rating[i], abs=0.006)
        assert (row.lower, row.upper) == pytest.approx((expected.lower[i], expected.upper[i]), abs=0.006)
        assert (row.rank_best, row.rank_worst) == (expected.rank_best[i], expected.rank_worst[i])
        assert (
            row.battles
            == sum(row.digest in vote[:2] for vote in votes)
            == row.wins + row.losses + row.ties + row.both_bad
        )
    assert [row.rating for row in found.rows] == sorted((row.rating for row in found.rows), reverse=True)  # type: ignore[type-var]
    assert found.browsers == len({v.voter for v in ballots})


def test_a_category_has_a_board_of_its_own(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:2]) as ledger:
        cast(ledger, Ballot("alder", "birch", "a", "p_1", "letters"), Ballot("alder", "birch", "b", "p_2"))
        cast(ledger, Ballot("alder", "birch", "a", "p_3", "notes", "leak"))
        assert (board(ledger).votes, board(ledger).browsers, board(ledger).not_counted) == (2, 2, {"leak": 1})
        letters = board(ledger, "letters")
        assert (letters.votes, letters.browsers, letters.not_counted, letters.category) == (
            1,
            1,
            {},
            "letters",
        )
        assert (board(ledger, "notes").votes, board(ledger, "notes").not_counted) == (0, {"leak": 1})


def test_early_until_the_minimum_exposure(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        cast(
            ledger,
            Ballot("alder", "birch", "a"),
            Ballot("alder", "birch", "b"),
            Ballot("cedar", "birch", "tie"),
        )
        with ledger.read() as snapshot:
            rows = Boards().standings(snapshot, Policy(minimum_exposure=2)).board.rows
        assert {row.name: row.early for row in rows} == {"alder": False, "birch": False, "cedar": True}


def test_who_left_stays_on_the_record(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:4]) as ledger:
        cast(ledger, Ballot("alder", "birch", "a"), Ballot("alder", "birch", "b"))
        withdraw(ledger, "birch")
        withdraw(ledger, "cedar", "replaced")
        enter(ledger, "cedar", "c" * 64, parent=DIGEST["cedar"])
        found = {(row.name, row.status) for row in board(ledger).rows}
        assert found == {
            ("alder", "active"),
            ("birch", "withdrawn"),
            ("cedar", "active"),
            ("douglas", "active"),
        }
        cast(ledger, Ballot("cedar", "alder", "a"))
        assert ("cedar", "replaced") in {(row.name, row.status) for row in board(ledger).rows}
        verdict = board(ledger).verdict
        assert verdict is not None
        assert verdict.b_name != "birch", "the first sentence is about two that can be asked"


def test_the_matrix_is_seen_from_both_sides(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        cast(
            ledger,
            *[Ballot("birch", "alder", "a")] * 3,
            Ballot("alder", "birch", "a"),
            Ballot("alder", "birch", "tie"),
        )
        with ledger.read() as snapshot:
            found = Boards().matrix(snapshot)
        assert found.names == ["alder", "birch"]
        row, column = found.cells[0][1], found.cells[1][0]
        assert row is not None
        assert column is not None
        assert (row.votes, row.wins, row.ties) == (5, 1, 1)
        assert (column.votes, column.wins, column.ties) == (5, 3, 1)
        assert found.cells[0][0] is None


def test_a_verdict_says_who_is_cheaper_as_of_now(tmp_path: Path) -> None:
    """Costs come with answers, not with votes: a board kept in memory must not keep old ones."""
    boards = Boards()
    with trees(tmp_path, NAMES[:2]) as ledger:
        (battle, _), _ = cast(ledger, Ballot("alder", "birch", "a"), Ballot("alder", "birch", "b"))
        assert board(ledger, boards=boards).verdict.cheaper is None  # type: ignore[union-attr]
        sides: tuple[tuple[Side, str, float], ...] = (("a", "alder", 1.0), ("b", "birch", 4.0))
        for side, name, cost in sides:
            answer = AnswerEnded(
                side=side,
                turn=1,
                contender=DIGEST[name],
                ms_to_first=1,
                ms=2,
                characters=3,
                finish="stop",
                cost=cost,
            )
            ledger.write(lambda now, x=answer: now.append(x, actor="system", refs={"battle": battle}))  # type: ignore[misc]
        verdict = board(ledger, boards=boards).verdict
        assert verdict is not None
        saved = {"alder": 0.75, "birch": -3.0}
        assert verdict.cheaper == saved[verdict.a_name]


def test_undecided_pairs_are_those_without_a_decided_difference(tmp_path: Path) -> None:
    with trees(tmp_path, NAMES[:3]) as ledger:
        cast(ledger, *[Ballot("alder", "birch", "a")] * 60, *[Ballot("alder", "birch", "b")] * 5)
        with ledger.read() as snapshot:
            found = standings(snapshot)
            standing = found.standing
            assert not standing.undecided(DIGEST["alder"], DIGEST["birch"])
            assert standing.undecided(DIGEST["alder"], DIGEST["cedar"])
            assert found.verdict(DIGEST["alder"], DIGEST["birch"]).kind == "better"
            assert found.verdict(DIGEST["birch"], DIGEST["alder"]).kind == "worse"


@given(
    st.lists(
        st.tuples(st.sampled_from(["votes", "retract", "undo", "leave", "look"]), st.integers(0, 999)),
        max_size=12,
    )
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_kept_in_memory_equals_what_is_computed_anew(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    boards, cast_so_far = Boards(), []
    with trees(tmp_path_factory.mktemp("trees"), NAMES[:4]) as ledger:
        for act, number in acts:
            if act == "votes":
                cast_so_far += cast(ledger, *many(number, 1 + number % 9, NAMES[:4]))
            elif act in {"retract", "undo"} and cast_so_far:
                retract(ledger, *cast_so_far.pop(number % len(cast_so_far)), undo=act == "undo")
            elif act == "leave":
                withdraw(ledger, NAMES[number % 4])
            with ledger.read() as snapshot:
                for category in (None, "notes"):
                    kept, fresh = standings(snapshot, boards, category), standings(snapshot, None, category)
                    assert kept.board == fresh.board
                    assert boards.matrix(snapshot, category) == Boards().matrix(snapshot, category)


def test_an_older_snapshot_is_never_shown_newer_counts(tmp_path: Path) -> None:
    boards = Boards()
    with trees(tmp_path, NAMES[:2]) as ledger:
        cast(ledger, Ballot("alder", "birch", "a"))
        with ledger.read() as old:
            cast(ledger, Ballot("alder", "birch", "b"))
            assert board(ledger, boards=boards).votes == 2
            assert standings(old, boards).board.votes == 1
        assert board(ledger, boards=boards).votes == 2
