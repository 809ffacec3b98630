"""Figures in the README are what was measured, or are not there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.generated.figures import section


def _row(
    name: str, value: float | None, *, met: bool | None = True, bound: str | None = "<= 5"
) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "ms", "bound": bound, "met": met, "note": ""}


def test_rows_without_a_value_or_a_bound_are_left_out_and_cases_are_one_row() -> None:
    rows = [
        _row("one file: board", 2),
        _row("other file: board", 3),
        _row("a peer", 9, met=None, bound=None),
        _row("not measured", None, met=None),
        _row("writes", 12, bound=">= 10"),
    ]
    found = section(rows, "2026-01-31", 2).splitlines()
    assert found[2:] == [
        "| board, worst of 2 | 3 ms | <= 5 ms |",
        "| writes | 12 ms | >= 10 ms |",
        "",
        "Measured on 2026-01-31 on 2 cores.",
    ]


def test_a_bound_that_is_not_met_is_not_published() -> None:
    with pytest.raises(SystemExit, match="not met: board"):
        section([_row("board", 6, met=False)], "2026-01-31", 2)
