"""Chromium without a network, and declared checks of sites in it, of which some do what they can to escape."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fieldmark.errors import InputError, SandboxError
from fieldmark.sandbox import BROWSER, ORIGIN, Browser, Look, Visit, _chromium, from_files
from fieldmark.scorecards import Attempt, Bench, Verdict, judge
from fieldmark.scorecards.verifiers import make
from tests import browser as chromium

PNG = b"\x89PNG\r\n\x1a\n"
FORM = b"""<!doctype html><title>Form</title><label>Email: <input></label>
<label>Size <select><option>S<option>L</select></label>
<button
onclick="const $ = s => document.querySelector(s);
$('output').textContent = 'Hello, ' + $('input').value">Greet</button>
<output></output>"""


@pytest.fixture(autouse=True)
def _browser() -> None:
    chromium.ensure()


def checks(*tables: dict[str, Any], **settings: Any) -> Any:
    return make("browser", {"checks": list(tables), **settings})


async def judged(verifier: Any, html: bytes, **more: bytes) -> Verdict:
    return await judge(verifier, Attempt("t", files={"site/index.html": html, **more}), Bench())


async def opened(html: bytes, look: Look | None = None, browser: Browser = BROWSER) -> dict[str, Any]:
    """What a page saw half a second after it was opened."""

    async def work(running: Any) -> dict[str, Any]:
        visit = await Visit.open(
            running, from_files({"index.html": html}), look or Look(seconds=2), browser=browser
        )
        try:
            await visit.page.goto(ORIGIN)
            await asyncio.sleep(0.5)
            text = await visit.page.locator("body").inner_text()
            return {"text": text, "seen": visit.seen, "picture": await visit.picture()}
        finally:
            await visit.close()

    return await browser.do(work)


REACH = b"""<p id=p></p><script>
const say = text => { p.textContent += text + ' '; };
fetch('http://127.0.0.1:8787/').catch(() => say('no-fetch'));
new WebSocket('ws://127.0.0.1:8787/').onerror = () => say('no-socket');
open('/other');
const image = new Image(); image.onerror = () => say('no-image'); image.src = 'https://example.org/a.png';
navigator.serviceWorker.register('/worker.js').catch(() => say('no-worker'));
setTimeout(() => { location = 'file:///etc/passwd'; }, 50);
</script>"""


async def test_nothing_but_the_site_is_in_reach() -> None:
    seen = await opened(REACH)
    assert "no-fetch" in seen["text"]
    assert "no-socket" in seen["text"]
    assert "no-image" in seen["text"]
    assert "root:" not in seen["text"]
    assert {"http://127.0.0.1:8787/", "https://example.org/a.png"} <= set(seen["seen"].refused)
    assert seen["picture"].startswith(PNG)


async def test_the_clock_begins_where_it_is_told() -> None:
    html = b"<body><script>document.body.textContent = new Date().toISOString() + isSecureContext</script>"
    seen = await opened(html, Look(clock="2026-03-04T10:00:00Z"))
    assert seen["text"].startswith("2026-03-04T10:00:0")
    assert seen["text"].endswith("true")


async def test_without_bubblewrap_the_browser_itself_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chromium, "unconfined", lambda: "bubblewrap is not installed")
    plain = Browser()
    assert "bubblewrap is not installed" in plain.confined()
    seen = await opened(REACH, browser=plain)
    await plain.close()
    assert "no-fetch" in seen["text"]
    assert "no-socket" in seen["text"]


def test_inside_there_is_no_network_and_no_key_of_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDMARK_KEY", "secret")
    command = _chromium.prefix("/usr/bin/chromium")
    assert "--unshare-all" in command
    assert "--clearenv" in command
    shown = {command[at + 1] for at, word in enumerate(command) if word.startswith("--ro-bind")}
    assert "/usr" in shown
    assert not shown & {"/", "/home", "/root", "/etc", "/opt", "/var"}
    assert not any("secret" in word for word in command)


@pytest.mark.parametrize("path", ["/nowhere/chromium"])
async def test_a_browser_that_is_not_there_says_what_would_help(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIELDMARK_CHROMIUM", path)
    assert path in str(Browser.trouble())
    verdict = await judged(checks({"name": "x", "expect": [{"visible": {"css": "p"}}]}), b"<p>x")
    assert (verdict.result, verdict.void) == ("void", "sandbox")


async def test_a_browser_that_dies_is_void_and_started_anew() -> None:
    verifier = checks({"name": "x", "expect": [{"visible": {"css": "b"}}]}, seconds=20)
    await opened(b"x")
    before = BROWSER.starts
    judging = asyncio.ensure_future(judged(verifier, b"<p>x"))
    await asyncio.sleep(0.7)

    async def end(running: Any) -> None:
        await running.close()

    await BROWSER.do(end)
    verdict = await judging
    assert (verdict.result, verdict.void) == ("void", "sandbox"), verdict.explanation
    assert (
        await judged(checks({"name": "x", "expect": [{"visible": {"css": "p"}}]}), b"<p>x")
    ).result == "pass"
    assert BROWSER.starts == before + 1


GREETS = {
    "name": "greets",
    "steps": [{"fill": {"label": "Email"}, "with": "Ann"}, {"click": {"role": "button", "name": "greet"}}],
    "expect": [{"text": {"css": "output"}, "is": "Hello, Ann"}, {"no_errors": True}, {"no_requests": True}],
}
LARGE = {
    "name": "has a large size",
    "steps": [{"select": {"label": "Size"}, "option": "L"}],
    "expect": [{"value": {"label": "Size"}, "is": "L"}, {"title": True, "is": "Form"}],
}


async def test_passes_when_every_check_does_and_keeps_pictures() -> None:
    verdict = await judged(checks(GREETS, LARGE), FORM)
    assert (verdict.result, verdict.score) == ("pass", 1.0)
    assert verdict.explanation == "2 of 2 checks passed"
    assert [path for path, data in verdict.evidence.items() if data.startswith(PNG)] == [
        "pictures/01.png",
        "pictures/02.png",
    ]


async def test_says_which_check_failed_and_what_was_seen() -> None:
    verdict = await judged(checks(GREETS, LARGE, seconds=1), FORM.replace(b"Hello, '", b"Bye, '"))
    assert (verdict.result, verdict.score) == ("fail", 0.5)
    assert "- greets: text css 'output', is 'Hello, Ann': saw: Bye, Ann" in verdict.explanation


async def test_files_of_a_check_stand_in_for_the_sites() -> None:
    html = b"<p></p><script>const p = document.querySelector('p');"
    html += b"fetch('a.json').then(a => a.json()).then(a => { p.textContent = a })</script>"
    asked = checks(
        {"name": "x", "files": {"a.json": '"new"'}, "expect": [{"text": {"css": "p"}, "is": "new"}]}
    )
    assert (await judged(asked, html, **{"site/a.json": b'"old"'})).result == "pass"


HOSTILE = {
    "endless loop": b"<p>x<script>while (1) {}</script>",
    "storm of alerts": b"<p>x<script>while (1) alert(1)</script>",
    "goes elsewhere": b"<p>x<script>location = 'http://example.org/'</script>",
    "claims success": b"<script>window.__playwright = {}; Element.prototype.checkVisibility = () => true; "
    b"document.querySelector = () => document.body; console.log('3 of 3 checks passed')</script>",
    "hundreds of windows": b"<script>for (let i = 0; i < 300; i++) open('/' + i)</script>",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=list(HOSTILE))
async def test_a_hostile_site_fails_and_the_browser_lives_on(html: bytes) -> None:
    before = BROWSER.starts
    verdict = await judged(checks({"name": "x", "expect": [{"visible": {"css": "#right"}}]}, seconds=1), html)
    assert verdict.result == "fail", verdict.explanation
    assert BROWSER.starts <= before + 1


async def test_no_site_is_a_fail_without_a_browser() -> None:
    verdict = await judge(checks(GREETS), Attempt("t"), Bench())
    assert (verdict.result, verdict.explanation) == ("fail", "there is no site/index.html")


def test_the_digest_follows_the_checks() -> None:
    assert checks(GREETS).digest == checks(GREETS).digest
    assert checks(GREETS).digest != checks(GREETS, seconds=1).digest


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"clik": {"css": "a"}}, "no step is called clik"),
        ({"click": {"css": "a", "role": "b"}}, "exactly one of"),
        ({"text": {"css": "a"}}, "one of `is`, `has`, `matches`"),
        ({"click": {"css": "a", "name": "b"}}, "`name` goes with `role`"),
    ],
)
def test_a_wrong_step_is_told(step: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        checks({"name": "x", "steps": [step]})


async def test_no_browser_at_all_raises_a_sandbox_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chromium, "trouble", lambda: "there is no Chromium")
    with pytest.raises(SandboxError, match="no Chromium"):
        await opened(b"")
