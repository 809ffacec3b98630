"""A round without a mouse; what the keys do, and when they must do nothing."""

from __future__ import annotations

import re

from playwright.sync_api import CDPSession, Page, Response, expect

from tests.e2e import told, walking
from tests.e2e.conftest import Visit
from tests.e2e.told import Orders
from tests.e2e.visitor import Visitor, script, settled
from tests.e2e.words import say

_NAMES = re.compile("|".join(told.NAMES.values()))

_WATCH = """() => {
  const lead = () => document.querySelector('.lead')?.innerText;
  const before = lead();
  window.moved = new Promise((resolve) => new MutationObserver(() => lead() && lead() !== before && resolve(Date.now()))
    .observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true }));
}"""
_PRESSED = (
    "() => addEventListener('keydown', (event) => event.key === '1' && (window.pressed = Date.now()), true)"
)


class Wire:
    """All that the server told one tab."""

    def __init__(self, visitor: Visitor) -> None:
        self._replies: list[Response] = []
        self._events: list[str] = []
        visitor.page.on("response", self._heard)
        session: CDPSession = visitor.context.new_cdp_session(visitor.page)
        session.send("Network.enable")
        session.on(
            "Network.eventSourceMessageReceived", lambda event: self._events.append(str(event["data"]))
        )

    def _heard(self, response: Response) -> None:
        self._replies.append(response)

    def said(self) -> str:
        """Every body and every event so far, with the headers."""
        whole = [r for r in self._replies if not r.url.split("?")[0].endswith("/events") and r.status != 204]
        bodies = [f"{r.url} {r.all_headers()} {r.text()}" for r in whole]
        assert any("/api/v1/battles" in body for body in bodies)
        assert any("delta" in event for event in self._events)
        return "\n".join(bodies + self._events)


def test_a_blind_round_by_keyboard_only_moves_the_board_in_another_tab(visitor: Visitor) -> None:
    board = visitor.tab()
    board.goto(visitor.base + "/leaderboard")
    settled(board)
    expect(board.locator(".lead")).to_be_visible()
    script(board, _WATCH)
    page, wire = visitor.page, Wire(visitor)
    page.bring_to_front()
    visitor.go()
    expect(visitor.box).to_be_focused()
    keys = page.keyboard
    keys.type("12? Write to Ms Okafor about the delivery.")
    keys.press("Shift+Enter")
    keys.type("Two lines.")
    keys.press("Enter")
    visitor.ready()
    expect(visitor.status).to_be_focused()
    expect(page.locator(".prompt .text")).to_have_text(re.compile(r"delivery\.\nTwo lines\.$"))

    script(page, _PRESSED)
    keys.press("1")
    expect(visitor.button("after.show")).to_be_focused()
    moved = script(
        board, "() => Promise.race([window.moved, new Promise((r) => setTimeout(() => r(null), 5000))])"
    )
    assert moved is not None, "the board did not move"
    assert moved - script(page, "() => window.pressed") < 1000
    expect(board.locator("h1")).to_have_text(say("nav.leaderboard"))

    for _ in range(2):
        keys.press("Shift+Tab")
    walking.tab_to(page, "#comment")
    keys.type("4 and u and s and n? Nothing of this is a key.")
    expect(page.locator("h1")).to_have_text(say("after.title"))
    page.locator("legend", has_text=say("after.tags", side="A")).first.evaluate(
        "(e) => e.parentElement.querySelector('input').focus()"
    )
    keys.press("Space")
    walking.tab_to(page, "input[type=radio][name^=tone]")
    keys.press("ArrowRight")
    assert not _NAMES.search(wire.said()), "a name came over the network before the reveal"
    assert not _NAMES.search(page.content()), "a name stands in the document before the reveal"

    walking.tab_to(page, "button.primary")
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile(f"{say('reveal.title.a', a='')}({_NAMES.pattern})")
    )
    assert _NAMES.search(wire.said())
    expect(page.get_by_role("button", name=say("reveal.next"))).to_be_focused()
    keys.press("n")
    expect(visitor.box).to_be_focused()
    expect(visitor.box).to_have_value("")


def test_every_vote_has_its_key(visitor: Visitor) -> None:
    for key, choice in {"1": "a", "2": "tie", "3": "b", "4": "both_bad"}.items():
        visitor.asked(Orders())
        visitor.page.keyboard.press(key)
        expect(visitor.page.locator(".bar strong")).to_have_text(say(f"after.choice.{choice}"))
        if choice == "tie":
            visitor.page.keyboard.press("u")
            expect(visitor.choice("tie")).to_be_visible()
            visitor.page.keyboard.press("3")
            expect(visitor.button("after.show")).to_be_visible()
        visitor.page.keyboard.press("s")
        expect(visitor.page.get_by_text(say("reveal.did"))).to_be_visible()


def test_keys_can_be_switched_off_and_stay_so(visitor: Visitor) -> None:
    page = visitor.asked(Orders())
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("1")
    expect(visitor.choice("a")).to_be_attached()
    walking.tab_to(page, "dialog input[type=checkbox]")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    _nothing_happens(page, visitor)
    page.reload()
    visitor.ready()
    _nothing_happens(page, visitor)
    visitor.choice("both_bad").focus()
    page.keyboard.press("Enter")
    expect(visitor.button("after.show")).to_be_visible()


def _nothing_happens(page: Page, visitor: Visitor) -> None:
    for key in "1234?usn":
        page.keyboard.press(key)
    expect(visitor.choice("a")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert script(page, "() => document.querySelector('[aria-keyshortcuts]')") is None
    expect(page.locator(".dock kbd")).to_have_count(0)


def test_keys_with_a_modifier_are_the_browsers(visitor: Visitor) -> None:
    page = visitor.asked(Orders())
    for key in ("Alt+1", "Control+1", "Meta+1"):
        page.keyboard.press(key)
    expect(visitor.choice("a")).to_be_visible()


def test_dialogs_hold_the_focus_and_give_it_back(visitor: Visitor) -> None:
    visitor.round(Orders(), "b")
    page = visitor.page
    for opener in (say("keys.open"), say("reveal.retract")):
        button = page.get_by_role("button", name=opener)
        button.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        for key in ["Tab"] * 5 + ["Shift+Tab"] * 5:
            page.keyboard.press(key)
            inside = "() => document.activeElement.matches('body, dialog *')"
            assert script(page, inside), "the focus left the open dialog for the page behind it"
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()


def test_the_skip_link_leads_past_the_menu(visit: Visit) -> None:
    visitor = visit()
    page = visitor.go("/leaderboard")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name=say("nav.skip"))
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert script(page, "() => document.activeElement.closest('main') !== null")
