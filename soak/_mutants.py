"""What became of the mutants, and the reasons of those that survive (`survivors.toml`)."""

from __future__ import annotations

import contextlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.utils.format_utils import get_module_from_key, orig_function_and_class_names_from_key

from soak._workspace import KILLED, ROOT, Room

REASONS = ROOT / "soak/survivors.toml"

_OUTCOMES: dict[int | None, str] = {0: "survived", 33: "survived", None: "untried"}


@dataclass(frozen=True)
class Survivor:
    """A mutant no test noticed. Its name in mutmut is a running number, so it goes by what it changes."""

    function: str
    change: str
    """The lines of the diff that begin with `-` and `+`, outer indentation removed."""


@dataclass
class Results:
    """Outcomes of a room by module, and its survivors."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    survivors: list[Survivor] = field(default_factory=list)

    @property
    def total(self) -> Counter[str]:
        return sum(self.counts.values(), Counter())


def read_results(room: Room) -> Results:
    """What mutmut has written down so far."""
    results = Results()
    for meta in sorted((room.folder / "mutants/src").rglob("*.py.meta")):
        source = meta.relative_to(room.folder / "mutants").with_suffix("")
        codes: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
        for name, code in codes.items():
            outcome = "killed" if code in KILLED else _OUTCOMES.get(code, "timeout")
            results.counts.setdefault(get_module_from_key(name), Counter())[outcome] += 1
            if outcome == "survived":
                results.survivors.append(_survivor(room, name, source))
    return results


def _survivor(room: Room, name: str, source: Path) -> Survivor:
    with contextlib.chdir(room.folder):
        diff = get_diff_for_mutant(name, path=source)
    changed = [line for line in diff.splitlines()[2:] if line.startswith(("-", "+"))]
    margin = min(len(line[1:]) - len(line[1:].lstrip()) for line in changed)
    function, owner = orig_function_and_class_names_from_key(name)
    parts = (get_module_from_key(name), owner, function)
    return Survivor(
        ".".join(filter(None, parts)), "\n".join(line[0] + " " + line[1 + margin :] for line in changed)
    )


def read_reasons() -> dict[Survivor, str]:
    """Why each mutant known to survive may."""
    table = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    return {
        Survivor(each["function"], change.strip("\n")): each["reason"]
        for each in table.get("survivors", ())
        for change in each["changes"]
    }


def skeleton(survivors: list[Survivor]) -> Iterator[str]:
    """Entries for `survivors.toml` in which only the reason is missing."""
    for function in dict.fromkeys(each.function for each in survivors):
        changes = [f"'''\n{each.change}\n'''," for each in survivors if each.function == function]
        lines = ["", "[[survivors]]", f'function = "{function}"', 'reason = ""', "changes = [", *changes, "]"]
        yield "\n".join(lines)
