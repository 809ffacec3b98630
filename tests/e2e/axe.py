"""axe-core, run on a page as it stands."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.e2e.words import ROOT

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]

_CONTRAST = """(targets) => {
  const pixel = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return pixel.getImageData(0, 0, 1, 1).data;
  };
  const light = ([r, g, b]) => {
    const of = (v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    return .2126 * of(r) + .7152 * of(g) + .0722 * of(b);
  };
  return targets.map((target) => {
    const element = document.querySelector(target);
    const style = getComputedStyle(element);
    const ink = rgba(element instanceof SVGElement ? style.fill : style.color);
    let ground = element;
    while (ground && rgba(getComputedStyle(ground).backgroundColor)[3] < 255) ground = ground.parentElement;
    const paper = rgba(ground ? getComputedStyle(ground).backgroundColor : 'white');
    const [high, low] = [light(ink), light(paper)].sort((a, b) => b - a);
    return (high + .05) / (low + .05);
  });
}"""
"""Contrast of what axe leaves open (gradients of one colour, signs, text in drawings) on the nearest full ground."""


@cache
def _source() -> str:
    return (ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def faults(page: Page) -> list[str]:
    """Violations with the elements they mean; a contrast that axe could not decide is decided here."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    options = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations", "incomplete"]}
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    undecided = [
        node for rule in found["incomplete"] if rule["id"] == "color-contrast" for node in rule["nodes"]
    ]
    own = page.evaluate(_CONTRAST, [node["target"][0] for node in undecided])
    return [
        f"{rule['id']}: {node['target']} {node['any'][0]['message'] if node['any'] else ''}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ] + [f"contrast {c:.2f}: {n['target']}" for n, c in zip(undecided, own, strict=True) if c < 4.5]
