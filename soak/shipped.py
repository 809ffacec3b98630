"""Run every shipped task set, and write what came out: `python -m soak.shipped [--minutes N] [--write]`.

SmolLM2-135M takes each set twice, calling tools its own way and under a grammar; seeded agents of known skill take each
too; and when FIELDMARK_ENDPOINT names an OpenAI-compatible address (FIELDMARK_MODEL the model there, FIELDMARK_KEY_ENV
the variable with its key), so does that model. Runs are kept in the folder given by `--in`, so that the command can be
interrupted and goes on; exit 2 means that it ran out of time. The page says what was not finished.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soak._workspace import ROOT
from soak.commit import commit

PAGE = ROOT / "docs" / "scorecards.md"
SEEDED = ("oracle", "seeded:0.9", "seeded:0.6,correlation=0.5", "nop")
SMALL = """
[[contenders]]
name = "smollm2-135m"
kind = "weights"
model = "smollm2-135m"
timeout = 900
[contenders.sampler]
temperature = 0.7
max_tokens = 400
"""
LARGE = """
[[contenders]]
name = "{name}"
kind = "endpoint"
url = "{url}"
model = "{model}"
{key}
"""


@dataclass(frozen=True)
class Part:
    """What runs in a field of its own, since a scorecard shows all runs of a contender together."""

    name: str
    said: str
    contenders: Sequence[str]
    trials: int
    more: Sequence[str] = ()
    tables: str = ""


def parts(small_trials: int, seeded_trials: int) -> list[Part]:
    """Everything that is run."""
    found = [
        Part("seeded", "Agents of known skill", SEEDED, seeded_trials),
        Part(
            "native", "SmolLM2-135M, calling tools its own way", ("smollm2-135m",), small_trials,
            ("--calling", "native"), SMALL,
        ),
        Part(
            "grammar", "SmolLM2-135M, tool calls under a grammar", ("smollm2-135m",), small_trials,
            ("--calling", "grammar"), SMALL,
        ),
    ]  # fmt: skip
    if url := os.environ.get("FIELDMARK_ENDPOINT"):
        model = os.environ.get("FIELDMARK_MODEL", "default")
        variable = os.environ.get("FIELDMARK_KEY_ENV")
        key = f'key_env = "{variable}"' if variable else ""
        name = "".join(c if c.isalnum() or c in "._-" else "-" for c in model.lower())[:60].strip("-._")
        table = LARGE.format(name=name, url=url, model=model, key=key)
        found.append(Part("endpoint", f"{model}, at an endpoint", (name,), seeded_trials, (), table))
    return found


def main() -> int:
    """0: everything was run. 2: out of time."""
    parser = argparse.ArgumentParser(prog="python -m soak.shipped", description=__doc__)
    parser.add_argument("--minutes", type=float, default=180)
    parser.add_argument("--in", dest="folder", type=Path, default=ROOT / ".soak" / "shipped")
    parser.add_argument("--trials", type=int, default=2, help="of SmolLM2")
    parser.add_argument("--seeded-trials", type=int, default=8)
    parser.add_argument("--only", nargs="*", help="parts: seeded, native, grammar, endpoint")
    parser.add_argument("--write", action="store_true", help="write docs/scorecards.md")
    given = parser.parse_args()
    end = time.monotonic() + given.minutes * 60
    chosen = parts(given.trials, given.seeded_trials)
    sets = shipped()
    done = True
    for part in chosen:
        if given.only and part.name not in given.only:
            continue
        folder = write_field(given.folder / part.name, part)
        for name in sets:
            done = run(folder, part, name, end) and done
    if given.write:
        PAGE.write_text(page(given.folder, chosen, sets), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0 if done else 2


def shipped() -> list[str]:
    """Names of the sets that ship."""
    from fieldmark.scorecards import find_sets

    return [place.name for place in find_sets()]


def write_field(folder: Path, part: Part) -> Path:
    """The part's field."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f'id = "shipped-{part.name}"\nname = "Shipped task sets: {part.name}"\n{part.tables}'
    if not (folder / "field.toml").exists():
        (folder / "field.toml").write_text(text)
    return folder


