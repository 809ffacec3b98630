"""More screens and states: scorecards, their trials, comparisons, and a person's task."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e import post_room
from tests.e2e.screens import STATES, Stage, State
from tests.e2e.visitor import Visitor
from tests.e2e.words import say
from tests.house import Served

CARD = "/scorecards/post-room"
TAKE = "/scorecards/to-take/take"  # people's lines are asserted on elsewhere


def fill(scored: Served) -> None:
    """Sets, and a run of one of them by three of known skill."""
    post_room.furnish(scored)
    post_room.run(scored, "oracle", "seeded:0.6", "nop")


def _state(make: State) -> State:
    STATES[make.__name__] = make
    return make


def _path(name: str, path: str, served: Callable[[Stage], Served] = lambda stage: stage.scored) -> None:
    def make(stage: Stage) -> Visitor:
        visitor = stage.visitor(served(stage))
        visitor.go(path)
        return visitor

    STATES[name] = make


for _name, _where in {
    "scorecards": "/scorecards",
    "scorecard": CARD,
    "scorecard_untried": "/scorecards/untried",
    "scorecard_missing": "/scorecards/nothing",
    "trials": f"{CARD}?show=trials&task=counter",
    "trials_none": f"{CARD}?show=trials&ended=cost",
    "comparison": f"{CARD}/compare?a=oracle&b=seeded:0.6",
    "take_start": TAKE,
}.items():
    _path(_name, _where)


@_state
def scorecard_as_tables(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.scored)
    visitor.go(CARD)
    for button in visitor.button("plot.as_table").all():
        button.click()
    return visitor


@_state
def run_with_mistakes(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.scored)
    page = visitor.go(CARD)
    visitor.button("run.run").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("summary").click()
    dialog.get_by_label(say("run.stops")).check()
    dialog.get_by_label(say("run.trials")).fill("many")
    dialog.get_by_label(say("run.width")).fill("90")
    for box in dialog.locator(".contenders input[type=checkbox]").all():
        box.set_checked(False)
    visitor.button("run.begin").click()
    expect(dialog.get_by_text(say("run.wrong.names"))).to_be_visible()
    return visitor


def _trial(stage: Stage, **which: str) -> Visitor:
    visitor = stage.visitor(stage.scored)
    visitor.go(f"/trials/{post_room.trial(stage.scored, **which)}")
    return visitor


@_state
def trial_failed(stage: Stage) -> Visitor:
    return _trial(stage, contender="seeded:0.6", result="fail")


@_state
def trial_void(stage: Stage) -> Visitor:
    return _trial(stage, result="void")


@_state
def trial_with_pictures(stage: Stage) -> Visitor:
    visitor = _trial(stage, contender="oracle", task="stamp")
    expect(visitor.page.locator("main img").first).to_be_visible()
    return visitor


@_state
def taking(stage: Stage) -> Visitor:
    visitor = stage.visitor(stage.scored)
    page = visitor.go(TAKE)
    visitor.button("take.begin").click()
    expect(page.get_by_role("timer")).to_be_visible()
    return visitor


@_state
def taken(stage: Stage) -> Visitor:
    visitor = taking(stage)
    visitor.button("take.give_up").click()
    visitor.button("take.give_up_yes").last.click()
    expect(visitor.button("take.next")).to_be_visible()
    return visitor
