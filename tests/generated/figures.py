"""`python -m benchmarks run NAME... --json | python -m tests.generated.figures`: puts measured figures into the README.

There only rows with a bound are shown; what was not measured has no row, and a bound that is not met stops it. With
`--page` every row goes to `docs/figures.md` instead, misses too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from datetime import UTC, datetime
from typing import Any

from tests.generated import ROOT
from tests.generated._markdown import table

PAGE = ROOT / "docs" / "figures.md"
_PAGE = """# Figures

Each is printed by one command, `python -m benchmarks run NAME` (`python -m benchmarks list` names them); `make bench`
runs all. A load generator, a stub endpoint and the server under test share the cores. A bound that is not met stands
here as it was measured. What takes hours is under Soak.
"""
_BEGIN, _END = "<!-- figures: written by tests/generated/figures.py -->", "<!-- end of figures -->"


def main() -> None:
    """Read rows from standard input; rewrite the README's table."""
    parser = argparse.ArgumentParser(prog="python -m tests.generated.figures", description=__doc__)
    parser.add_argument(
        "--cores", type=int, default=_cores(), help="cores of the machine the rows were measured on"
    )
    parser.add_argument("--page", action="store_true", help="write docs/figures.md, with every row")
    given = parser.parse_args()
    rows, today = json.load(sys.stdin), datetime.now(UTC).strftime("%Y-%m-%d")
    if given.page:
        PAGE.write_text(page(rows, today, given.cores), "utf-8")
        return
    text = section(rows, today, given.cores)
    readme = ROOT / "README.md"
    whole = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    readme.write_text(whole.sub(lambda _: f"{_BEGIN}\n{text}{_END}", readme.read_text("utf-8")), "utf-8")


def page(rows: list[dict[str, Any]], date: str, cores: int) -> str:
    """Every row as it was measured."""
    words = {True: "yes", False: "**no**", None: ""}
    lines = [
        [
            row["name"],
            "" if row["value"] is None else f"{row['value']:.4g} {row['unit']}".strip(),
            f"{row['bound'] or ''} {row['unit'] if row['bound'] else ''}".strip(),
            words[row["met"]],
            row["note"],
        ]
        for row in rows
    ]
    head = ["figure", "measured", "bound", "met", "note"]
    return f"{_PAGE}\n{table(head, lines)}\nMeasured on {date} on {cores} cores.\n"


def section(rows: list[dict[str, Any]], date: str, cores: int) -> str:
    """The table of measured rows, and where they are from. Rows called `CASE: WHAT` are one, with the worst value."""
    measured = [row for row in rows if row["value"] is not None and row["met"] is not None]
    if failed := [row["name"] for row in measured if not row["met"]]:
        raise SystemExit(f"bounds not met: {', '.join(failed)}; nothing was written")
    groups: dict[tuple[str, str, str], list[float]] = {}
    for row in measured:
        key = (row["name"].rpartition(": ")[2], row["unit"], row["bound"])
        groups.setdefault(key, []).append(row["value"])
    lines = [_line(*key, values) for key, values in groups.items()]
    return f"{table(['figure', 'measured', 'bound'], lines)}\nMeasured on {date} on {cores} cores.\n"


def _line(name: str, unit: str, bound: str, values: list[float]) -> list[str]:
    worst = max(values) if bound.startswith("<") else min(values)
    of = f", worst of {len(values)}" if len(values) > 1 else ""
    return [name.replace("_", " ") + of, f"{worst:.3g} {unit}", f"{bound} {unit}"]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