def run(folder: Path, part: Part, name: str, end: float) -> bool:
    """Run a set, or go on with it; whether it is complete."""
    known = [each for each in _json(folder, "score", "runs") if each["scorecard"] == name]
    if any(each["ended"] in {"complete", "precise"} for each in known):
        return True
    if time.monotonic() > end:
        return False
    command = [
        "score",
        "run",
        name,
        *part.contenders,
        "--trials",
        str(part.trials),
        "--no-variants",
        *part.more,
    ]
    paused = next((each for each in known if each["state"] != "ended"), None)
    if paused:
        command = ["score", "run", name, "--continue", paused["id"]]
    command += ["--seed", "1"] if not paused else []
    print(f"{part.name}: {name}", flush=True)
    with subprocess.Popen(
        _command(folder, *command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as child:
        try:
            return child.wait(max(1.0, end - time.monotonic())) == 0
        except subprocess.TimeoutExpired:
            child.terminate()
            return False


def _command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "fieldmark", *arguments, "--field", str(folder)]


def _json(folder: Path, *arguments: str) -> Any:
    done = subprocess.run(
        _command(folder, *arguments, "--format", "json"), capture_output=True, text=True, check=False
    )
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout else []


def page(folder: Path, chosen: Sequence[Part], sets: Sequence[str]) -> str:
    """docs/scorecards.md."""
    blocks = [
        "# The shipped task sets, as they came out\n",
        "Nothing here was chosen: `python -m soak.shipped --write` runs every set and writes this page. Rates are\n"
        "means over tasks with their 95% interval; `pass^k` is the share of tasks' trials that pass k times in a\n"
        "row. A void is the infrastructure's failure and counts neither way. Only the tasks' own wording is tried.\n",
        f"{datetime.now(UTC).date()}, at commit {commit()}.\n",
    ]
    for part in chosen:
        views = _views(folder / part.name, sets)
        rows = []
        for name in sets:
            view = views.get(name) or {}
            scores = view["line"]["scores"] if view else []
            rows += [_row(name, view, score) for score in scores] or [f"| {name} | | | | not run | | | | |"]
        blocks.append(f"## {part.said}\n\n{_HEAD}\n" + "\n".join(rows) + "\n")
    blocks.append(_checked(folder, chosen))
    blocks.append(
        "## People\n\nNobody has taken these tasks on the page yet; a human line is never invented. See\n"
        "[how to take them](how-to/take-tasks-yourself.md).\n"
    )
    return "\n".join(blocks)


def _views(folder: Path, sets: Sequence[str]) -> dict[str, Any]:
    """Scorecards of a part's field, by name."""
    from fieldmark.cli._score_field import reading

    if not (folder / ".fieldmark").exists():
        return {}
    with reading(folder) as (cards, runs):
        return {name: cards.card(name, runs.views(name)).model_dump(mode="json") for name in sets}


def _checked(folder: Path, chosen: Sequence[Part]) -> str:
    """What the sets' own checks found before their first runs."""
    from fieldmark.scorecards import find_sets, load_check, load_set

    rows = []
    for place in find_sets():
        digest = load_set(place.folder).digest
        report = next(filter(None, (load_check(digest, folder / part.name) for part in chosen)), None)
        rows += [f"| {place.name} | | | not checked | | |"] if report is None else []
        for kind in report.kinds if report else ():
            state = "ok" if report and report.ok else "problems"
            rows.append(
                f"| {place.name} | {kind.kind} | {kind.wrong} | {kind.passed} | {kind.upper:.1%} | {state} |"
            )
    return (
        "## Their verifiers\n\nBefore its first run every set was checked: oracle passes three times, nop and cheats\n"
        "fail, and so should the distinct wrong solutions that it brings. The bound is Clopper and Pearson's,\n"
        "one-sided.\n\n"
        "| set | verifier | wrong solutions | let pass | at most (95%) | checks |\n"
        "| --- | --- | --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


_HEAD = (
    "| set | contender | tasks | trials | pass rate | pass^k | void | s per trial | state |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def _row(name: str, view: Mapping[str, Any], score: Mapping[str, Any]) -> str:
    share, rate = score["share"], score["rate"]
    last = score["curve"][-1] if score["curve"] else None
    power = f"{last['all']['value']:.0%} (k = {last['k']})" if last else ""
    said = f"{rate['value']:.0%} ({rate['low']:.0%} to {rate['high']:.0%})" if rate else ""
    of = [each for each in view["runs"] if score["name"] in each["contenders"]]
    state = "complete" if any(each["ended"] == "complete" for each in of) else "not finished"
    seconds = f"{score['median_seconds']:.1f}" if score["median_seconds"] is not None else ""
    trials = share["passed"] + share["failed"]
    return (
        f"| {name} | {score['name']} | {score['tasks']} | {trials} | {said} | {power} | {share['void']} | {seconds} "
        f"| {state} |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
