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


def _names(*places: str) -> list[str]:
    return [say(f"nav.{place}") for place in places]


def _links(visitor: Visitor) -> list[str]:
    return visitor.page.locator("header > nav a:visible").all_inner_texts()


def test_the_first_account_is_made_and_others_are_invited(visit: Visit, desk: Served) -> None:
    ada = visit(desk.url)
    page = ada.go()
    assert _links(ada) == _names(
        "arena", "inbox", "leaderboard", "scorecards", "contenders", "field", "reading"
    )
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
    assert _links(vince) == _names("reading")
    other.goto(link)
    expect(other.locator("h1")).to_have_text(say("invite.title"))
    assert "#" not in other.url
    other.locator("#name").fill("vince")
    other.locator("#password").fill(work.PASSWORD)
    vince.button("invite.send").click()
    expect(other.locator("h1")).to_have_text(say("nav.leaderboard"))
    assert _links(vince) == _names("leaderboard", "scorecards", "contenders", "field", "reading")


def test_a_viewer_is_offered_only_what_a_viewer_may(visit: Visit, desk: Served) -> None:
    work.people(desk, vince="viewer")
    vince = visit(desk.url)
    vince.sign_in("vince", work.PASSWORD)
    page = vince.page
    for path in ("/inbox", "/real-cases", "/access"):
        vince.go(path)
        expect(page.locator("h1")).to_have_text(say("not_yours.title"))
    vince.go("/contenders")
    expect(page.get_by_role("heading", name=say("add.title"))).to_have_count(0)
    expect(page.get_by_role("button", name=say("drift.run"))).to_have_count(0)
    vince.go("/leaderboard")
    expect(page.get_by_text(say("board.empty.viewer"))).to_be_visible()
    expect(page.get_by_role("link", name=say("provenance.download"))).to_have_count(0)


def test_a_role_is_given_and_an_account_revoked_in_mid_round(visit: Visit, desk: Served) -> None:
    work.people(desk, vince="viewer")
    ada, vince = visit(desk.url), visit(desk.url)
    vince.sign_in("vince", work.PASSWORD)
    ada.sign_in("ada admin", work.PASSWORD)
    page = ada.go("/access")
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
    expect(vince.page.locator("h1")).to_have_text(say("sign_in.title"))
    expect(vince.page.get_by_text(say("sign_in.ended"))).to_be_visible()


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


def test_a_provider_that_does_not_answer(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    with Served(told.field(tmp_path / "desk", upstream.url, more=work.PROVIDER)) as served:
        work.people(served)
        visitor = visit(served.url)
        page = visitor.go()
        page.get_by_role("link", name=say("sign_in.oidc", name="Example ID")).click()
        expect(page.get_by_role("alert")).to_have_text(say("sign_in.problem.unreachable"))
        visitor.sign_in("ada admin", work.PASSWORD)


def test_strangers_may_look_where_the_field_says_so(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    with Served(told.field(tmp_path / "desk", upstream.url, more='[access]\nanonymous = "view"')) as served:
        work.people(served)
        visitor = visit(served.url)
        page = visitor.go()
        expect(page.locator("h1")).to_have_text(say("nav.leaderboard"))
        visitor.menu("sign_in.title")
        expect(page.locator("#password")).to_be_visible()


def test_every_failure_of_a_provider_is_said(visit: Visit, desk: Served) -> None:
    work.people(desk)
    visitor = visit(desk.url)
    for code in ("unreachable", "refused", "invalid", "expired", "not_allowed", "no_secret", "revoked"):
        visitor.go(f"/sign-in?problem={code}")
        expect(visitor.page.get_by_role("alert")).to_have_text(say(f"sign_in.problem.{code}"))
