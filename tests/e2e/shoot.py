"""`python -m tests.e2e.shoot FOLDER`: pictures of the page for README and docs, from the starter field on real weights.

The answers are the model's own. The votes are a script's, which takes the shorter of two answers and calls nearly equal
lengths equal: they fill the board so that it can be seen, and say nothing about the contenders.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, sync_playwright

from tests import browser
from tests.e2e.serving import up
from tests.house import Browser

ROOT = Path(__file__).parents[2]
VOTERS = 6
ROUNDS = 5
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"": (1280, 900), "-phone": (360, 740)}
PROMPT = "Make this note polite and short: The meeting room is a mess again. Whoever used it last, clean it up today!"


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


def _shorter(battle: Any) -> str:
    a, b = (len(battle["turns"][0][side]["text"]) for side in "ab")
    if abs(a - b) < 0.25 * max(a, b):
        return "tie"
    return "a" if a < b else "b"


def _shoot(chromium: Chromium, url: str, folder: Path) -> None:
    for theme in THEMES:
        for suffix, (width, height) in SIZES.items():
            viewport = {"width": width, "height": height}
            page = chromium.new_page(viewport=viewport, color_scheme=theme)  # type: ignore[arg-type]
            _screens(
                page, url, lambda name, p=page, end=f"{suffix}-{theme}": _save(p, folder / f"{name}{end}.png")
            )
            page.close()


def _screens(page: Page, url: str, save: Any) -> None:
    page.goto(url)
    page.get_by_role("textbox").first.fill(PROMPT)
    save("start")
    page.keyboard.press("Enter")
    page.get_by_text("Both have finished").wait_for(timeout=60_000)
    save("battle")
    page.keyboard.press("1")
    page.get_by_role("button", name="Show names").click()
    page.get_by_role("button", name="Next round").wait_for()
    save("reveal")
    for path, name in (
        ("leaderboard", "leaderboard"),
        ("contenders/smollm2-brief", "card"),
        ("contenders", "contenders"),
    ):
        page.goto(f"{url}/{path}")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_load_state("networkidle" if name == "contenders" else "load")
        page.wait_for_timeout(600)
        save(name)


def _save(page: Page, path: Path) -> None:
    page.screenshot(path=path, full_page=True)


def main() -> None:
    """Take every picture."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        ignored = shutil.ignore_patterns(".fieldmark")
        field = shutil.copytree(ROOT / "examples" / "starter", Path(place) / "starter", ignore=ignored)
        with up(field) as server:
            asyncio.run(_vote(server.url))
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=browser.ensure(), args=browser.ARGUMENTS)
                _shoot(chromium, server.url, folder)
                chromium.close()


if __name__ == "__main__":
    main()
