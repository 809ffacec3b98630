"""What a round allows before, at and after the vote."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e import told
from tests.e2e.told import LETTER, Orders
from tests.e2e.visitor import Visitor, script, settled
from tests.e2e.words import begins, say


def test_a_vote_is_undone_in_time_and_not_later(visitor: Visitor) -> None:
    page = visitor.asked(Orders())
    visitor.vote("a")
    page.get_by_role("button", name=say("after.undo")).click()
    expect(visitor.choice("a")).to_be_visible()
    expect(visitor.status).to_be_focused()
    visitor.vote("b")
    undo = page.get_by_role("button", name=say("after.undo"))
    undo.focus()
    expect(undo).to_have_count(0)
    expect(visitor.button("after.show")).to_be_focused()
    page.keyboard.press("u")
    visitor.names()
    expect(page.locator("article", has_text=say("reveal.preferred"))).to_have_count(1)
    expect(page.locator("article", has_text=say("reveal.preferred"))).to_contain_text("B ·")


def test_a_vote_taken_back_later_stays_on_record(visitor: Visitor) -> None:
    page = visitor.page
    visitor.round(Orders(), "a")
    visitor.button("reveal.retract").click()
    visitor.button("retract.no").click()
    expect(page.get_by_text(say("reveal.did"))).to_be_visible()
    visitor.button("reveal.retract").click()
    visitor.button("retract.yes").click()
    expect(page.locator("h1")).to_have_text(say("over.retracted.title"))


def test_a_reload_in_mid_stream_goes_on_without_doubling(visitor: Visitor) -> None:
    page = visitor.ask(Orders("held:reload", "held:reload"))
    body = visitor.answer("a").locator(".body")
    expect(body).to_contain_text("A first part stands here,")
    expect(visitor.answer("a")).to_have_attribute("aria-busy", "true")
    page.reload()
    expect(body).to_contain_text("A first part stands here,")
    expect(visitor.status).to_have_text(say("battle.status.both_writing"))
    told.open_door("reload")
    visitor.ready()
    expect(visitor.answer("a")).to_have_attribute("aria-busy", "false")
    for side in ("a", "b"):
        expect(visitor.answer(side).locator(".body")).to_have_text(
            "A first part stands here, and the second part came later."
        )
    page.reload()
    visitor.ready()
    expect(body).to_have_text("A first part stands here, and the second part came later.")


def test_a_closed_tab_loses_nothing(visitor: Visitor) -> None:
    visitor.ask(Orders("held:closed", "recite:letter"))
    visitor.page.close()
    told.open_door("closed")
    visitor.page = visitor.tab()
    visitor.page.goto(visitor.base)
    visitor.ready()
    visitor.vote("tie")
    visitor.page.close()
    visitor.page = visitor.tab()
    visitor.page.goto(visitor.base)
    expect(visitor.button("after.show")).to_be_visible()
    visitor.names()


def test_another_tab_of_the_same_voter_follows(visitor: Visitor) -> None:
    page = visitor.asked(Orders())
    other = visitor.tab()
    other.goto(visitor.base)
    settled(other)
    expect(other.get_by_role("button", name=say("vote.a"), exact=True)).to_be_visible()
    visitor.vote("a")
    expect(other.get_by_role("button", name=say("after.show"))).to_be_visible()
    expect(other.get_by_role("button", name=say("vote.a"), exact=True)).to_have_count(0)
    visitor.names()
    page.get_by_role("button", name=say("reveal.next")).click()
    expect(visitor.box).to_be_visible()


def test_a_second_vote_from_a_tab_that_missed_the_first(visitor: Visitor) -> None:
    visitor.asked(Orders())
    late = visitor.tab()
    late.goto(visitor.base)
    button = late.get_by_role("button", name=say("vote.b"), exact=True)
    expect(button).to_be_visible()
    late.reload()
    deaf = True
    late.route("**/api/v1/battles/*/events**", lambda route: route.abort())
    late.route("**/api/v1/battles/b*", lambda route: route.abort() if deaf else route.continue_())
    expect(late.get_by_role("status")).to_have_text(say("battle.status.lost"))
    visitor.vote("a")
    button.click()
    expect(late.get_by_role("alert").last).to_be_visible()
    deaf = False
    expect(late.locator(".bar strong")).to_have_text(say("after.choice.a"))
    expect(late.get_by_role("button", name=say("after.show"))).to_be_visible()
    visitor.names()
    expect(visitor.page.locator("h1")).to_have_text(re.compile(begins("reveal.title.a")))


def test_a_vote_while_both_write_stops_them_and_is_marked(visitor: Visitor) -> None:
    page = visitor.ask(Orders("held:never", "held:never"))
    expect(visitor.answer("b").locator(".body")).to_contain_text("A first part")
    expect(visitor.status).to_have_text(say("battle.status.both_writing"))
    visitor.vote("b")
    expect(page.get_by_text(say("after.early"))).to_be_visible()
    expect(page.get_by_text(say("side.state.stopped"))).to_have_count(2)
    visitor.names()
    told.open_door("never")


def test_undo_of_an_early_vote_says_what_became_of_the_answers(visitor: Visitor) -> None:
    page = visitor.ask(Orders("held:undone", "held:undone"))
    expect(visitor.answer("b").locator(".body")).to_contain_text("A first part")
    visitor.vote("b")
    page.get_by_role("button", name=say("after.undo")).click()
    expect(visitor.choice("a")).to_be_visible()
    told.open_door("undone")
    expect(visitor.answer("a")).to_have_attribute("aria-busy", "false")


def test_follow_up_turns_keep_the_sides(visitor: Visitor) -> None:
    page = visitor.asked(Orders())
    for turn, prompt in enumerate(("Shorter, please.", "And in German?"), start=2):
        page.locator("#follow").fill(prompt)
        page.locator("#follow").press("Enter")
        section = page.get_by_role("region", name=say("turn.label", n=turn))
        expect(section.locator(".prompt .text")).to_have_text(prompt)
        expect(section.locator("article[aria-busy=false]")).to_have_count(2)
        visitor.ready()
    expect(page.locator("#follow")).to_have_value("")
    page.reload()
    visitor.ready()
    expect(page.locator("article[aria-busy]")).to_have_count(6)
    visitor.vote("a")
    visitor.names()


def test_the_last_turn_is_the_last(visitor: Visitor) -> None:
    page = visitor.asked(Orders())
    for turn in range(2, 9):
        page.locator("#follow").fill("More.")
        page.locator("#follow").press("Enter")
        expect(page.get_by_role("region", name=say("turn.label", n=turn))).to_be_visible()
        visitor.ready()
    expect(page.locator("article[aria-busy]")).to_have_count(16)
    expect(page.locator("#follow")).to_have_count(0)


def test_a_round_is_skipped(visitor: Visitor) -> None:
    visitor.asked(Orders())
    visitor.button("battle.skip").click()
    expect(visitor.box).to_be_visible()
    visitor.page.reload()
    expect(visitor.box).to_be_visible()


def test_a_chosen_pair_is_named_at_once_and_never_counts(visitor: Visitor) -> None:
    page = visitor.go()
    page.locator("summary", has_text=say("arena.chosen.summary")).click()
    expect(page.get_by_text(say("arena.chosen.never"))).to_be_visible()
    page.locator("#first").select_option(told.NAMES[2])
    page.locator("#second").select_option(told.NAMES[1])
    visitor.box.fill(str(Orders()))
    visitor.box.press("Enter")
    visitor.ready()
    expect(page.get_by_text(say("battle.lead.chosen"))).to_be_visible()
    expect(visitor.answer("a").locator("h2")).to_contain_text(told.NAMES[2])
    visitor.vote("a")
    expect(page.get_by_text(say("not_counted.chosen"))).to_be_visible()
    visitor.names()
    expect(page.locator("section", has_text=say("reveal.did"))).to_contain_text(say("not_counted.chosen"))


def test_a_prompt_of_the_field_and_a_draft_that_is_kept(visitor: Visitor) -> None:
    page = visitor.go()
    visitor.box.fill("A half-finished thought")
    page.locator("nav a", has_text=say("nav.field")).click()
    expect(page.locator("h1")).to_have_text("Test field")
    page.go_back()
    expect(visitor.box).to_have_value("A half-finished thought")
    page.reload()
    expect(visitor.box).to_have_value("A half-finished thought")
    page.locator("section li button", has_text="Say hello.").click()
    expect(visitor.box).to_have_value("Say hello.")
    expect(page.locator("#category")).to_have_value("letters")
    visitor.box.press("Enter")
    visitor.ready()
    expect(page.locator(".prompt")).to_contain_text("Letters")


def test_prompts_that_cannot_be_sent(visitor: Visitor) -> None:
    page = visitor.go()
    visitor.box.press("Enter")
    expect(page.get_by_text(say("arena.prompt.missing"))).to_be_visible()
    expect(visitor.box).to_have_attribute("aria-invalid", "true")
    visitor.box.fill("x" * 200_001)
    expect(page.get_by_text(begins("arena.prompt.long"))).to_be_visible()
    visitor.button("arena.send").click()
    expect(visitor.box).to_be_focused()
    visitor.box.evaluate(
        """(box) => {
          box.value = 'bell \\u0007';
          box.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }"""
    )
    visitor.button("arena.send").click()
    expect(page.get_by_role("alert")).to_contain_text("U+0007")
    expect(visitor.box).to_have_value(re.compile("bell"))


def test_answers_can_be_copied(visitor: Visitor) -> None:
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page: Page = visitor.asked(Orders())
    visitor.answer("a").get_by_role("button", name=say("action.copy")).click()
    expect(visitor.status).to_have_text(say("action.copied"))
    assert script(page, "() => navigator.clipboard.readText()") == LETTER
