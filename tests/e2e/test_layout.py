"""Every screen fits a phone, can be walked by Tab, and has targets that a finger hits."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.e2e import walking
from tests.e2e.screens import Stage
from tests.e2e.visitor import script

# Buttons, links that look like buttons, entries of the menu, fields: 44 px both ways; a box has its label as target.
_SMALL = """() => [...document.querySelectorAll('button, .button, summary, nav a, select, textarea, input')]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .map((e) => (e.matches('input[type=radio], input[type=checkbox]') ? (e.closest('label') ?? e) : e))
  .map((e) => [e, e.closest('.choice') && e.tagName === 'LABEL' ? 42 : 44, e.getBoundingClientRect()])
  .filter(([e, least, box]) => box.height < least - .5 || box.width < (e.matches('nav a') ? 24 : least) - .5)
  .map(([e, least, box]) =>
    `${e.tagName} ${e.textContent.trim().slice(0, 30)} ${Math.round(box.width)}x${Math.round(box.height)}`)"""

# What sticks out to the right, outside of a box that scrolls by itself.
_WIDE = """() => {
  const kept = ['auto', 'scroll', 'hidden', 'clip'];
  const scrolls = (e) =>
    e && e !== document.body && (kept.includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  return document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement))
  .map((e) => `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)}`);
}"""


STARTS = {"start", "bare_start", "start_with_mistakes", "start_with_real_cases"}
"""A round brings its own status line; before it there is nothing to say."""


def test_no_sideways_scroll(stage: Stage, state: str) -> None:
    page = stage.at(state)
    for width in (360, 320):
        page.set_viewport_size({"width": width, "height": 740})
        assert script(page, _WIDE) == [], f"at {width} px"
        inner = "() => [document.documentElement.scrollWidth, innerWidth]"
        found, most = script(page, inner)
        assert found <= most


def test_tab_reaches_everything_and_nothing_covers_it(stage: Stage, state: str) -> None:
    page = stage.at(state)
    walking.check(page)
    _phone(page)
    walking.check(page)


def test_targets_are_large(stage: Stage, state: str) -> None:
    page = stage.at(state)
    assert script(page, _SMALL) == []
    _phone(page)
    assert script(page, _SMALL) == []


def _phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})


def test_one_status_line_and_one_first_heading(stage: Stage, state: str) -> None:
    page = stage.at(state)
    lines = (
        "() => [...document.querySelectorAll('[role=status]')].filter((e) => !e.closest('section')).length"
    )
    assert script(page, lines) == (0 if state in STARTS else 1)
    assert page.locator("h1:visible").count() == 1
    assert page.title().endswith("Fieldmark")
    assert script(page, "() => document.documentElement.lang") == "en"


def test_nothing_moves_for_those_who_ask(stage: Stage, state: str) -> None:
    page = stage.at(state)
    page.emulate_media(reduced_motion="reduce")
    try:
        assert (
            script(page, "() => document.getAnimations().map((a) => a.animationName ?? a.transitionProperty)")
            == []
        )
    finally:
        page.emulate_media(reduced_motion="no-preference")
