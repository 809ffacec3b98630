"""The first account, invitations, roles and their limits, revoking, signing in and out: all on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import expect

from fieldmark.server import _passwords
from tests.e2e import told, work
from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor, settled
from tests.e2e.words import begins, say
from tests.house import Served
from tests.upstream import Upstream


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real Argon2 with little work: nothing of this is about its cost."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(_passwords, "_hasher", lambda: hasher)
    _passwords._nobodys.cache_clear()


@pytest.fixture
def desk(upstream: Upstream, tmp_path: Path) -> Iterator[Served]:
    with Served(told.field(tmp_path / "desk", upstream.url)) as served:
        yield served


def _links(visitor: Visitor) -> list[str]:
    return visitor.page.locator("header > nav a:visible").all_inner_texts()


def test_first_account_invitation_and_the_limits_of_roles(visit: Visit, desk: Served) -> None:
    ada = visit(desk.url)
    page = ada.go()
    assert _links(ada) == [say(f"nav.{n}") for n in ("arena", "inbox", "leaderboard", "contenders", "field", "reading")]
    ada.menu("nav.access")
    ada.button("accounts.add_first").click()
    page.locator("#account-name").fill("ada")
    page.locator("#account-password").fill("short")
    ada.button("accounts.add").click()
    expect(page.locator("form").get_by_role("alert")).to_be_visible()
    page.locator("#account-password").fill(work.PASSWORD)
    ada.button("accounts.add").click()
    expect(page.locator(".opener")).to_contain_text("ada")
    expect(page.locator("#accounts ~ ul > li")).to_have_count(1)

    page.locator("section:has(#invitations)").get_by_text(say("role.viewer"), exact=True).click()
    ada.button("invitations.make").click()
    link = page.locator(".once code").inner_text()
    assert "#" in link
    page.reload()
    settled(page)
    expect(page.locator("#invitations ~ ul > li")).to_have_count(1)
    assert link not in page.content()

    vince = visit(desk.url)
    other = vince.go("/leaderboard")
    expect(other.locator("h1")).to_have_text(say("sign_in.title"))
    assert _links(vince) == [say("nav.reading")]
    other.goto(link)
    expect(other.locator("h1")).to_have_text(say("invite.title"))
    assert "#" not in other.url
    other.locator("#name").fill("vince")
    other.locator("#password").fill(work.PASSWORD)
    vince.button("invite.send").click()
    expect(other.locator("h1")).to_have_text(say("nav.leaderboard"))
    assert _links(vince) == [say(f"nav.{n}") for n in ("leaderboard", "contenders", "field", "reading")]
    for path in ("/inbox", "/real-cases", "/access"):
        vince.go(path)
        expect(other.locator("h1")).to_have_text(say("not_yours.title"))
    vince.go("/contenders")
    expect(other.get_by_role("heading", name=say("add.title"))).to_have_count(0)
    expect(other.get_by_role("button", name=say("drift.run"))).to_have_count(0)

    page.reload()
    settled(page)
    page.get_by_label(say("accounts.role_of", name="vince")).select_option("voter")
    expect(page.locator("#audit ~ ol > li").first).to_contain_text(say("act.account_changed"))
    vince.go()
    vince.asked(told.Orders())
    vince.vote("a")

    row = page.locator("#accounts ~ ul > li", has_text="vince")
    row.get_by_role("button", name=say("accounts.revoke")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("accounts.revoke"), exact=True).click()
    expect(row).to_contain_text(begins("accounts.revoked"))
    # The round's page learns of it by itself: its stream was cut.
    expect(other.locator("h1")).to_have_text(say("sign_in.title"))
    expect(other.get_by_text(say("sign_in.ended"))).to_be_visible()


def test_signing_in_wrongly_rightly_and_out(visit: Visit, desk: Served) -> None:
    work.people(desk, vera="voter")
    visitor = visit(desk.url)
    page = visitor.go("/field")
    page.locator("#name").fill("vera")
    page.locator("#password").fill("not the password")
    page.locator("#password").press("Enter")
    expect(page.locator("form").get_by_role("alert")).to_be_visible()
    page.locator("#password").fill(work.PASSWORD)
    page.locator("#password").press("Enter")
    expect(page.locator("h1")).to_have_text("Test field")
    visitor.menu("sign_in.out")
    expect(page.locator("h1")).to_have_text(say("sign_in.title"))
    page.reload()
    expect(page.locator("h1")).to_have_text(say("sign_in.title"))


def test_a_password_is_changed(visit: Visit, desk: Served) -> None:
    work.people(desk, vera="voter")
    visitor = visit(desk.url)
    visitor.sign_in("vera", work.PASSWORD)
    page = visitor.go("/me")
    page.locator("summary", has_text=say("password.title")).click()
    page.locator("#old").fill(work.PASSWORD)
    page.locator("#new").fill("another long secret")
    visitor.button("password.send").click()
    expect(page.locator("#old")).to_have_value("")
    again = visit(desk.url)
    again.sign_in("vera", "another long secret")


def test_an_application_key_is_shown_once_and_revoked(visit: Visit, desk: Served) -> None:
    work.people(desk)
    visitor = visit(desk.url)
    visitor.sign_in("ada admin", work.PASSWORD)
    page = visitor.go("/access")
    page.locator("#key-name").fill("letter desk")
    page.get_by_text(say("scope.outcome"), exact=False).first.click()
    visitor.button("keys_of.make").click()
    secret = page.locator(".once code").inner_text()
    assert secret.startswith("fm_")
    row = page.locator("#application-keys ~ ul > li")
    expect(row).to_contain_text(say("scope.ask"))
    expect(row).not_to_contain_text(say("scope.outcome"))
    page.reload()
    settled(page)
    assert secret not in page.content()
    row.get_by_role("button", name=say("accounts.revoke")).click()
    page.get_by_role("dialog").get_by_role("button", name=say("accounts.revoke"), exact=True).click()
    expect(row).to_contain_text(begins("accounts.revoked"))


def test_the_provider_failed(visit: Visit, desk: Served) -> None:
    work.people(desk)
    visitor = visit(desk.url)
    for code in ("unreachable", "refused", "invalid", "expired", "not_allowed", "no_secret", "revoked"):
        visitor.go(f"/sign-in?problem={code}")
        expect(visitor.page.get_by_role("alert")).to_have_text(say(f"sign_in.problem.{code}"))
