"""The server dies in the middle of a round and comes back."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e import serving, told
from tests.e2e.conftest import Visit
from tests.e2e.told import Orders
from tests.e2e.words import say
from tests.upstream import Upstream


def test_a_round_survives_a_kill(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    folder = told.field(tmp_path / "desk", upstream.url, policy="undo_seconds = 3")
    with serving.up(folder) as first:
        port = first.port
        visitor = visit(first.url)
        page = visitor.ask(Orders("held:killed,recite:letter", "recite:letter"))
        expect(page.get_by_text("A first part stands here").first).to_be_visible()
        first.kill()
        gone = page.locator(".banner", has_text=say("gone.title"))
        expect(gone).to_be_visible()
        expect(visitor.status).to_have_text(say("battle.status.lost"))
        visitor.choice("a").click()
        expect(page.locator("main").get_by_text(say("gone.title"))).to_be_visible()
    with serving.up(folder, port=port):
        expect(gone).to_have_count(0)
        failure = page.locator(".failure")
        expect(failure.first).to_contain_text(say("failure.interrupted"))
        expect(page.get_by_text(say("gone.title"))).to_have_count(0)
        for retry in page.locator(".failure button").all():
            retry.click()
        told.open_door("killed")
        visitor.ready()
        visitor.vote("a")
        visitor.names()
        page.locator("nav a", has_text=say("nav.leaderboard")).click()
        expect(page.locator(".facts dd").first).to_have_text("1")
