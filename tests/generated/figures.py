"""`python -m benchmarks run NAME... --json | python -m tests.generated.figures`: puts measured figures into the README.

Only rows with a bound are shown. What was not measured has no row, and a bound that is not met stops it.
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

_BEGIN, _END = "<!-- figures: written by tests/generated/figures.py -->", "<!-- end of figures -->"


def main() -> None:
    """Read rows from standard input; rewrite the README's table."""
    parser = argparse.ArgumentParser(prog="python -m tests.generated.figures", description=__doc__)
    parser.add_argument(
        "--cores", type=int, default=_cores(), help="cores of the machine the rows were measured on"
    )
    given = parser.parse_args()
    text = section(json.load(sys.stdin), datetime.now(UTC).strftime("%Y-%m-%d"), given.cores)
    readme = ROOT / "README.md"
    whole = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    readme.write_text(whole.sub(lambda _: f"{_BEGIN}\n{text}{_END}", readme.read_text("utf-8")), "utf-8")


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
