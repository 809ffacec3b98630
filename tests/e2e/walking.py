"""Walks a screen with the Tab key, as people do who cannot point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

_NAME = """(e) => e.type === 'radio' ? 'input group ' + e.name
  : e.tagName.toLowerCase() + ' '
    + (e.id || e.textContent.trim().slice(0, 40) || e.getAttribute('aria-label') || e.value)"""
# Of the element that has the focus: what it is, where it lies, whether it can be seen, whether something covers it.
_STOP = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const all = [...document.querySelectorAll('*')];
  const shown = at.matches('input[type=radio], input[type=checkbox]') ? (at.closest('label') ?? at) : at;
  const box = shown.getBoundingClientRect();
  const shares = [.1, .5, .9];
  const points = shares.flatMap((x) => shares.map((y) => [box.left + x * box.width, box.top + y * box.height]));
  const seen = points.filter(([x, y]) => {
    const top = document.elementFromPoint(x, y);
    return top && (shown.contains(top) || top.contains(shown));
  }).length;
  const ringed = ({ outlineStyle, outlineWidth }) => outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  const ring = [at, shown].some((e) => ringed(getComputedStyle(e)));
  return { order: all.indexOf(at), what: (%NAME%)(at), seen, ring };
}""".replace("%NAME%", _NAME)

# Every control a person could use now: the first of a radio group stands for the group.
_CONTROLS = """() => {
  const scope = document.querySelector('dialog[open]') ?? document;
  const groups = new Set();
  return [...scope.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true }) && !e.closest('[inert]'))
    .filter((e) => {
      if (e.type !== 'radio') return true;
      const known = groups.has(e.name);
      groups.add(e.name);
      return !known;
    })
    .map(%NAME%);
}""".replace("%NAME%", _NAME)
_TO_THE_TOP = """() => {
  const top = document.querySelector('dialog[open]') ?? document.body;
  scrollTo(0, 0);
  getSelection().removeAllRanges();
  top.tabIndex = -1;
  top.focus();
  top.removeAttribute('tabindex');
}"""


@dataclass(frozen=True)
class Stop:
    """One element that took the focus."""

    what: str
    order: int
    """Its place in the document."""
    seen: int
    """How many of nine points of it nothing covers."""
    ring: bool
    """It shows that it has the focus."""


def stops(page: Page, most: int = 300) -> list[Stop]:
    """Press Tab from the top of the document (or of the open dialog) until the focus has gone round."""
    page.evaluate(_TO_THE_TOP)
    found: list[Stop] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop: dict[str, Any] | None = page.evaluate(_STOP)
        if stop is None:
            break
        if found and stop["order"] == found[0].order:
            break
        found.append(Stop(stop["what"], stop["order"], stop["seen"], stop["ring"]))
    else:
        raise AssertionError("the focus never left the page")
    return found


def check(page: Page) -> list[Stop]:
    """The focus goes once through every control, in the order of the document, always visible and never covered."""
    found = stops(page)
    orders = [stop.order for stop in found]
    assert orders == sorted(set(orders)), [stop.what for stop in found]
    covered = [stop.what for stop in found if stop.seen < 5]
    assert covered == [], "covered while they have the focus"
    ringless = [stop.what for stop in found if not stop.ring]
    assert ringless == [], "the focus cannot be seen"
    reached = {stop.what for stop in found}
    missed = [what for what in page.evaluate(_CONTROLS) if what not in reached]
    assert missed == [], "out of reach of the Tab key"
    return found


def tab_to(page: Page, selector: str, most: int = 120) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(most):
        if page.evaluate("(s) => document.activeElement?.matches(s) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")
