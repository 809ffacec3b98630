"""The benchmarks as a person runs them: what can be measured, and that a bound can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks._row import Benchmark, at_least, at_most, find, measure, names, not_measured, unbounded

ROOT = Path(__file__).parents[2]


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("value", [float("nan"), 21.0])
def test_a_value_over_its_bound_or_not_a_number_is_not_met(value: float) -> None:
    assert at_most("figure", value, "ms", 20).met is False


def test_bounds_hold_at_the_bound_itself() -> None:
    assert at_most("figure", 20.0, "ms", 20).met is True
    assert at_least("figure", 20.0, "1/s", 20).met is True
    assert at_least("figure", 19.9, "1/s", 20).met is False


def test_a_peer_and_what_was_not_measured_promise_nothing() -> None:
    assert unbounded("peer", 1.0, "ms").met is None
    row = not_measured("figure", "no data", "<= 1")
    assert (row.met, row.value, row.note) == (None, None, "not measured: no data")


def test_every_file_is_a_benchmark_with_a_line_about_it() -> None:
    listed = benchmarks("list").stdout
    for name in names():
        found = find(name)
        assert isinstance(found, Benchmark)
        assert f"{found.name} " in listed
        assert found.about in listed


def test_an_unknown_name_lists_those_that_exist() -> None:
    done = benchmarks("run", "nothing-like-it")
    assert done.returncode == 2
    assert "ratings" in done.stderr


def test_ratings_without_the_data_say_so_instead_of_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIELDMARK_VOTES_DATA", raising=False)
    rows = list(measure("ratings"))
    assert rows
    assert all(row.met is None and "not measured" in row.note for row in rows)


def test_sabotage_breaks_the_bounds_of_the_board() -> None:
    done = benchmarks("sabotage", "board_statistics", "--json")
    assert done.returncode == 0, done.stdout
    assert all(row["met"] is False for row in json.loads(done.stdout) if row["bound"])
