"""Theme, print, and the twins of the plots."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import told
from tests.e2e.conftest import Visit
from tests.e2e.screens import Stage
from tests.e2e.visitor import Visitor, script
from tests.e2e.words import say

_PAPER = "() => getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(251, 250, 247)", "rgb(20, 23, 26)"


@pytest.mark.parametrize(
    ("dark", "first", "choice", "then"), [(False, LIGHT, "dark", DARK), (True, DARK, "light", LIGHT)]
)
def test_the_theme_follows_the_system_until_one_is_chosen_and_then_stays(
    visit: Visit, dark: bool, first: str, choice: str, then: str
) -> None:
    visitor = visit(dark=dark)
    page = visitor.go()
    assert script(page, _PAPER) == first
    page.locator("footer").get_by_text(say(f"theme.{choice}"), exact=True).click()
    assert script(page, _PAPER) == then
    page.reload()
    assert script(page, _PAPER) == then
    other = visitor.tab()
    other.goto(visitor.base + "/field")
    assert script(other, _PAPER) == then
    other.locator("footer").get_by_text(say("theme.auto"), exact=True).click()
    assert script(other, _PAPER) == first


def test_each_plot_has_a_table(visitor: Visitor, stage: Stage) -> None:
    page = visitor.go("/leaderboard")
    marks = page.locator("main svg[role=img]")
    expect(marks).to_have_count(2)
    label = str(marks.first.get_attribute("aria-label"))
    numbers = re.findall(r"\d+", label)
    assert len(numbers) == 3
    for button in visitor.button("plot.as_table").all():
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    expect(marks).to_have_count(0)
    cells = page.locator("main table").first.locator("tbody tr").first.inner_text()
    assert all(number in cells for number in numbers), f"{numbers} in {cells}"
    heads = page.locator("main table").nth(1).locator("thead th").all_inner_texts()
    assert say("matrix.first_won") in heads
    for button in visitor.button("plot.as_table").all():
        button.click()
    expect(marks).to_have_count(2)


def test_numbers_of_every_mark_stand_beside_it(stage: Stage) -> None:
    for state in ("board", "card", "revealed", "card_of_many", "board_of_many"):
        page = stage.at(state)
        for mark in page.locator("main svg[role=img]").all():
            beside = mark.locator("xpath=ancestor::*[self::tr or self::dd][1]").inner_text()
            value = re.findall(r"\d+", str(mark.get_attribute("aria-label")))[0]
            assert value in beside


def test_the_card_prints(visitor: Visitor, stage: Stage) -> None:
    page = visitor.go(f"/contenders/{told.NAMES[1]}")
    expect(page.locator("article.card")).to_be_visible()
    printed = page.pdf(format="A4")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 1 <= pages <= 2
    assert len(printed) > 10_000
    page.emulate_media(media="print")
    for hidden in ("header.no-print", "footer.no-print"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.get_by_role("button", name=say("card.print"))).to_be_hidden()
    expect(page.locator("article.card")).to_contain_text("fieldmark report")
    assert script(page, "() => getComputedStyle(document.documentElement).colorScheme") == "light"


def test_headers_of_the_page(visitor: Visitor) -> None:
    for path in ("/", "/leaderboard", "/theme.js", "/api/v1/status", "/no/such/place"):
        response = visitor.page.goto(visitor.base + path)
        assert response is not None
        policy = response.headers["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert (
            rules["default-src"]
            == rules["script-src"]
            == rules["style-src"]
            == rules["connect-src"]
            == "'self'"
        )
        assert rules["object-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
