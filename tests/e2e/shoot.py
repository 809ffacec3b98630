"""`python -m tests.e2e.shoot FOLDER`: pictures of the page for README and docs, from the starter field on real weights.

The answers are the model's own. The votes are a script's, which takes the shorter of two answers and calls nearly equal
lengths equal: they fill the board so that it can be seen, and say nothing about the contenders. The scorecard is of
agents of known skill, and of one that does nothing.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright

from tests import browser
from tests.e2e.pictures import shrink
from tests.e2e.serving import up
from tests.e2e.visitor import settled
from tests.e2e.words import ROOT, say
from tests.house import Browser

VOTERS = 6
ROUNDS = 5
SKILLED = ["oracle", "seeded:0.9", "seeded:0.6,correlation=0.5", "nop"]
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"": (1280, 900), "-phone": (360, 740)}
PROMPT = "Write a reply of two sentences that thanks Ms Okafor and moves our meeting to Thursday."


async def _vote(url: str) -> None:
    """Every voter has a few rounds, one after the other: two cores answer one round at a time best."""
    for voter in range(VOTERS):
        person = await Browser(url).begin()
        field = (await person.get("/api/v1/field")).json
        for n in range(ROUNDS):
            prompt = field["prompts"][(voter * ROUNDS + n) % len(field["prompts"])]
            more = {"category": prompt["category"], "prompt_source": "field"}
            battle = await person.battle(prompt["text"], **more)
            path = f"/api/v1/battles/{battle['id']}"
            await person.post(f"{path}/vote", {"choice": _shorter(battle)})
            await person.post(f"{path}/reveal")


async def _score(url: str) -> None:
    """A run of a shipped set."""
    person = await Browser(url).begin()
    wanted = {"contenders": SKILLED, "trials": 8, "variants": False, "seed": 1}
    run = (await person.post("/api/v1/scorecards/tools-basic/runs", wanted)).json["id"]
    for _ in range(1000):
        if (await person.get(f"/api/v1/runs/{run}")).json["state"] == "ended":
            return
        await asyncio.sleep(0.3)
    raise TimeoutError("the scorecard was not done in time")


def _shorter(battle: Any) -> str:
    a, b = (len(battle["turns"][0][side]["text"]) for side in "ab")
    if abs(a - b) < 0.25 * max(a, b):
        return "tie"
    return "a" if a < b else "b"


def _shoot(chromium: Chromium, url: str, folder: Path) -> None:
    blank = chromium.new_page()
    for theme in THEMES:
        for suffix, (width, height) in SIZES.items():
            viewport = {"width": width, "height": height}
            page = chromium.new_page(viewport=viewport, color_scheme=theme)  # type: ignore[arg-type]
            for name in _screens(page, url):
                # The bar of votes sticks to the end of the screen; in a picture of the whole page it would
                # stand anywhere. A scorecard is long, and says the most at its top.
                whole = not suffix and name not in {"battle", "scorecard"}
                picture = page.screenshot(full_page=whole, animations="disabled")
                (folder / f"{name}{suffix}-{theme}.png").write_bytes(shrink(blank, picture))
            page.close()


def _screens(page: Page, url: str) -> Iterator[str]:
    """Go from screen to screen; each name is given when its screen stands."""
    page.goto(url)
    settled(page)
    page.get_by_role("textbox").first.fill(PROMPT)
    yield "start"
    page.keyboard.press("Enter")
    page.get_by_text(say("battle.status.ready")).wait_for(timeout=60_000)
    yield "battle"
    page.keyboard.press("1")
    page.get_by_role("button", name=say("after.show")).click()
    page.get_by_role("button", name=say("reveal.next")).wait_for()
    yield "reveal"
    for path, name in (
        ("leaderboard", "leaderboard"),
        ("contenders/smollm2-brief", "card"),
        ("contenders", "contenders"),
        ("scorecards/tools-basic", "scorecard"),
    ):
        page.goto(f"{url}/{path}")
        settled(page)
        expect(page.get_by_text(say("add.detecting"))).to_have_count(0)
        yield name


def main() -> None:
    """Take every picture."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        ignored = shutil.ignore_patterns(".fieldmark")
        field = shutil.copytree(ROOT / "examples" / "starter", Path(place) / "starter", ignore=ignored)
        with up(field) as server:
            asyncio.run(_vote(server.url))
            asyncio.run(_score(server.url))
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(
                    executable_path=browser.ensure(), args=browser.ARGUMENTS
                )
                _shoot(chromium, server.url, folder)
                chromium.close()


if __name__ == "__main__":
    main()
