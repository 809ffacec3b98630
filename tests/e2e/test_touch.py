"""A round with a finger on a phone of 360 by 740."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.e2e import told
from tests.e2e.conftest import Visit
from tests.e2e.told import Orders
from tests.e2e.visitor import script
from tests.e2e.words import say


def test_a_round_by_touch(visit: Visit) -> None:
    visitor = visit(width=360, height=740, touch=True)
    page = visitor.go()
    visitor.box.tap()
    visitor.box.fill(str(Orders()))
    visitor.button("arena.send").tap()
    visitor.ready()
    expect(page.locator("article[aria-busy]")).to_have_count(2)
    first, second = (page.locator("article[aria-busy]").nth(i).bounding_box() for i in (0, 1))
    assert first
    assert second
    assert first["x"] == second["x"]
    assert first["y"] < second["y"], "the sides are stacked"
    expect(page.locator("kbd:visible")).to_have_count(0)
    vote = visitor.choice("both_bad")
    expect(vote).to_be_in_viewport(ratio=1)
    vote.tap()
    for tag in ("useful", "too long"):
        _tap(page.locator("label", has_text=tag).first)
    _tap(page.locator(".choice label", has_text="4").last)
    visitor.button("after.show").tap()
    expect(page.locator("h1")).to_have_text(re.compile("|".join(told.NAMES.values())))
    expect(page.locator("article h2 a").first).to_be_visible()
    assert script(page, "() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name=say("reveal.next")).tap()
    expect(visitor.box).to_be_visible()
    page.locator("nav a", has_text=say("nav.leaderboard")).tap()
    expect(page.locator("tbody tr").first).to_be_visible()
    assert script(page, "() => document.documentElement.scrollWidth <= innerWidth")


def _tap(label: Locator) -> None:
    label.tap()
    expect(label.locator("input")).to_be_checked()
