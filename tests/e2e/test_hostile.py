"""Answers and prompts that try to do something are shown as text, and nothing else happens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import told
from tests.e2e.told import Orders
from tests.e2e.visitor import Visitor, script
from tests.e2e.words import say

MARK = "http://elsewhere.invalid"
RAW = f"""<script>window.owned = 1; alert(1)</script>
<img src=x onerror="window.owned = 1"> <img src="{MARK}/pixel.png">
<svg onload="window.owned = 1"><script>window.owned = 1</script><use href="{MARK}/a.svg#b"/></svg>
<iframe src="{MARK}"></iframe><iframe srcdoc="<script>parent.owned = 1</script>"></iframe>
<style>body {{ display: none }} @import url({MARK}/x.css);</style><link rel=stylesheet href="{MARK}/y.css">
<form action="{MARK}"><button>Press</button></form><base href="{MARK}/"><meta http-equiv=refresh content="0;url={MARK}">
<a href="javascript:window.owned=1">raw link</a> <math><mtext><table><mglyph><style><img src=x onerror=window.owned=1>
<details open ontoggle="window.owned=1">x</details>
<div style="position:fixed;inset:0;z-index:9999">over everything</div>
<input autofocus onfocus="window.owned=1"> <video src="{MARK}/v.mp4" autoplay></video>
"""
LINKS = f"""[one](javascript:window.owned=1) [two](JaVaScRiPt:window.owned=1) [three](data:text/html,<script>1</script>)
[four](vbscript:x) [five](  javascript&#58;window.owned=1) [six](file:///etc/passwd) [seven](//elsewhere.invalid/x)
![eight]({MARK}/track.gif) ![nine](javascript:1) ![ten](data:image/svg+xml,<svg onload=alert(1)>)
<javascript:window.owned=1> [eleven]({MARK}/fine "title\\" onmouseover=\\"window.owned=1") [twelve][ref]

[ref]: javascript:window.owned=1
"""
MATHS = r"""\(\href{javascript:window.owned=1}{click}\) and $$\includegraphics{http://elsewhere.invalid/x.png}$$

\(\style{position:fixed;inset:0}{x}\) \(\class{banner}{x}\) $$\def\x{\x\x}\x$$

$$\unknowncommand{<img src=x onerror=window.owned=1>}$$ \(<script>window.owned=1</script>\)
"""
TABLE = (
    "|"
    + "|".join("abcdefghij" * 3)
    + "|\n|"
    + "---|" * 30
    + "\n"
    + ("|" + "|".join(["a cell"] * 30) + "|\n") * 60
)
ATTACKS = {
    "raw": RAW,
    "links": LINKS,
    "maths": MATHS,
    "table": TABLE,
    "nested": "> " * 400
    + "deep\n"
    + "- " * 400
    + "deep\n"
    + "[" * 2000
    + "\n"
    + "*" * 3000
    + "\n"
    + "`" * 999,
    "directions": "\u202egnp.exe txt\u202c \u2066isolated\n\u200f\u061c\u202e"
    + "عربى " * 40
    + "\u0000zero\u200b" * 9,
    "fence": "```html onload=window.owned=1\n<script>window.owned=1</script>\n"
    "</code></pre><img src=x onerror=window.owned=1>\n",
    "entities": "&lt;img src=x onerror=window.owned=1&gt; &#60;script&#62;window.owned=1&#60;/script&#62; "
    "</div></article></main>",
}

ODD = (
    "script, iframe, object, embed, form, base, meta, style, link, img, video, audio, svg, input, textarea, "
    "[style], [onerror], [onload]"
)
_HANDLERS = """() => [...document.querySelectorAll('.prose *')]
  .flatMap((e) => e.getAttributeNames()).filter((name) => name.startsWith('on'))"""


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_answer_is_only_shown(visitor: Visitor, attack: str) -> None:
    told.TEXTS[attack] = ATTACKS[attack]
    page = visitor.asked(Orders(f"recite:{attack}", f"recite:{attack}"))
    _untouched(page)
    assert page.locator("article[aria-busy]").count() == 2
    page.set_viewport_size({"width": 360, "height": 740})
    assert script(page, "() => document.documentElement.scrollWidth <= innerWidth")
    visitor.vote("tie")
    visitor.names()
    _untouched(page)


@pytest.mark.parametrize("attack", ["raw", "links", "maths", "entities"])
def test_a_prompt_is_only_shown(visitor: Visitor, attack: str) -> None:
    page = visitor.asked(ATTACKS[attack])
    _untouched(page)
    shown = page.locator(".prompt .text").inner_text()
    assert shown.strip() == ATTACKS[attack].strip(), "a prompt is shown as it was written"


def _untouched(page: Page) -> None:
    """No script ran, nothing stands in an answer but documents, no link leads where it should not."""
    assert script(page, "() => window.owned") is None
    assert page.url.startswith("http://127.0.0.1:")
    assert page.locator(f".prose :is({ODD})").count() == 0
    hrefs = page.locator(".prose a").evaluate_all(
        "(all) => all.map((a) => [a.getAttribute('href'), a.target, a.rel])"
    )
    for href, target, rel in hrefs:
        assert re.match(r"https?://|mailto:", href), href
        assert target == "_blank"
        assert {"noopener", "noreferrer"} <= set(rel.split())
    assert script(page, _HANDLERS) == []


def test_a_line_of_a_megabyte(visitor: Visitor) -> None:
    told.TEXTS["megabyte"] = "x" * 1_000_000 + " " + "word " * 10
    page = visitor.asked(Orders("recite:megabyte", "recite:megabyte"))
    assert script(page, "() => document.querySelector('main').textContent.length") > 2_000_000
    assert script(page, "() => document.documentElement.scrollWidth <= innerWidth")
    visitor.vote("b")
    visitor.names()


def test_documents_are_documents(visitor: Visitor) -> None:
    page = visitor.asked(Orders("recite:document", "recite:letter"))
    answer = page.locator("article[aria-busy]", has=page.locator("table"))
    expect(answer.get_by_role("heading", name="A heading")).to_be_visible()
    expect(answer.locator("strong", has_text="bold")).to_be_visible()
    expect(answer.locator("pre code")).to_contain_text("def area(radius: float)")
    expect(answer.locator("table td").first).to_have_text("first")
    expect(answer.locator("math")).to_have_count(2)
    expect(answer.locator("math").nth(1).locator("mfrac")).to_be_attached()
    expect(answer).to_contain_text("A price of $5 and another of $7 is no mathematics.")
    expect(answer.get_by_role("link", name="link")).to_have_attribute("href", "https://example.org/page")
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answer.locator(".code button, .code-bar button").click()
    assert script(page, "() => navigator.clipboard.readText()").startswith("def area")
    expect(answer.get_by_role("button", name=say("action.copied"))).to_be_visible()
