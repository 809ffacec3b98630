"""Scorecards on the page: run, read, compare, take the tasks oneself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from fieldmark.ledger.evidence import TrialEnded, VerdictGiven
from tests.e2e import post_room, told, work
from tests.e2e.conftest import Visit
from tests.e2e.screens import Stage
from tests.e2e.visitor import Visitor, script, settled
from tests.e2e.words import begins, say
from tests.house import Served
from tests.upstream import Upstream

CARD = "/scorecards/post-room"


@pytest.fixture(scope="module")
def desk(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A field whose sets nobody has run yet."""
    with Served(told.field(tmp_path_factory.mktemp("scores") / "desk", upstream.url)) as served:
        post_room.furnish(served, breaks=0)
        yield served


def test_a_run_is_begun_watched_cancelled_and_ends_on_the_page(visit: Visit, desk: Served) -> None:
    visitor = visit(desk.url)
    page = visitor.go("/scorecards")
    panel = page.locator("article", has=page.get_by_role("heading", name="Slow jobs"))
    expect(panel).to_contain_text(say("scores.untried"))
    panel.get_by_role("button", name=say("run.run")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("input:checked").first).to_be_visible()
    for name in told.NAMES.values():
        dialog.get_by_label(name).uncheck()
    dialog.locator("summary").click()
    dialog.get_by_label("seeded:0.8").check()
    dialog.get_by_label(say("run.own"), exact=True).fill("seeded:0.9,correlation=0.2")
    dialog.get_by_label(say("run.unchecked")).check()
    dialog.get_by_label(say("run.trials")).fill("2")
    expect(dialog).to_contain_text("48")
    visitor.button("run.begin").click()
    expect(page).to_have_url(f"{desk.url}/scorecards/slow-jobs")
    bar = page.get_by_role("progressbar").first
    expect(bar).to_be_visible()
    expect(page.get_by_role("heading", name=begins("score.rates"))).to_be_visible()
    expect(page.locator(".running")).to_contain_text(re.compile(r"[1-9]\d* of 48"))
    visitor.button("run.cancel").first.click()
    expect(page.get_by_text(say("run.ended.cancelled")).first).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(visitor.button("run.run")).to_be_visible()
    work.wait_for(lambda: desk.records(VerdictGiven))


def test_numbers_come_with_intervals_and_every_plot_has_its_table(visitor: Visitor, stage: Stage) -> None:
    visitor.base = stage.scored.url
    page = visitor.go(CARD)
    rows = page.locator("table[aria-labelledby=rates] tbody tr:not(.more)")
    expect(rows).to_have_count(4)
    first = rows.nth(0)
    expect(first).to_contain_text("oracle")
    numbers = re.findall(r"\d+", str(first.locator("svg[role=img]").get_attribute("aria-label")))
    for number in numbers:
        expect(first).to_contain_text(number)
    expect(first).to_contain_text(re.compile(r"\d+ of \d+"))  # void, also when there is none
    expect(rows.last).to_contain_text(say("score.people_none"))
    curves = page.locator("section[aria-labelledby=again] svg[role=img]")
    expect(curves).to_have_count(3)
    for button in visitor.button("plot.as_table").all():
        button.click()
    expect(page.locator("main svg[role=img]")).to_have_count(0)
    expect(page.locator("section[aria-labelledby=again] table").first.locator("tbody tr")).to_have_count(4)
    matrix = page.locator("table[aria-labelledby=tasks] tbody tr")
    expect(matrix).to_have_count(6)
    matrix.first.locator(".cell a").last.click()
    expect(page.locator("#by-task")).not_to_have_value("")
    expect(page.locator("a.trial").first).to_be_visible()


def test_how_trials_of_one_task_go_together_stands_beside_the_curves(visitor: Visitor, stage: Stage) -> None:
    visitor.base = stage.scored.url

    def answer(route: Route) -> None:
        found = route.fetch().json()
        first, second = found["line"]["scores"][:2]
        first |= {"correlation": None, "change": None}
        second["correlation"] = {"value": 0.3, "low": 0.05, "high": 0.6, "n": 6}
        second["change"] = {"value": -0.12, "low": -0.3, "high": 0.06, "n": 6}
        route.fulfill(json=found)

    visitor.context.route("**/api/v1/scorecards/post-room", answer)
    panels = visitor.go(CARD).locator("section[aria-labelledby=again] li")
    expect(panels.nth(1)).to_contain_text(say("score.correlation", n="0.3", range="0.05–0.6"))
    expect(panels.nth(1)).to_contain_text(say("score.change", n="−12", range="−30 to +6"))
    expect(panels.nth(0)).not_to_contain_text("beyond chance")
    expect(panels.nth(0)).not_to_contain_text("first to the last")


