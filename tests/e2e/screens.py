"""Every screen of the page and the states that it can be in, each built once for all tests of looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from playwright.sync_api import Browser, Page, expect

from tests.e2e import told
from tests.e2e.told import Orders
from tests.e2e.visitor import Sight, Visitor, settled
from tests.e2e.words import begins, say
from tests.house import Browser as Client
from tests.house import Served

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """Do it in a thread of its own: in this one Playwright's loop is running, and no second one may."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


async def _votes(url: str, choices: Iterable[str], category: str | None) -> None:
    for choice in choices:
        client = await Client(url).begin()
        battle = (await client.battle(f"{Orders()} {choice}", category=category))["id"]
        assert (await client.post(f"/api/v1/battles/{battle}/vote", {"choice": choice})).status == 200
        assert (await client.post(f"/api/v1/battles/{battle}/reveal")).status == 200


def cast(url: str, choices: Iterable[str], category: str | None = None) -> None:
    """Blind rounds of as many browsers, voted in turn as `choices` say."""
    apart(lambda: asyncio.run(_votes(url, choices, category)))


async def _not_blind(url: str) -> None:
    client = await Client(url).begin()
    battle = await client.battle(str(Orders()), mode="chosen", contenders=list(told.NAMES.values()))
    assert (await client.post(f"/api/v1/battles/{battle['id']}/vote", {"choice": "a"})).status == 200


def cast_not_blind(url: str) -> None:
    """A vote that does not count."""
    apart(lambda: asyncio.run(_not_blind(url)))


@dataclass
class Stage:
    """The fields there are to look at, and the screen that is open."""

    chromium: Browser
    voted: Served
    """Two contenders, rated."""
    crowd: Served
    """Seven contenders, one with the longest name there can be, few votes."""
    bare: Served
    """No contender at all."""
    front: Served
    """An application asks it; cases with and without outcomes, judged and not; a drift alarm."""
    closed: Served
    """It has accounts."""
    scored: Served
    """Scorecards were run in it."""
    _open: tuple[str, Visitor] | None = None

    def visitor(self, served: Served) -> Visitor:
        return Visitor.arrive(self.chromium, served.url, Sight())

    def at(self, state: str) -> Page:
        """The page in this state, at a desk's size and in light colours; another state that was open is closed."""
        if self._open is None or self._open[0] != state:
            self.close()
            self._open = state, STATES[state](self)
        page = self._open[1].page
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light")
        page.evaluate("() => scrollTo(0, 0)")
        return page

    def close(self) -> None:
        """Close what is open; nothing may have gone wrong on it."""
        if self._open:
            (state, visitor), self._open = self._open, None
            visitor.context.close()
            assert visitor.troubles == [], state


State = Callable[[Stage], Visitor]
STATES: dict[str, State] = {}


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
    "start": "/",
    "board": "/leaderboard",
    "board_by_bradley_terry": "/leaderboard?model=bradley-terry&category=letters",
    "board_of_an_empty_category": "/leaderboard?category=notes",
    "card": f"/contenders/{told.NAMES[1]}",
    "card_missing": "/contenders/nobody",
    "contenders": "/contenders",
    "field_page": "/field",
    "how_to_read": "/how-to-read",
    "nowhere": "/no/such/place",
}.items():
    _path(_name, _where, lambda stage: stage.voted)
_path("board_of_many", "/leaderboard", lambda stage: stage.crowd)
_path("card_of_many", f"/contenders/{told.NAMES[1]}", lambda stage: stage.crowd)
_path("contenders_of_many", "/contenders", lambda stage: stage.crowd)
for _name, _where in {
    "bare_start": "/",
    "bare_board": "/leaderboard",
    "bare_contenders": "/contenders",
}.items():
    _path(_name, _where, lambda stage: stage.bare)


