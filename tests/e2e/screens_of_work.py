"""More screens and states: cases, shadowed cases, drift, accounts, keys, one's own data."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import expect

from tests.e2e import told, work
from tests.e2e.screens import STATES, Stage, State
from tests.e2e.visitor import Visitor, settled
from tests.e2e.words import say
from tests.house import Served

RESULTS = ("solved", "edited", "accepted", "rejected", "solved", "harm", "solved", "solved")
_cases: list[str] = []


def fill(front: Served, closed: Served) -> None:
    """Cases, outcomes, votes and an alarm; people."""
    app, cases = work.ask(front, work.QUESTIONS * 2)
    work.report(app, cases, RESULTS)
    work.judge(front, ["a", "b", "tie", "a", "a", "both_bad"])
    _, fresh = work.ask(front, work.QUESTIONS, app)
    _cases[:] = fresh
    work.alarm(front)
    work.people(closed, Vera_Voter="voter", Vince_Viewer="viewer")


def _state(make: State) -> State:
    STATES[make.__name__] = make
    return make


def _path(name: str, path: str, served: Callable[[Stage], Served]) -> None:
    def make(stage: Stage) -> Visitor:
        visitor = stage.visitor(served(stage))
        visitor.go(path)
        return visitor

    STATES[name] = make


for _name, _where in {
    "start_with_real_cases": "/",
    "inbox": "/inbox",
    "inbox_of_none": "/inbox?state=reported&category=nothing",
    "real_case": "/real-cases",
    "board_of_work": "/leaderboard",
    "board_of_real_cases": "/leaderboard?stratum=shadow",
    "board_of_imported": "/leaderboard?stratum=imported",
    "card_of_work": f"/contenders/{told.NAMES[1]}",
    "card_with_alarm": f"/contenders/{told.NAMES[2]}",
    "contenders_drifting": "/contenders",
    "keys": "/access",
}.items():
    _path(_name, _where, lambda stage: stage.front)
_path("inbox_empty", "/inbox", lambda stage: stage.bare)
_path("real_cases_none", "/real-cases", lambda stage: stage.voted)
_path("me_unknown", "/me", lambda stage: stage.bare)
_path("access_none", "/access", lambda stage: stage.bare)
for _name, _where in {
    "sign_in": "/sign-in",
    "sign_in_instead": "/leaderboard",
    "sign_in_problem": "/sign-in?problem=expired",
    "invite": "/invite#token",
    "invite_cut": "/invite",
}.items():
    _path(_name, _where, lambda stage: stage.closed)


def _case(stage: Stage, place: int) -> Visitor:
    visitor = stage.visitor(stage.front)
    visitor.go(f"/inbox?case={quote(_cases[place])}")
    expect(visitor.page.get_by_role("heading", name=say("inbox.became"))).to_be_visible()
    return visitor


@_state
def inbox_case(stage: Stage) -> Visitor:
    return _case(stage, 3)


@_state
def inbox_editing(stage: Stage) -> Visitor:
    visitor = _case(stage, 3)
    visitor.page.keyboard.press("3")
    expect(visitor.page.locator("#edit")).to_be_focused()
    visitor.page.get_by_text(say("inbox.more")).click()
    visitor.page.locator("#number").fill("many")
    return visitor


@_state
def inbox_marked(stage: Stage) -> Visitor:
    visitor = _case(stage, 2)
    visitor.page.keyboard.press("4")
    expect(visitor.page.get_by_role("heading", name=say("said.rejected"))).to_be_visible()
    return visitor


@_state
def inbox_erase_dialog(stage: Stage) -> Visitor:
    visitor = _case(stage, 3)
    visitor.button("inbox.erase").click()
    return visitor


@_state
def inbox_erased(stage: Stage) -> Visitor:
    visitor = _case(stage, 1)
    visitor.button("inbox.erase").click()
    visitor.button("inbox.erase_yes").click()
    expect(visitor.page.get_by_text(say("inbox.erased"), exact=True)).to_be_visible()
    return visitor


@_state
def real_case_told(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.front)
    page = visitor.go("/real-cases")
    page.locator("summary", has_text=say("after.why")).click()
    page.locator("label", has_text="useful").first.click()
    visitor.choice("a").click()
    expect(page.get_by_text(say("reveal.did"))).to_be_visible()
    return visitor


@_state
def my_data(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.round(told.Orders(text="Answer this letter for me."), "a")
    visitor.go("/me")
    expect(visitor.page.get_by_text("Answer this letter for me.")).to_be_visible()
    return visitor


@_state
def my_data_dialog(stage: Stage) -> Visitor:
    visitor = my_data(stage)
    visitor.button("me.erase").click()
    return visitor


def _signed_in(stage: Stage, name: str, path: str) -> Visitor:
    visitor = stage.visitor(stage.closed)
    visitor.sign_in(name, work.PASSWORD)
    visitor.go(path)
    return visitor


@_state
def access(stage: Stage) -> Visitor:
    visitor = _signed_in(stage, "Ada Admin", "/access")
    expect(visitor.page.locator("#accounts ~ ul > li")).to_have_count(4)
    visitor.button("accounts.add").click()
    return visitor


@_state
def access_invited(stage: Stage) -> Visitor:
    visitor = _signed_in(stage, "Ada Admin", "/access")
    visitor.button("invitations.make").click()
    expect(visitor.page.locator(".once")).to_be_visible()
    return visitor


@_state
def access_key(stage: Stage) -> Visitor:
    visitor = _signed_in(stage, "Ada Admin", "/access")
    visitor.page.locator("#key-name").fill("night desk")
    visitor.button("keys_of.make").click()
    expect(visitor.page.locator(".once")).to_be_visible()
    return visitor


@_state
def access_revoke_dialog(stage: Stage) -> Visitor:
    visitor = _signed_in(stage, "Ada Admin", "/access")
    visitor.page.get_by_role("button", name=say("accounts.revoke") + " Vera Voter").click()
    return visitor


@_state
def menu_open(stage: Stage) -> Visitor:
    visitor = _signed_in(stage, "Vera Voter", "/me")
    visitor.page.locator(".opener").click()
    return visitor


@_state
def board_of_a_viewer(stage: Stage) -> Visitor:
    return _signed_in(stage, "Vince Viewer", "/")


@_state
def not_yours(stage: Stage) -> Visitor:
    return _signed_in(stage, "Vince Viewer", "/inbox")


@_state
def sign_in_refused(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.closed)
    page = visitor.go("/sign-in")
    page.locator("#name").fill("Vera Voter")
    page.locator("#password").fill("wrong")
    visitor.button("sign_in.send").last.click()
    expect(page.get_by_role("alert")).to_be_visible()
    settled(page)
    return visitor
