"""Golden numbers: closed forms for two contenders, and a small file computed apart by `golden.py`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from fieldmark.statistics import (
    ELO,
    OUTCOMES,
    ClusterScores,
    Model,
    PairCounts,
    normal_critical,
    rate,
    tukey_critical,
)
from tests.statistics.samples import counts_of

DATA = Path(__file__).parent / "data"
MODELS: tuple[Model, ...] = ("bradley-terry", "davidson")


def small_file() -> tuple[PairCounts, ClusterScores]:
    with (DATA / "votes.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = sorted({row[side] for row in rows for side in ("model_a", "model_b")})
    a, b = (np.array([names.index(row[side]) for row in rows]) for side in ("model_a", "model_b"))
    outcome = np.array([("a", "b", "tie").index(row["winner"]) for row in rows])
    voter = np.array([int(row["voter"][1:]) for row in rows])
    counts = PairCounts.from_indices(names, a, b, outcome)
    return counts, ClusterScores.from_indices(counts, a, b, outcome, voter)


@pytest.mark.parametrize("model", MODELS)
def test_a_small_file_matches_numbers_computed_vote_by_vote(model: Model) -> None:
    counts, clusters = small_file()
    golden = json.loads((DATA / "golden.json").read_text(encoding="utf-8"))
    wanted = golden[model]
    plain, clustered = rate(counts, model=model), rate(counts, model=model, clusters=clusters)
    assert plain.names == tuple(golden["names"])
    assert (plain.interval, clustered.interval) == ("sandwich", "clustered")
    assert (plain.model, plain.confidence) == (model, 0.95)
    np.testing.assert_allclose(plain.rating, wanted["rating"], atol=1e-5)
    np.testing.assert_allclose(plain.se, wanted["sandwich"], rtol=1e-6)
    np.testing.assert_allclose(clustered.se, wanted["clustered"], rtol=1e-6)
    assert plain.tie_parameter == (wanted["tie_parameter"] and pytest.approx(wanted["tie_parameter"]))


@pytest.mark.parametrize("model", MODELS)
def test_two_contenders_without_ties_have_a_closed_form(model: Model) -> None:
    found = rate(counts_of(2, [(0, 1, 30, 10, 0)]), model=model).difference(0, 1)
    assert found.value == pytest.approx(400 * np.log10(3))
    assert found.se == pytest.approx(ELO * np.sqrt(1 / 30 + 1 / 10))
    assert found.lower == pytest.approx(found.value - 1.959963984540054 * found.se)


def test_two_contenders_with_ties_have_a_closed_form_under_davidson() -> None:
    ratings = rate(counts_of(2, [(0, 1, 30, 10, 7)]))
    found = ratings.difference(0, 1)
    assert found.value == pytest.approx(400 * np.log10(3))
    assert found.se == pytest.approx(ELO * np.sqrt(1 / 30 + 1 / 10))
    assert ratings.tie_parameter == pytest.approx(7 / np.sqrt(300))
    assert ratings.se == pytest.approx(found.se / 2)


def test_two_contenders_with_half_ties_have_a_closed_form_under_bradley_terry() -> None:
    ratings = rate(counts_of(2, [(0, 1, 30, 10, 8)]), model="bradley-terry")
    p, n = 34 / 48, 48
    squares = 30 * (1 - p) ** 2 + 10 * p**2 + 8 * (0.5 - p) ** 2
    assert ratings.difference(0, 1).value == pytest.approx(400 * np.log10(34 / 14))
    assert ratings.difference(0, 1).se == pytest.approx(ELO * np.sqrt(squares) / (n * p * (1 - p)))
    assert ratings.tie_parameter is None


def test_both_bad_is_its_own_statistic_unless_asked() -> None:
    counts = PairCounts.from_votes(["x"] * 7, ["y"] * 7, ["a", "a", "b", "tie", "both_bad", "both_bad", "a"])
    without = rate(counts_of(2, [(0, 1, 3, 1, 1)]))
    ties = rate(counts_of(2, [(0, 1, 3, 1, 3)]))
    assert rate(counts).tie_parameter == pytest.approx(without.tie_parameter)
    assert rate(counts, both_bad="tie").tie_parameter == pytest.approx(ties.tie_parameter)
    assert rate(counts).battles.tolist() == rate(counts, both_bad="tie").battles.tolist() == [7, 7]
    assert len(OUTCOMES) == 4


def test_an_interval_is_as_wide_each_way_and_wider_when_it_holds_for_all_pairs() -> None:
    ratings = rate(counts_of(3, [(0, 1, 3, 2, 1), (1, 2, 3, 2, 1), (0, 2, 3, 2, 1)]))
    for simultaneous, critical in ((False, normal_critical(0.95)), (True, tukey_critical(3, 0.95))):
        found = ratings.difference(0, 2, simultaneous=simultaneous)
        assert found.critical == critical
        assert found.lower == pytest.approx(found.value - critical * found.se)
        assert found.upper == pytest.approx(found.value + critical * found.se)
    assert ratings.difference(0, 2).critical == normal_critical(0.95)


def test_errors_far_below_one_point_are_kept() -> None:
    ratings = rate(counts_of(2, [(0, 1, 1e8, 1e8, 0)]))
    assert ratings.difference(0, 1).se == pytest.approx(ELO * np.sqrt(2e-8))
    assert ratings.se == pytest.approx(ELO * np.sqrt(2e-8) / 2)
