"""A voter sees what is held of them, takes it away, and has it erased."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from fieldmark.ledger.evidence import Erasure
from tests.e2e import told, work
from tests.e2e.conftest import Visit
from tests.e2e.words import say
from tests.house import Served
from tests.upstream import Upstream

SECRET = "Mr Lindqvist of Havnegade wants his money back."


def test_seen_taken_away_and_erased(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    with Served(told.field(tmp_path / "desk", upstream.url)) as served:
        visitor = visit(served.url)
        page = visitor.go("/me")
        expect(page.get_by_text(say("me.unknown"))).to_be_visible()
        visitor.round(told.Orders(text=SECRET), "a")
        visitor.menu("nav.me")
        expect(page.get_by_text(SECRET)).to_be_visible()
        expect(page.get_by_text(say("after.choice.a"))).to_be_visible()
        with page.expect_download() as coming:
            page.get_by_role("link", name=say("me.download")).click()
        held = json.loads(Path(coming.value.path()).read_text("utf-8"))
        assert held["format"] == "fieldmark-person/1"
        assert SECRET in json.dumps(held)

        visitor.button("me.erase").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name=say("me.erase"))).to_be_disabled()
        dialog.get_by_role("textbox").press("Enter")
        assert served.records(Erasure) == []
        dialog.get_by_role("textbox").fill(say("me.word").upper())
        dialog.get_by_role("textbox").press("Enter")
        expect(page.get_by_text(say("me.erased")).first).to_be_visible()
        expect(page.get_by_text(say("me.unknown"))).to_be_visible()
        assert SECRET not in page.content()
        assert len(served.records(Erasure)) == 1
        served.house.ledger.verify()
        page.goto(served.url + "/leaderboard")
        expect(page.locator(".facts dd").first).to_have_text("1")


def test_an_account_goes_with_its_data_but_not_the_last_admin(
    visit: Visit, upstream: Upstream, tmp_path: Path
) -> None:
    with Served(told.field(tmp_path / "desk", upstream.url)) as served:
        work.people(served, vera="voter")
        for name, gone in (("vera", True), ("ada admin", False)):
            visitor = visit(served.url)
            visitor.sign_in(name, work.PASSWORD)
            page = visitor.go("/me")
            visitor.button("me.erase").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_role("textbox").fill(say("me.word"))
            dialog.get_by_role("textbox").press("Enter")
            if gone:
                expect(page.locator("h1")).to_have_text(say("sign_in.title"))
                page.locator("#name").fill(name)
                page.locator("#password").fill(work.PASSWORD)
                page.locator("#password").press("Enter")
            expect(page.get_by_role("alert")).to_be_visible()
