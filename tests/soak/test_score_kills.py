"""The soak of killed runs, small: on both databases, and it notices a verdict that is counted twice."""

from __future__ import annotations

import pytest

from soak import score_kills


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_kills, "TASKS", 12)
    monkeypatch.setattr(score_kills, "TRIALS", 3)


def test_a_killed_run_is_continued() -> None:
    result = score_kills.run(1, postgres=False)
    assert result.wrong == []
    assert (result.kills, result.verdicts) == (1, result.planned)


def test_a_killed_worker_is_taken_over_from() -> None:
    pytest.importorskip("dbos", reason="the extra `workers` is not installed")
    result = score_kills.run(1, postgres=True)
    assert result.wrong == []
    assert result.verdicts == result.planned


def test_a_doubled_verdict_is_found() -> None:
    assert any("2 verdicts" in wrong for wrong in score_kills.run(1, postgres=False, sabotage=True).wrong)
