"""`python -m benchmarks list | run NAME... | sabotage NAME...`; NAME may be `all`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict

from benchmarks._row import Row, find, measure, names


def main() -> int:
    """0: all bounds met (sabotage: all broken). 1: not so. 2: no such benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The published figures.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what can be measured")
    run = commands.add_parser("run", help="measure; exit code 1 if a bound is not met")
    sabotage = commands.add_parser(
        "sabotage", help="measure with a deliberate fault; exit code 1 if a bound is met"
    )
    for command in (run, sabotage):
        command.add_argument("names", nargs="+", metavar="NAME", help="a name of the list, or all")
        command.add_argument("--json", action="store_true", help="rows for programs")
    given = parser.parse_args()
    if given.command == "list":
        for name in names():
            print(f"{name:<24} {find(name).about}")
        return 0
    wanted = names() if "all" in given.names else given.names
    if unknown := sorted(set(wanted) - set(names())):
        print(f"no benchmark is called {', '.join(unknown)}; known: {', '.join(names())}", file=sys.stderr)
        return 2
    fault = given.command == "sabotage"
    rows = _show((row for name in wanted for row in measure(name, fault=fault)), as_json=given.json)
    if fault:
        bounded = [row for row in rows if row.met is not None]
        return 0 if bounded and not any(row.met for row in bounded) else 1
    return 1 if any(row.met is False for row in rows) else 0


def _show(rows: Iterable[Row], *, as_json: bool) -> list[Row]:
    if as_json:
        found = list(rows)
        print(json.dumps([asdict(row) for row in found], indent=1, ensure_ascii=False))
        return found
    found = []
    for row in rows:
        value = "-" if row.value is None else f"{row.value:.4g} {row.unit}".strip()
        met = {True: "met", False: "NOT MET", None: ""}[row.met]
        print(f"{row.name:<52} {value:>14}  {row.bound or '':<10} {met:<8} {row.note}".rstrip(), flush=True)
        found.append(row)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
