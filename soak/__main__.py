"""Long tests: `python -m soak [list | run NAME...|all] [--minutes N] [--write]`; all if none is named.

Exit 0: all is well. 1: a soak found something. 2: one was stopped by its time limit; run it again to go on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec

from soak._workspace import ROOT
from soak.commit import commit


@dataclass(frozen=True)
class Soak:
    """A module that is run by itself and exits with 0 when all is well."""

    name: str
    what: str
    arguments: tuple[str, ...] = ()
    resumable: bool = False
    """It takes `--minutes` and `--write` itself; of the others the output is the page."""

    @property
    def module(self) -> str:
        return f"soak.{self.name}"


SOAKS = (
    Soak("mutation", "do the tests notice when statistics or ledger are wrong?", resumable=True),
    Soak("two_servers", "do two servers on one PostgreSQL stay exact when killed?", ("--kills", "40")),
    Soak("drift", "does the drift alarm stay quiet, and how soon does it find a swap?", resumable=True),
    Soak("power_cut", "is what was acknowledged there after the power was cut?", ("--cuts", "50")),
    Soak(
        "kills", "is what a killed server acknowledged there, and nothing half written?", ("--kills", "200")
    ),
    Soak("api_fuzz", "does any request make the server fail, or reply what its document does not say?"),
    Soak("hostile", "does a hostile text run, leak or break anything, wherever it comes in?"),
    Soak(
        "shipped",
        "how reliable are a small model and agents of known skill on the shipped sets?",
        resumable=True,
    ),
    Soak("ledger_kills", "is what was acknowledged there after kill -9?", ("--kills", "200")),
    Soak("score_kills", "is no verdict lost or doubled when who plays trials is killed?", ("--kills", "200")),
    Soak("proxies", "do the shipped configurations of nginx and Caddy pass on what they must?"),
    Soak("tampering", "is every change of an export found and named?", ("--tries", "10000")),
)


def main() -> int:
    """Run what is named, one after another."""
    soaks = {each.name: each for each in SOAKS if find_spec(each.module)}
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("command", nargs="?", choices=("list", "run"), default="run")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(soaks)} or all")
    parser.add_argument("--minutes", type=float, default=180, help="time limit of those that can go on later")
    parser.add_argument("--write", action="store_true", help="write docs/soak/NAME.md")
    given = parser.parse_args()
    if given.command == "list":
        print(*(f"{each.name:14}{each.what}" for each in soaks.values()), sep="\n")
        return 0
    names = list(soaks) if not given.names or "all" in given.names else given.names
    if unknown := [name for name in names if name not in soaks]:
        parser.error(f"no such soak: {', '.join(unknown)}; there are {', '.join(soaks)}")
    codes = [_run(soaks[name], given.minutes, write=given.write) for name in names]
    return 1 if 1 in codes else max(codes)


def _run(soak: Soak, minutes: float, *, write: bool) -> int:
    command = [sys.executable, "-m", soak.module, *soak.arguments]
    if soak.resumable:
        command += ["--minutes", str(minutes), *(["--write"] if write else [])]
    print(f"{soak.name}: {soak.what} (commit {commit()})", flush=True)
    began = time.monotonic()
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            print("  " + line, end="", flush=True)
            lines.append(line)
    took = time.monotonic() - began
    print(f"{soak.name}: exit {child.returncode} after {took:.0f} s\n", flush=True)
    if write and not soak.resumable:
        page = ROOT / "docs/soak" / f"{soak.name}.md"
        page.write_text(_page(soak, "".join(lines), took, child.returncode), encoding="utf-8")
    return child.returncode


def _page(soak: Soak, output: str, took: float, code: int) -> str:
    command = " ".join(["python -m", soak.module, *soak.arguments])
    return (
        f"# Soak: {soak.name}\n\n{soak.what[0].upper()}{soak.what[1:]}\n\n"
        f"`{command}` on {datetime.now(UTC).date()}, at commit {commit()}:"
        f" exit {code} after {took:.0f} s.\n\n"
        f"```text\n{output}```\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
