"""The colour tokens: every pair that meets on the page has the contrast it needs, in light and in dark."""

from __future__ import annotations

import re

import pytest

from tests.e2e.words import ROOT

_SOURCE = (ROOT / "web" / "src" / "tokens.css").read_text("utf-8")
_TOKEN = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
COLOURS = {name: (light, dark) for name, light, dark in _TOKEN.findall(_SOURCE)}

_GROUNDS = ("paper", "surface", "sunken")
_TEXT = [
    (ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent", "mark", "good", "bad") for ground in _GROUNDS
]
_TEXT += [
    ("accent-ink", "accent"),
    ("accent", "accent-soft"),
    ("ink", "accent-soft"),
    ("ink", "mark-soft"),
    ("ink-2", "mark-soft"),
]
_LINES = [
    (line, ground)
    for line in ("line-strong", "accent", "mark", "good", "bad", "interval")
    for ground in _GROUNDS
]


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), _TEXT)
def test_text(ink: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[ink][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("line", "ground"), _LINES)
def test_lines_that_carry_meaning(line: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[line][theme], COLOURS[ground][theme]) >= 3


def test_no_colour_stands_outside_the_tokens() -> None:
    sources = [*(ROOT / "web" / "src").rglob("*.svelte"), ROOT / "web" / "src" / "base.css"]
    strays = {
        f"{path.name}: {found}"
        for path in sources
        for found in re.findall(r"#[0-9a-f]{3,8}\b(?=[;\s)])", path.read_text("utf-8"))
    }
    assert strays == set()