def test_trials_are_filtered_searched_and_walked_by_key(visitor: Visitor, stage: Stage) -> None:
    visitor.base = stage.scored.url
    page = visitor.go(f"{CARD}?show=trials")
    total = page.locator("section > .row [role=status]")
    trials = page.locator("a.trial")
    expect(trials.first).to_contain_text(say("trial.result.fail"))
    everything = total.inner_text()
    page.locator("#by-result").select_option("void")
    expect(trials.first).to_contain_text(say("trial.result.void"))
    expect(total).not_to_have_text(everything)
    visitor.button("trials.clear").click()
    expect(total).to_have_text(everything)
    expect(page.locator("#by-q")).to_be_focused()
    page.locator("#by-contender").select_option(label="seeded:0.6")
    page.locator("#by-q").fill("about 77 grams")
    expect(page).to_have_url(re.compile("q=about"))
    expect(total).not_to_have_text(everything)
    page.locator("h1").click()
    page.keyboard.press("j")
    expect(trials.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(trials.nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_contain_text(say("trial.result.fail"))
    expect(page.get_by_text("It weighs about 77 grams.").first).to_be_visible()
    here = page.url
    page.keyboard.press("j")
    expect(page).not_to_have_url(here)
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("k")
    expect(page).to_have_url(here)
    page.go_back()
    page.go_back()
    page.go_back()
    expect(page.locator("#by-q")).to_have_value("about 77 grams")


def test_ten_thousand_trials_scroll_without_a_stall(visitor: Visitor, stage: Stage) -> None:
    """Only what is in sight is in the document, and pages are fetched as one comes to them."""
    visitor.base = stage.scored.url
    line = {
        "run": "r", "task": "counter", "variant": "", "contender": "c" * 64, "name": "seeded:0.6", "trial": 1,
        "attempt": 1, "result": "fail", "score": 0.0, "void": None, "ended": "answered", "failure": None,
        "steps": 1, "calls": 0, "ms": 5, "cost": None, "tokens": None, "at": "2026-11-22T10:00:00Z",
        "explanation": "",
    }  # fmt: skip

    def answer(route: object) -> None:
        url = route.request.url  # type: ignore[attr-defined]
        after = re.search(r"after=t(\d+)", url)
        start = int(after[1]) + 1 if after else 0
        found = [{**line, "id": f"t{n}"} for n in range(start, min(start + 200, 10_000))]
        route.fulfill(json={"trials": found, "total": 10_000, "more": start + 200 < 10_000})  # type: ignore[attr-defined]

    visitor.context.route("**/post-room/trials*", answer)
    page = visitor.go(f"{CARD}?show=trials")
    expect(page.locator("a.trial").first).to_be_visible()
    height = script(page, "() => document.documentElement.scrollHeight")
    for share in (0.2, 0.5, 1.0):
        script(page, "(share) => scrollTo(0, document.documentElement.scrollHeight * share)", share)
        page.wait_for_function(_IN_SIGHT)
        assert page.locator("a.trial").count() < 80
    expect(page.locator("[aria-posinset='10000']")).to_be_attached()
    assert script(page, "() => document.documentElement.scrollHeight") == height
    longest = script(page, _LONGEST)
    assert longest < 40, "elements in a row grow with the list"


_IN_SIGHT = "() => document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('.row-of')"
_LONGEST = (
    "() => Math.max(...[...document.querySelectorAll('.row-of')].map((e) => e.querySelectorAll('*').length))"
)


def test_two_are_compared(visitor: Visitor, stage: Stage) -> None:
    visitor.base = stage.scored.url
    page = visitor.go(CARD)
    page.get_by_role("link", name=say("score.compare")).click()
    expect(page.locator("h1")).to_have_text(say("compare.title"))
    page.locator("#compare-b").select_option(label="nop")
    verdict = page.locator(".verdict")
    expect(verdict).to_contain_text("oracle")
    expect(page.locator("#mcnemar")).to_contain_text("p ")
    expect(page.locator("section[aria-labelledby=by-task] li")).to_have_count(6)
    visitor.button("compare.swap").click()
    expect(page.locator("#compare-a option:checked")).to_have_text("nop")
    expect(page.locator("section[aria-labelledby=by-task] .difference").first).to_contain_text("−100")
    page.locator("section[aria-labelledby=by-task] dd a").first.click()
    expect(page.locator("#by-contender option:checked")).to_have_text("nop")
    expect(page.locator("a.trial").first).to_be_visible()


def test_a_trial_shows_its_pictures_and_files(visitor: Visitor, stage: Stage) -> None:
    visitor.base = stage.scored.url
    page = visitor.go(f"/trials/{post_room.trial(stage.scored, contender='oracle', task='stamp')}")
    pictures = page.locator("main img")
    expect(pictures).to_have_count(2)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 160)
    expect(page.get_by_text("one stamp, teal")).to_be_visible()
    expect(page.get_by_text("larger than what is kept")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name=f"{say('artifacts.download')} roll.bin").click()
    assert download.value.path().read_bytes() == bytes(2000)


def test_only_a_helper_of_known_skill_has_no_page_of_its_own(visitor: Visitor, stage: Stage) -> None:
    visitor.base = stage.scored.url
    named = "nopal-7b"

    def answer(route: Route) -> None:
        found = route.fetch().json()
        found["line"]["name"] = named
        route.fulfill(json=found)

    path = f"/trials/{post_room.trial(stage.scored, contender='nop')}"
    expect(visitor.go(path).locator("main").get_by_role("link", name="nop", exact=True)).to_have_count(0)
    visitor.context.route("**/api/v1/trials/*", answer)
    expect(visitor.go(path).locator("main").get_by_role("link", name=named)).to_be_visible()


def test_what_a_person_takes_is_not_continued_as_a_run(visit: Visit, desk: Served) -> None:
    visitor = visit(desk.url)
    page = visitor.go("/scorecards/to-take/take")
    visitor.button("take.begin").click()
    expect(page.get_by_role("timer")).to_be_visible()
    visitor.go("/scorecards/to-take")
    runs = page.locator("section[aria-labelledby=runs] li")
    expect(runs).to_contain_text(say("run.state.paused"))
    expect(visitor.button("run.continue")).to_have_count(0)


def test_a_person_takes_tasks_and_has_a_line(visit: Visit, desk: Served) -> None:
    visitor = visit(desk.url)
    page = visitor.go(CARD)
    page.get_by_role("link", name=say("score.take")).first.click()
    visitor.button("take.begin").click()
    done = 0
    while not page.get_by_text(say("take.through_text")).is_visible():
        expect(page.get_by_role("timer")).to_contain_text(":")
        done += 1
        _take(visitor, done)
        visitor.button("take.next").click()
        settled(page)
        expect(page.get_by_role("timer").or_(page.get_by_text(say("take.through_text")))).to_be_visible()
    ended = desk.records(TrialEnded)
    assert len([trial for trial in ended if trial.person]) == done == 6
    page.get_by_role("link", name=say("take.scorecard")).click()
    row = page.locator("table[aria-labelledby=rates] tbody tr", has_text=say("score.people"))
    expect(row.locator("svg[role=img]")).to_be_visible()


def _take(visitor: Visitor, number: int) -> None:
    """Take the task that is before one; the first with a mistake in the form and a page loaded again."""
    page = visitor.page
    title = page.locator("h1").inner_text()
    answer = "Teal." if "stamp" in title else "thank you"
    if title.startswith("Weigh"):
        item = title.split()[-1]
        form = page.locator("aside form")
        form.get_by_label("item").fill("nothing" if number == 1 else item)
        form.get_by_label("unit").select_option("g")
        form.get_by_role("button", name=say("take.use")).click()
        log = page.locator("section[aria-labelledby=log]")
        if number == 1:
            expect(log).to_contain_text("there is no nothing here")
        answer = f"{post_room.WEIGHTS[item]} grams"
    if number == 1:
        page.reload()
        expect(page.get_by_role("timer")).to_be_visible()
    if number == 2:
        visitor.button("take.give_up").click()
        visitor.button("take.give_up_yes").last.click()
        return
    page.locator("#say").fill(answer)
    page.locator(".acts > button.primary").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(say("take.done.pass")))
    expect(visitor.button("take.next")).to_be_visible()


