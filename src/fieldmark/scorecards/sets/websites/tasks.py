"""Twelve sites to build. Each folder of `sites/` holds what is asked, what is checked, and one way to build it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from fieldmark.scorecards import Budget, Solution, Task, Variant
from fieldmark.scorecards.verifiers import make

SITES = Path(__file__).parent / "sites"
COMMON = (SITES / "common.md").read_text("utf-8")
TITLES = {
    "opening-hours": "Opening hours that know the time",
    "contact-form": "Contact form that says what is wrong",
    "sortable-table": "Table of a CSV file that can be sorted",
    "todo": "To-do list that remembers",
    "tabs": "Tabs by mouse, keyboard and address",
    "price-calculator": "Price calculator",
    "lightbox": "Gallery with a lightbox",
    "accordion": "Questions that open and close",
    "wizard": "Order form in three steps",
    "dark-mode": "Dark mode that is remembered",
    "booking-calendar": "Calendar to book nights in",
    "live-search": "Search that answers while one types",
}
TAGS = {
    "opening-hours": ["layout", "time"],
    "contact-form": ["form"],
    "sortable-table": ["data"],
    "todo": ["state"],
    "tabs": ["keyboard"],
    "price-calculator": ["form", "arithmetic"],
    "lightbox": ["keyboard"],
    "accordion": ["keyboard"],
    "wizard": ["form", "state"],
    "dark-mode": ["state", "layout"],
    "booking-calendar": ["time", "data"],
    "live-search": ["data"],
}


def tasks() -> list[Task]:
    return [_task(SITES / name) for name in TITLES]


def _task(folder: Path) -> Task:
    built = _files(folder / "oracle")
    given = _files(folder / "files")
    wrong = tomllib.loads((folder / "wrong.toml").read_text("utf-8"))
    paraphrase = folder / "paraphrase.md"
    return Task(
        id=folder.name,
        title=TITLES[folder.name],
        tags=TAGS[folder.name],
        kind="website",
        instruction=_said(folder / "instruction.md"),
        variants=[Variant("paraphrase", "paraphrase", _said(paraphrase))] if paraphrase.exists() else (),
        files=given,
        uses=frozenset({"sandbox"}),
        artifacts=["site/**"],
        budget=Budget(steps=40, tokens=400_000, seconds=1200),
        verifier=make("browser", {"file": "checks.toml"}, folder),
        oracle=Solution(answer="The site is built.", files=built),
        wrong={one["name"]: _mistaken(folder, built, one) for one in wrong["wrong"]},
        cheats={one["name"]: _claimed({"site/index.html": one["html"].encode()}) for one in wrong["cheat"]},
    )


def _said(path: Path) -> str:
    return path.read_text("utf-8") + COMMON


def _files(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"site/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}


def _claimed(files: dict[str, bytes]) -> Solution:
    return Solution(answer="The site is built.", files=files)


def _mistaken(folder: Path, built: dict[str, bytes], one: dict[str, Any]) -> Solution:
    """The oracle's files with one mistake in one of them."""
    path = f"site/{one.get('file', 'index.html')}"
    text = built[path].decode()
    if text.count(one["find"]) != 1:
        raise ValueError(f"{folder.name}: the mistake '{one['name']}' has no single place in {path}")
    return _claimed({**built, path: text.replace(one["find"], one["replace"]).encode()})
