"""A few hostile texts through every entrance; and that what they might do would be found."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak._hostile_looks import formulas, obeyed
from soak.hostile import corpus, run

FEW = ("script", "terminal-clear", "rich-markup", "sse-frames")


def test_the_corpus_is_large_and_names_nothing_twice() -> None:
    names = [name for name, _ in corpus()]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
    assert set(FEW) <= set(names)


def test_a_few_run_nowhere_leak_nothing_and_break_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, [entry for entry in corpus() if entry[0] in FEW], show=1)
    assert result.wrong == []
    assert result.asked > 100


def test_a_leak_and_a_script_that_runs_are_found(tmp_path: Path) -> None:
    result = run(tmp_path, [("plain", "Say hello.")], show=1, sabotage=True)
    assert any("told sk-canary" in what for what in result.wrong)
    assert any("script" in what for what in result.wrong)


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "\"+cmd|' /C calc'!A0\"", "-2+3", '"\t=1"'])
def test_a_cell_that_a_spreadsheet_would_compute_is_found(cell: str) -> None:
    assert list(formulas(f"name,count\n{cell},1\n"))


def test_numbers_are_no_formulas_and_escapes_are_found() -> None:
    assert list(formulas("a,-1.5,+3,2e-5\n")) == []
    assert list(obeyed("here", "fine\n\ttext\n")) == []
    assert list(obeyed("here", "\x1b[31mred")) != []
