"""People without an application say what became of cases: by button and by key, with an edit, and withdraw consent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from fieldmark.ledger.evidence import Erasure, OutcomeReported
from tests.e2e import work
from tests.e2e.conftest import Visit
from tests.e2e.words import say
from tests.house import Served
from tests.upstream import Upstream


@pytest.fixture
def front(upstream: Upstream, tmp_path: Path) -> Iterator[Served]:
    with Served(work.field(tmp_path / "desk", upstream.url)) as served:
        yield served


def test_every_outcome_by_key_and_by_button(visit: Visit, front: Served) -> None:
    work.ask(front, [*work.QUESTIONS, "And one more, please."])
    visitor = visit(front.url)
    page = visitor.go("/inbox")
    expect(page.locator(".case")).to_have_count(5)
    page.locator(".case").first.click()
    became = page.get_by_role("heading", name=say("inbox.became"))
    for n, result in enumerate(("solved", "accepted", "edited", "rejected", "harm"), 1):
        expect(became).to_be_visible()
        if n % 2:
            page.keyboard.press(str(n))
        else:
            page.get_by_role("button", name=say(f"result.{result}")).click()
        if result == "edited":
            box = page.locator("#edit")
            expect(box).to_be_focused()
            kept = box.input_value()
            assert kept
            box.press("1")
            expect(box).not_to_have_value(kept)
            box.fill("Dear Ms Okafor, Friday it is.")
            page.get_by_text(say("inbox.more")).click()
            page.locator("#note").fill("too long for a text message")
            page.locator("#number").fill("2,5")
            visitor.button("inbox.edit_save").click()
        expect(page.get_by_role("heading", name=say(f"said.{result}"))).to_be_visible()
        expect(page.locator("#said ~ *, #said").first).to_be_visible()
        if n < 5:
            page.keyboard.press("n")
    said = {o.result: o for o in front.records(OutcomeReported)}
    assert set(said) == {"solved", "accepted", "edited", "rejected", "harm"}
    assert said["edited"].number == 2.5
    page.keyboard.press("n")
    expect(page.get_by_text(say("inbox.choose"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name=say("inbox.done.title"))).to_be_visible()


def test_a_mark_can_be_changed_and_the_last_one_holds(visit: Visit, front: Served) -> None:
    _, (case,) = work.ask(front, work.QUESTIONS[:1])
    visitor = visit(front.url)
    page = visitor.go(f"/inbox?case={quote(case)}")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name=say("said.solved"))).to_be_visible()
    visitor.button("inbox.change").click()
    page.keyboard.press("5")
    expect(page.get_by_role("heading", name=say("said.harm"))).to_be_visible()
    expect(page.locator("main")).to_contain_text(say("inbox.times", n=2))


def test_monitors_are_shown_and_who_answered_is_not(visit: Visit, front: Served) -> None:
    _, (case,) = work.ask(front, work.QUESTIONS[:1])
    visitor = visit(front.url)
    page = visitor.go(f"/inbox?case={quote(case)}")
    expect(page.get_by_text("no-promises")).to_be_visible()
    expect(page.get_by_text(say("findings.failed"), exact=True)).to_be_visible()
    expect(page.get_by_text(say("findings.passed"), exact=True)).to_be_visible()
    assert "amber-north" not in page.content()


def test_consent_is_withdrawn(visit: Visit, front: Served) -> None:
    _, (case, _) = work.ask(front, work.QUESTIONS[:2])
    visitor = visit(front.url)
    page = visitor.go(f"/inbox?case={quote(case)}")
    expect(page.get_by_text(work.QUESTIONS[0]).last).to_be_visible()
    visitor.button("inbox.erase").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=say("action.cancel")).click()
    assert front.records(Erasure) == []
    visitor.button("inbox.erase").click()
    dialog.get_by_role("button", name=say("inbox.erase_yes")).click()
    expect(page.get_by_text(say("inbox.erased"), exact=True)).to_be_visible()
    assert work.QUESTIONS[0] not in page.content()
    assert len(front.records(Erasure)) == 1
    page.reload()
    expect(page.get_by_text(say("inbox.erased"), exact=True)).to_be_visible()


def test_filters_new_cases_and_a_phone(visit: Visit, front: Served) -> None:
    app, cases = work.ask(front, work.QUESTIONS)
    work.report(app, cases, ["solved"])
    visitor = visit(front.url, width=360, height=740)
    page = visitor.go("/inbox")
    expect(page.locator(".case")).to_have_count(3)
    page.get_by_text(say("inbox.state.reported"), exact=True).click()
    expect(page.locator(".case")).to_have_count(1)
    page.get_by_text(say("inbox.state.all"), exact=True).click()
    expect(page.locator(".case")).to_have_count(4)
    page.locator("#inbox-category").select_option("notes")
    expect(page.locator(".case")).to_have_count(2)
    work.ask(front, ["A new one."], app)
    visitor.button("inbox.newer").click()
    expect(page.locator(".case")).to_have_count(3)
    page.locator(".case").first.click()
    expect(page.locator(".case").first).to_be_hidden()
    expect(page.get_by_text("A new one.").last).to_be_visible()
    page.go_back()
    expect(page.locator(".case").first).to_be_visible()


def test_a_fresh_field_says_how_to_begin(visit: Visit, front: Served) -> None:
    visitor = visit(front.url)
    page = visitor.go("/inbox")
    expect(page.get_by_role("heading", name=say("front.title"))).to_be_visible()
    expect(page.locator(".command")).to_have_count(3)
    expect(page.get_by_text(f'base_url="{front.url}/v1"')).to_be_visible()
    page.get_by_role("link", name=say("front.key_here")).click()
    page.locator("#key-name").fill("letter desk")
    visitor.button("keys_of.make").click()
    expect(page.locator(".once code")).to_contain_text("fm_")
    visitor.button("once.close").click()
    expect(page.locator(".once")).to_have_count(0)
    assert "fm_" not in page.content()