@_state
def board_as_tables(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    page = visitor.go("/leaderboard")
    expect(visitor.button("plot.as_table")).to_have_count(2)
    for button in visitor.button("plot.as_table").all():
        button.click()
    page.locator("aside summary").click()
    return visitor


@_state
def start_with_mistakes(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    page = visitor.go()
    page.locator("summary", has_text=say("arena.chosen.summary")).click()
    expect(page.locator("#second option")).to_have_count(2)
    page.locator("#second").select_option(page.locator("#first").input_value())
    visitor.button("arena.send").click()
    expect(page.get_by_text(say("arena.prompt.missing"))).to_be_visible()
    return visitor


@_state
def writing(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.ask(Orders("held:stage", "held:stage"))
    expect(visitor.status).to_have_text(say("battle.status.both_writing"))
    return visitor


@_state
def waiting(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.ask(Orders("held:stage", "hang"))
    return visitor


@_state
def ready(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.asked(Orders("recite:document", "recite:letter"))
    expect(visitor.page.locator("math").first).to_be_attached()
    return visitor


@_state
def second_turn(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    page = visitor.asked(Orders())
    page.locator("#follow").fill("Shorter, please.")
    page.locator("#follow").press("Enter")
    expect(page.get_by_role("region", name=say("turn.label", n=2))).to_be_visible()
    visitor.ready()
    return visitor


@_state
def failed(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.ask(Orders("cut-off", "leak"))
    expect(visitor.page.locator(".failure")).to_be_visible()
    expect(visitor.page.get_by_text(say("side.leak.title"))).to_be_visible()
    return visitor


@_state
def both_failed(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.ask(Orders("refuse:500", "empty"))
    expect(visitor.status).to_have_text(say("battle.status.both_failed"))
    return visitor


@_state
def hanging(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.ask(Orders("hang:2", "recite:letter"))
    expect(visitor.page.locator(".body .note")).to_be_visible()
    return visitor


@_state
def voted(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.asked(Orders())
    visitor.vote("a")
    visitor.page.locator("label", has_text="useful").first.click()
    return visitor


@_state
def revealed(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.round(Orders(), "tie")
    return visitor


@_state
def chosen(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    page = visitor.go()
    page.locator("summary", has_text=say("arena.chosen.summary")).click()
    expect(page.locator("#second")).not_to_have_value("")
    visitor.box.fill(str(Orders()))
    visitor.box.press("Enter")
    visitor.ready()
    return visitor


@_state
def retract_dialog(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.round(Orders(), "both_bad")
    visitor.button("reveal.retract").click()
    return visitor


@_state
def retracted(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.round(Orders(), "both_bad")
    visitor.button("reveal.retract").click()
    visitor.button("retract.yes").click()
    expect(visitor.page.locator("h1")).to_have_text(say("over.retracted.title"))
    return visitor


@_state
def keys_dialog(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.asked(Orders())
    visitor.page.keyboard.press("?")
    return visitor


@_state
def add_with_mistakes(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    page = visitor.go("/contenders")
    page.locator("#add-name").fill("No Good Name")
    page.locator("form summary").click()
    visitor.button("add.try").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_focused()
    return visitor


@_state
def add_weights(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    page = visitor.go("/contenders")
    page.get_by_text(say("add.kind.weights"), exact=True).click()
    expect(page.get_by_text(begins("shelf.title"))).to_be_visible()
    expect(page.locator("aside li").first).to_be_visible()
    return visitor


@_state
def add_probed(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.bare)
    page = visitor.go("/contenders")
    page.locator("#add-name").fill("newcomer")
    page.locator("#add-url").fill("http://127.0.0.1:9/v1")
    page.locator("#add-model").fill("none")
    visitor.button("add.try").click()
    expect(visitor.button("add.save_anyway")).to_be_visible()
    return visitor


@_state
def remove_dialog(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.crowd)
    page = visitor.go("/contenders")
    page.get_by_role("button", name=say("contenders.remove")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return visitor


@_state
def server_gone(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.voted)
    visitor.context.route("**/api/**", lambda route: route.abort())
    visitor.page.goto(visitor.base + "/leaderboard")
    expect(visitor.page.get_by_text(say("gone.title")).first).to_be_visible()
    settled(visitor.page)
    return visitor
