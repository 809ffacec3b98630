"""A contender that changed under its name is marked on board and card until an admin has looked; canaries on demand."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from fieldmark.ledger.evidence import CanaryAsked, DriftFound
from tests.e2e import told, work
from tests.e2e.conftest import Visit
from tests.e2e.words import say
from tests.house import Served
from tests.upstream import Upstream

NAME = told.NAMES[2]


def test_shown_printed_and_acknowledged(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    with Served(work.field(tmp_path / "desk", upstream.url)) as served:
        visitor = visit(served.url)
        page = visitor.go("/leaderboard")
        banner = page.get_by_role("region", name=say("drift.alarm_of", name=NAME))
        expect(banner).to_have_count(0)
        work.alarm(served)
        expect(banner).to_contain_text(say("drift.alarm", name=NAME))
        expect(banner).to_contain_text("p = 0.0002")
        page.goto(f"{served.url}/contenders/{NAME}")
        card = page.locator("article.card")
        expect(card).to_contain_text(say("card.answer.drift"))
        page.emulate_media(media="print")
        expect(card.get_by_role("heading", name=say("card.drift"))).to_be_visible()
        expect(page.get_by_role("button", name=say("drift.acknowledge"))).to_be_hidden()
        page.emulate_media(media="screen")
        page.get_by_role("button", name=say("drift.acknowledge")).click()
        expect(banner).to_have_count(0)
        expect(card).not_to_contain_text(say("card.answer.drift"))
        assert [d.state for d in served.records(DriftFound)] == ["alarm", "acknowledged"]


def test_canaries_are_run_from_the_page(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    with Served(work.field(tmp_path / "desk", upstream.url)) as served:
        visitor = visit(served.url)
        page = visitor.go("/contenders")
        row = page.locator("ul.list > li", has_text=NAME)
        expect(row).to_contain_text(say("drift.state.off"))
        row.get_by_role("button", name=say("drift.run")).click()
        expect(row).to_contain_text(say("drift.state.learning"))
        work.wait_for(lambda: served.records(CanaryAsked))
        expect(row).to_contain_text(say("drift.learning", runs=1, baseline=10))


def test_a_viewer_sees_the_alarm_and_cannot_end_it(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    with Served(work.field(tmp_path / "desk", upstream.url)) as served:
        work.people(served, vince="viewer")
        work.alarm(served)
        visitor = visit(served.url)
        visitor.sign_in("vince", work.PASSWORD)
        page = visitor.go("/leaderboard")
        expect(page.get_by_role("region", name=say("drift.alarm_of", name=NAME))).to_be_visible()
        expect(page.get_by_role("button", name=say("drift.acknowledge"))).to_have_count(0)
