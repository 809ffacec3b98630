"""Mutation testing of statistics and ledger by mutmut: `python -m soak.mutation [ROOM...] [--minutes N]`.

Every mutant that no test notices must have its reason in `soak/survivors.toml`. Exit 0: all were tried, and
those that survived have one. 1: some have none. 2: the time was up; the same command goes on.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from soak._mutants import Results, Survivor, read_reasons, read_results, skeleton
from soak._workspace import EXCLUDED, ROOMS, ROOT, prepare, run
from soak.commit import commit

PAGE = ROOT / "docs/soak/mutation.md"
_COLUMNS = ("killed", "timeout", "survived", "untried")
_SHORT = "fieldmark."


def main() -> int:
    """Run, say what became of the mutants, and say which survivors have no reason."""
    names = [room.name for room in ROOMS]
    parser = argparse.ArgumentParser(prog="python -m soak.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="*", help=f"of {', '.join(names)}; all if left out")
    parser.add_argument("--minutes", type=float, default=180, help="stop after so long (180)")
    parser.add_argument("--again", action="store_true", help="try what timed out before once more")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    given = parser.parse_args()
    if unknown := set(given.rooms) - set(names):
        parser.error(f"no such room: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    os.nice(19)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    until = time.monotonic() + given.minutes * 60
    for room in ROOMS:
        if room.name in (given.rooms or names):
            began = time.monotonic()
            prepare(room, again=given.again)
            run(room, max(0.0, until - began))
            print(f"{room.name}: {time.monotonic() - began:.0f} s", flush=True)
    results = {room.name: read_results(room) for room in ROOMS if room.folder.is_dir()}
    reasons = read_reasons()
    if given.write:
        PAGE.write_text("\n".join(_page(results, reasons)) + "\n", encoding="utf-8")
    return _verdict([results[name] for name in given.rooms or names], reasons)


def _verdict(results: list[Results], reasons: dict[Survivor, str]) -> int:
    total: Counter[str] = sum((each.total for each in results), Counter())
    print(f"{total.total()} mutants: " + ", ".join(f"{total[name]} {name}" for name in _COLUMNS))
    survivors = [each for result in results for each in result.survivors]
    new = [each for each in survivors if not reasons.get(each)]
    if new:
        print(f"{len(new)} survived without a reason in soak/survivors.toml:", *skeleton(new), sep="\n")
        return 1
    if total["untried"]:
        print("the time was up; the same command goes on from here")
        return 2
    if gone := [each for each in reasons if each not in survivors]:
        print(f"{len(gone)} reasons are for mutants that no longer survive:", *skeleton(gone), sep="\n")
    return 0


def _page(results: dict[str, Results], reasons: dict[Survivor, str]) -> Iterator[str]:
    yield _HEAD.format(
        date=datetime.now(UTC).date(),
        commit=commit(),
        excluded=EXCLUDED,
        skipped=", ".join(f"`tests/{room.name}/{name}`" for room in ROOMS for name in room.skipped),
    )
    yield "| module | mutants | killed | timed out | survived | not tried |\n|---|--:|--:|--:|--:|--:|"
    for room, result in results.items():
        for module, counts in result.counts.items():
            yield _row(f"`{module.removeprefix(_SHORT)}`", counts)
        yield _row(f"**{room}**", result.total)
    for room, result in results.items():
        yield f"\n## Survivors: {room}"
        for reason, survivors in _by_reason(result.survivors, reasons).items():
            yield f"\n{reason or '**No reason is known yet.**'}\n"
            for function in dict.fromkeys(each.function for each in survivors):
                yield f"`{function.removeprefix(_SHORT)}`\n\n```diff"
                yield "\n\n".join(each.change for each in survivors if each.function == function)
                yield "```\n"


def _by_reason(survivors: list[Survivor], reasons: dict[Survivor, str]) -> dict[str, list[Survivor]]:
    groups: dict[str, list[Survivor]] = {}
    for each in survivors:
        groups.setdefault(reasons.get(each, ""), []).append(each)
    return groups


def _row(name: str, counts: Counter[str]) -> str:
    return "| " + " | ".join([name, str(counts.total()), *(str(counts[each]) for each in _COLUMNS)]) + " |"


_HEAD = """# Mutation testing of statistics and ledger

Do the tests notice when the code is wrong? [mutmut](https://mutmut.readthedocs.io) changes one thing in one
function at a time (a sign, a comparison, a number, an argument left out), and the tests of that room are run
against each change. A change they do not notice survives, and is listed below with the reason why it may.

Written by `python -m soak run mutation --write` on {date}, at commit {commit}.

- Tests ran on a lean profile (`soak/lean.py`: 25 examples per property unless the test says otherwise, always
  the same ones) and without {skipped}.
- Not mutated: the words of errors, by rule (lines matching `{excluded}`), module-level constants, and, as
  mutmut cannot, functions under a decorator such as `@property` or `@contextmanager`.
- A mutant that ran into its time limit (an endless loop, as a rule) counts as noticed.
"""


if __name__ == "__main__":
    raise SystemExit(main())
