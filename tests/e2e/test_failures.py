"""A side that fails says so, the other goes on, and the round can be asked again, voted or left."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e import told
from tests.e2e.conftest import Visit
from tests.e2e.told import Orders
from tests.e2e.visitor import Visitor
from tests.e2e.words import say
from tests.house import Served, endpoint, write_field
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def impatient(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Contenders that are given little time."""
    folder = told.field(tmp_path_factory.mktemp("impatient") / "desk", upstream.url, each="timeout = 1.2")
    with Served(folder) as served:
        yield served


@pytest.mark.parametrize(
    ("order", "failure", "text"),
    [
        ("refuse:429", "refused", ""),
        ("hang", "timeout", ""),
        ("garbage", "garbage", ""),
        ("not-json", "garbage", "Up to here it is fine"),
        ("cut-off", "cut_off", "This sentence will never be"),
        ("hang:3", "timeout", "word word word"),
        ("empty", "empty", ""),
        ("too-long", "too_long", ""),
    ],
)
def test_one_side_fails_and_is_asked_again(
    visit: Visit, impatient: Served, order: str, failure: str, text: str
) -> None:
    visitor = visit(impatient.url)
    page = visitor.ask(Orders(f"{order},recite:letter", "recite:letter"))
    note = page.locator(".failure")
    expect(note).to_have_count(1)
    expect(note).to_contain_text(say(f"failure.{failure}"))
    letter = _letter(note)
    side = visitor.answer(letter.lower())
    expect(note).to_contain_text(say("side.failed.cut" if text else "side.failed.none", side=letter))
    expect(side).to_contain_text(text)
    expect(visitor.status).to_have_text(say("battle.status.failed", side=letter))
    expect(page.locator("article[aria-busy]", has_not=note)).to_contain_text("Dear Ms Okafor")
    visitor.button("side.retry", side=letter).click()
    expect(note).to_have_count(0)
    visitor.ready()
    expect(side).to_contain_text("Kind regards")
    if text:
        expect(side).not_to_contain_text(text)


def _letter(note: Locator) -> str:
    """The side that a note stands in."""
    return note.locator("xpath=ancestor::article").locator("h2").inner_text()[0]


def test_a_vote_on_half_a_round_is_kept_but_not_counted(visitor: Visitor) -> None:
    page = visitor.ask(Orders("cut-off", "recite:letter"))
    expect(page.locator(".failure")).to_be_visible()
    visitor.vote("tie")
    expect(page.get_by_text(say("not_counted.side_failed"))).to_be_visible()
    visitor.names()
    expect(page.locator("section", has_text=say("reveal.did"))).to_contain_text(
        say("not_counted.side_failed")
    )


def test_both_sides_fail(visitor: Visitor) -> None:
    page = visitor.ask(Orders("refuse:500,recite:letter", "cut-off,recite:letter"))
    expect(visitor.status).to_have_text(say("battle.status.both_failed"))
    expect(page.locator(".failure")).to_have_count(2)
    for letter in "AB":
        visitor.button("side.retry", side=letter).click()
    visitor.ready()
    visitor.button("battle.skip").click()
    expect(visitor.box).to_be_visible()


def test_a_hanging_side_does_not_hold_the_other(visitor: Visitor) -> None:
    page = visitor.ask(Orders("held:hanging", "recite:letter"))
    note = page.locator("article .note")
    expect(note).to_be_visible()
    letter = _letter(note)
    expect(note).to_have_text(say("side.hanging", side=letter))
    expect(visitor.status).to_have_text(say("battle.status.hanging", side=letter))
    expect(page.locator("article[aria-busy=false]")).to_contain_text("Kind regards")
    told.open_door("hanging")
    visitor.ready()
    expect(note).to_have_count(0)


def test_an_answer_that_names_its_author_is_marked(visitor: Visitor) -> None:
    page = visitor.asked(Orders("leak", "recite:letter"))
    expect(page.locator(".leak")).to_contain_text(say("side.leak.title"))
    visitor.vote("a")
    expect(page.get_by_text(say("not_counted.leak"))).to_be_visible()
    visitor.names()


def test_an_address_where_nothing_is_and_a_limit_that_is_reached(
    visit: Visit, upstream: Upstream, tmp_path: Path
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        dear = "price = { input = 1000000.0, output = 1000000.0 }\nspend_cap = 1.0"
        both = endpoint("absent", url, "none") + endpoint("dear", upstream.url, "told:1", dear)
        with Served(write_field(tmp_path / "poor", both)) as served:
            visitor = visit(served.url)
            page = visitor.ask(Orders())
            expect(page.locator(".failure")).to_contain_text(say("failure.unreachable"))
            visitor.vote("both_bad")
            visitor.names()
            page.get_by_role("button", name=say("reveal.next")).click()
            visitor.ask(Orders(), arrive=False)
            expect(visitor.status).to_have_text(say("battle.status.both_failed"))
            expect(page.locator("main")).to_contain_text(say("failure.unreachable"))
            expect(page.locator("main")).to_contain_text(say("failure.over_budget"))