def test_whoever_may_only_look_can_neither_run_nor_take(
    visit: Visit, upstream: Upstream, tmp_path: Path
) -> None:
    with Served(told.field(tmp_path / "desk", upstream.url)) as served:
        post_room.furnish(served)
        work.people(served, Vince_Viewer="viewer")
        visitor = visit(served.url)
        visitor.sign_in("Vince Viewer", work.PASSWORD)
        page = visitor.go(CARD)
        expect(page.get_by_text(say("score.none.viewer"))).to_be_visible()
        expect(visitor.button("run.run")).to_have_count(0)
        expect(page.get_by_role("link", name=say("score.take"))).to_have_count(0)
        visitor.go(f"{CARD}/take")
        expect(page.locator("h1")).to_have_text(say("not_yours.title"))


def test_how_a_contender_calls_tools_is_found_out_on_its_page(visit: Visit, desk: Served) -> None:
    visitor = visit(desk.url)
    page = visitor.go("/contenders")
    row = page.locator("ul.list > li", has_text=told.NAMES[1])
    expect(row).to_contain_text(say("calling.unknown"))
    row.get_by_role("button", name=say("calling.find")).click()
    expect(row).to_contain_text(say("calling.none"))
    page.goto(f"{desk.url}/contenders/{told.NAMES[1]}")
    expect(page.get_by_text(say("calling.none"))).to_be_visible()
