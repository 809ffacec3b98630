"""axe finds no violation of WCAG 2.2 A and AA on any screen, in light and dark, at a desk and on a phone."""

from __future__ import annotations

from typing import Literal

from tests.e2e import axe
from tests.e2e.screens import Stage

COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def test_no_violation(stage: Stage, state: str) -> None:
    page = stage.at(state)
    faults: dict[str, list[str]] = {}
    for width in (1280, 360):
        # As high as the document: what sticks to the bottom then covers nothing, and axe can judge what lies there.
        page.set_viewport_size({"width": width, "height": 740})
        height = page.evaluate("() => document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": max(740, height)})
        for colours in COLOURS:
            page.emulate_media(color_scheme=colours)
            if found := axe.faults(page):
                faults[f"{width} px, {colours}"] = found
    assert faults == {}
