"""What is shown, exported, printed and logged of hostile texts."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer

from soak._hostile_doors import KEY, PASSWORD, Doors
from tests import browser
from tests.e2e.visitor import Sight, Visitor

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal obeys; a line feed and a tab it may."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
LISTS = (
    "cases?state=all&limit=200",
    *("me", "me/export", "board", "board/field", "audit", "keys", "accounts", "invitations", "contenders"),
)
COMMANDS = (
    ("cases", "list", "--state", "all", "--limit", "200"),
    ("cases", "rates"),
    ("report", "quartz-nine"),
    ("board",),
    ("keys", "list"),
    ("accounts", "list"),
    ("ledger", "verify"),
)
PAGES = ("/inbox", "/me", "/access", "/leaderboard", "/contenders", "/field", "/real-cases")
ODD = (
    "script, iframe, object, embed, form, base, meta, style, link, img, video, audio, svg, input, textarea, "
    "[style], [onerror], [onload], [id], [name]"
)
_HANDLERS = """() => [...document.querySelectorAll('main *')]
  .flatMap((e) => e.getAttributeNames()).filter((name) => name.startsWith('on')).length"""
_LINKS = "(all) => all.map((a) => a.getAttribute('href'))"


async def lists(doors: Doors) -> None:
    """Everything that lists what was brought in."""
    doors.entry = "lists"
    for name in LISTS:
        said = await doors.ask("GET", f"/api/v1/{name}")
        if said.status != 200:
            doors.note(f"{name} gave {said.status}")
    doors.wrong += [
        f"votes.csv: {what}" for what in formulas((await doors.ask("GET", "/api/v1/votes.csv")).text)
    ]


def formulas(text: str) -> Iterator[str]:
    """Cells that a spreadsheet would compute."""
    for row in csv.reader(io.StringIO(text, newline="")):
        for cell in row:
            if cell.startswith(FORMULA) and not re.fullmatch(r"[+-]?\d+(\.\d+)?(e-?\d+)?", cell):
                yield f"the cell {cell[:60]!r} is a formula"


def printed(folder: Path) -> Iterator[str]:
    """What the command line prints and exports."""
    for arguments in COMMANDS:
        where = f"fieldmark {' '.join(arguments)}"
        code, said = _fieldmark(arguments, folder)
        yield from obeyed(where, said)
        if code:
            yield f"{where} ended with {code}: {said[-300:]!r}"
    for form in ("jsonl", "csv"):
        _, said = _fieldmark(("votes", "export", "-", "--format", form), folder)
        yield from ([f"votes export: {what}" for what in formulas(said)] if form == "csv" else _lines(said))
    file = folder.parent / "export.jsonl"
    _fieldmark(("ledger", "export", str(file)), folder)
    yield from _lines(file.read_text("utf-8"))


@cache
def _app() -> typer.Typer:
    from fieldmark.cli import accounts, cases, keys, ledger, views, votes

    app = typer.Typer()
    for module in (accounts, cases, keys, ledger, views, votes):
        module.add_to(app)
    return app


def _fieldmark(arguments: Sequence[str], folder: Path) -> tuple[int, str]:
    """Exit code, and what it printed: of a failure what raised, too."""
    from typer.testing import CliRunner

    done = CliRunner().invoke(_app(), [*arguments, "--field", str(folder)], env={"COLUMNS": "200"})
    return done.exit_code, done.stdout + (repr(done.exception) if done.exit_code else "")


def _lines(text: str) -> Iterator[str]:
    for line in text.removesuffix("\n").split("\n"):
        try:
            json.loads(line)
        except ValueError:
            yield f"a line of an export is no JSON: {line[:80]!r}"


def obeyed(where: str, text: str) -> Iterator[str]:
    """Control characters in what a terminal shows, and the key."""
    for line in text.splitlines():
        if CONTROL.search(line):
            yield f"{where} shows control characters: {line[:100]!r}"
    if KEY in text:
        yield f"{where} tells {KEY}"


def shown(url: str, entries: Sequence[tuple[str, str]], *, sabotage: bool = False) -> Iterator[str]:
    """Rounds and lists in a real Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.ensure(), args=browser.ARGUMENTS)
        visitor = Visitor.arrive(chromium, url, Sight())
        if sabotage:
            visitor.context.add_init_script("window.owned = 1")
        headers = _sign_in(visitor, url)
        for name, text in entries:
            yield from (f"{name}: {what}" for what in _round(visitor, url, headers, text))
        for path in PAGES:
            visitor.go(path)
            yield from (f"{path}: {what}" for what in _untouched(visitor))
        chromium.close()


def _sign_in(visitor: Visitor, url: str) -> dict[str, str]:
    request = visitor.context.request
    headers = {"x-fieldmark-csrf": request.get(f"{url}/api/v1/session").json()["csrf"]}
    body = {"name": "admin", "password": PASSWORD}
    said = request.post(f"{url}/api/v1/login", data=body, headers=headers)
    return {"x-fieldmark-csrf": said.json()["csrf"]}


def _round(visitor: Visitor, url: str, headers: dict[str, str], text: str) -> Iterator[str]:
    request = visitor.context.request
    begun = request.post(f"{url}/api/v1/battles", data={"prompt": text}, headers=headers)
    if begun.status != 201:
        return
    path = f"{url}/api/v1/battles/{begun.json()['id']}"
    visitor.go("/")
    visitor.ready()
    yield from _untouched(visitor)
    for act, body in (("vote", {"choice": "tie"}), ("remark", {"comment": text[:4000]}), ("reveal", {})):
        request.post(f"{path}/{act}", data=body, headers=headers)
    visitor.go("/")
    yield from _untouched(visitor)


def _untouched(visitor: Visitor) -> Iterator[str]:
    page = visitor.page
    if page.evaluate("() => window.owned ?? ({}).owned") is not None:
        yield "a script of the text ran"
    if page.locator(f".prose :is({ODD})").count():
        yield "an element of the text stands in the page"
    if page.evaluate(_HANDLERS):
        yield "an element has a handler"
    hrefs: list[Any] = page.locator(".prose a").evaluate_all(_LINKS)
    yield from (
        f"a link leads to {href!r}" for href in hrefs if not re.match(r"https?://|mailto:", str(href))
    )
    yield from visitor.troubles
    visitor.troubles.clear()
