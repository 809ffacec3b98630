"""The reliability card shows what a contender passed where tests verify, and leads to the scorecard."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e import post_room, told
from tests.e2e.conftest import Visit
from tests.e2e.test_words import _TEXTS, plain
from tests.e2e.visitor import script, settled
from tests.e2e.words import say
from tests.house import Served
from tests.upstream import Upstream

NAME = told.NAMES[1]
SET = "untried"


@pytest.fixture(scope="module")
def tried(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(told.field(tmp_path_factory.mktemp("card") / "tried", upstream.url)) as served:
        post_room.furnish(served)
        post_room.run(served, NAME, name=SET, trials=2)
        yield served


def test_a_card_tells_what_was_passed(visit: Visit, tried: Served) -> None:
    visitor = visit(tried.url)
    page = visitor.go(f"/contenders/{NAME}")
    section = page.locator(".measures table", has=page.get_by_role("link", name=SET))
    expect(section.get_by_role("columnheader", name=say("card.tests_rate"))).to_be_visible()
    row = section.locator("tbody tr").first
    numbers = re.findall(r"\d+", str(row.locator("svg[role=img]").get_attribute("aria-label")))
    for number in numbers:
        expect(row).to_contain_text(number)
    expect(section.locator(".more").first).to_contain_text(re.compile(r"\d+ void"))
    expect(page.locator("section[aria-labelledby=unknown]")).not_to_contain_text(say("card.tests"))
    row.get_by_role("link", name=SET).click()
    expect(page).to_have_url(f"{tried.url}/scorecards/{SET}")


def test_its_words_are_messages_and_it_fits(visit: Visit, tried: Served) -> None:
    visitor = visit(tried.url)
    page = visitor.go(f"/contenders/{NAME}?locale=pseudo")
    assert plain(script(page, _TEXTS)) == []
    page.set_viewport_size({"width": 360, "height": 900})
    settled(page)
    assert script(page, "() => document.documentElement.scrollWidth") <= 360
