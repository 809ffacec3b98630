"""Shadowed cases are judged blind, by the same bar and keys, and have a board of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from fieldmark.ledger.evidence import VoteCast
from tests.e2e import told, work
from tests.e2e.conftest import Visit
from tests.e2e.words import say
from tests.house import Served
from tests.upstream import Upstream


@pytest.fixture
def front(upstream: Upstream, tmp_path: Path) -> Iterator[Served]:
    with Served(work.field(tmp_path / "desk", upstream.url)) as served:
        work.ask(served, work.QUESTIONS[:3])
        yield served


def test_judged_blind_then_named(visit: Visit, front: Served) -> None:
    visitor = visit(front.url)
    page = visitor.go()
    page.get_by_role("link", name=say("cases.judge", n=3)).click()
    expect(page.locator("h1")).to_have_text(say("cases.title"))
    expect(page.get_by_text(say("cases.real"), exact=True)).to_be_visible()
    expect(page.locator("article")).to_have_count(2)
    assert not any(name in page.content() for name in told.NAMES.values()), (
        "a name stands there before the vote"
    )
    assert say("cases.served") not in page.content()
    page.locator("summary", has_text=say("after.why")).click()
    page.locator("label", has_text="useful").first.click()
    page.locator("#comment").fill("1 is no key here")
    expect(page.locator("h1")).to_have_text(say("cases.title"))
    page.locator("h1").focus()
    page.keyboard.press("1")
    expect(page.get_by_text(say("reveal.did"))).to_be_visible()
    expect(page.locator("article h2 a")).to_have_count(2)
    expect(page.get_by_text(say("cases.served"), exact=True)).to_have_count(1)
    page.keyboard.press("n")
    expect(page.locator("h1")).to_have_text(say("cases.title"))
    visitor.button("cases.skip").click()
    expect(page.locator("article")).to_have_count(2)
    visitor.choice("both_bad").click()
    expect(page.get_by_text(say("reveal.did"))).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator("h1")).to_have_text(say("cases.passed.title"))
    votes = front.records(VoteCast)
    assert {v.source for v in votes} == {"shadow"}
    assert {v.choice for v in votes} == {"a", "both_bad"}
    page.get_by_role("link", name=say("cases.board")).click()
    expect(page.locator(".facts dd").first).to_have_text("2")
    page.get_by_text(say("board.stratum.live"), exact=True).click()
    expect(page.locator(".facts dd").first).to_have_text("0")


def test_a_vote_is_taken_back(visit: Visit, front: Served) -> None:
    visitor = visit(front.url)
    page = visitor.go("/real-cases")
    visitor.choice("tie").click()
    visitor.button("reveal.retract").click()
    visitor.button("retract.yes").click()
    expect(page.locator("h1")).to_have_text(say("over.retracted.title"))
    visitor.button("cases.next").click()
    expect(page.locator("h1")).to_have_text(say("cases.title"))


def test_outcomes_and_agreement_stand_on_board_and_card(visit: Visit, front: Served) -> None:
    app, cases = work.ask(front, work.QUESTIONS)
    work.report(app, cases, ["solved", "rejected", "accepted", "harm"])
    work.judge(front, ["a", "b", "a"], voters=2)
    visitor = visit(front.url)
    page = visitor.go("/leaderboard")
    expect(page.get_by_role("heading", name=say("real.title"))).to_be_visible()
    row = page.locator("section:has(#real) tbody tr", has_text="amber-north")
    expect(row).to_contain_text("100%")
    expect(page.locator("section:has(#real) li").first).to_contain_text("amber-north")
    mark = row.locator("svg[role=img]")
    assert str(mark.get_attribute("aria-label")).startswith("100%")
    page.locator("section:has(#real)").get_by_role("button", name=say("plot.as_table")).click()
    expect(mark).to_have_count(0)
    page.goto(f"{front.url}/contenders/amber-north")
    card = page.locator("article.card")
    expect(card.get_by_role("heading", name=say("card.outcomes"), exact=True)).to_be_visible()
    expect(card.get_by_role("heading", name=say("card.agreement"), exact=True)).to_be_visible()
    expect(card).to_contain_text("100%")
