"""Every visible word comes from the messages, or from the field and its contenders."""

from __future__ import annotations

import re

import pytest

from tests.e2e import post_room, told
from tests.e2e.conftest import Visit
from tests.e2e.screens import Stage
from tests.e2e.visitor import Visitor, script, settled
from tests.e2e.words import MESSAGES

PATHS = [
    "/", "/leaderboard", "/leaderboard?category=notes", f"/contenders/{told.NAMES[1]}", "/contenders/nobody",
    "/contenders", "/field", "/how-to-read", "/nothing/here",
]  # fmt: skip

# Text of the page, but for what people and machines wrote (marked by direction, code and `translate`) and for
# the server's own error messages.
_TEXTS = """() => {
  const out = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility()) continue;
    if (element.closest('[role=alert], [dir=auto], [translate=no], code, .mono, kbd, script, style')) continue;
    out.push(node.data.trim());
  }
  for (const element of document.querySelectorAll('[aria-label], [placeholder], [title]'))
    for (const name of ['aria-label', 'placeholder', 'title']) {
      if (element.closest('[role=alert], [dir=auto], .mono')) continue;
      const said = element.getAttribute(name)?.trim();
      if (said) out.push(said);
    }
  return out;
}"""
_WORD = re.compile(r"[A-Za-z]{3,}")
_PLAIN = re.compile(r"[aeiouycn]", re.IGNORECASE)
_OWN = re.compile(
    r"amber-north|birch-south|letter desk|Example ID|Test field|For tests\.?|Letters|Notes|letters|notes|Say hello\."
    r"|oracle|seeded|correlation|nop|useful|clear|incorrect|too long|Is the tone right\?"
    r"|\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\b|http\S+|told:\d|[0-9a-f]{6,}|field\.toml|UTC|GMT\S*"
)


def plain(texts: list[str]) -> list[str]:
    """Texts with a word that the pseudo-locale did not touch."""
    rest = {text: _OWN.sub(" ", text) for text in texts}
    return [
        text
        for text, left in rest.items()
        if any(_PLAIN.search(word) and not _touched(left, word) for word in _WORD.findall(left))
    ]


def _touched(text: str, word: str) -> bool:
    """Part of a longer word that holds an accent: only ASCII letters were matched."""
    return any(word in whole and not whole.isascii() for whole in re.findall(r"[\w~]+", text))


@pytest.mark.parametrize("path", PATHS)
def test_every_screen(visit: Visit, stage: Stage, path: str) -> None:
    visitor = visit()
    page = visitor.go(path + ("&" if "?" in path else "?") + "locale=pseudo")
    texts = script(page, _TEXTS)
    assert len(texts) > 5
    assert plain(texts) == []


@pytest.mark.parametrize(
    ("served", "path"),
    [
        *(("front", path) for path in ("/", "/inbox", "/inbox?state=all", "/real-cases", "/leaderboard")),
        *(("front", path) for path in ("/leaderboard?stratum=shadow", "/contenders", "/access", "/me")),
        *(("front", f"/contenders/{name}") for name in told.NAMES.values()),
        *(
            ("bare", path)
            for path in ("/inbox", "/access", "/me", "/leaderboard?stratum=imported", "/real-cases")
        ),
        *(
            ("scored", f"/scorecards{path}")
            for path in (
                "",
                "/post-room",
                "/post-room?show=trials",
                "/post-room/compare",
                "/untried",
                "/post-room/take",
            )
        ),
        *(("closed", path) for path in ("/sign-in", "/sign-in?problem=expired", "/invite", "/leaderboard")),
    ],
)
def test_every_screen_of_work(visit: Visit, stage: Stage, served: str, path: str) -> None:
    visitor = visit(getattr(stage, served).url)
    page = visitor.go(path + ("&" if "?" in path else "?") + "locale=pseudo")
    if path.startswith("/inbox") and page.locator(".case").count():
        page.locator(".case").first.click()
        settled(page)
    page.locator(".opener").click()
    texts = script(page, _TEXTS)
    assert len(texts) > 5
    assert plain(texts) == []


def test_a_round(visitor: Visitor) -> None:
    page = visitor.go("/?locale=pseudo")
    visitor.box.fill(str(told.Orders("refuse:500,recite:letter", "leak")))
    visitor.box.press("Enter")
    page.locator(".failure button").wait_for()
    _plain_now(visitor)
    page.locator(".failure button").click()
    page.locator(".failure").wait_for(state="detached")
    page.locator("[role=group] button").nth(3).click()
    page.locator("#comment").wait_for()
    _plain_now(visitor)
    page.locator(".dock button.primary").click()
    page.locator("#did").wait_for()
    _plain_now(visitor)


def _plain_now(visitor: Visitor) -> None:
    assert plain(script(visitor.page, _TEXTS)) == []


def test_the_rule_finds_a_stray_word() -> None:
    assert plain(["Vótés", "[Sávé~]", "12 ms", "amber-north"]) == []
    assert plain(["Save"]) == ["Save"]


def test_every_message_is_used() -> None:
    from tests.e2e.words import ROOT

    source = "\n".join(
        p.read_text("utf-8") for p in (ROOT / "web" / "src").rglob("*") if p.suffix in {".svelte", ".ts"}
    )
    unused = [key for key in MESSAGES if f'"{key}"' not in source and not _made(key, source)]
    assert unused == []


def _made(key: str, source: str) -> bool:
    """Whether a template such as `t(`vote.${choice}`)` or ``reading.${part}.${n}`` can make the key."""
    patterns = {
        re.sub(r"\\\$\\\{.*?\\\}", r"[\\w.-]+", re.escape(made))
        for made in re.findall(r"`((?:[\w.-]|\$\{[^}]*\})+)`", source)
    }
    return any(
        re.fullmatch(pattern, key)
        for pattern in patterns
        if pattern.startswith(key.split(".", maxsplit=1)[0])
    )


def test_a_trial_and_a_persons_task(visit: Visit, stage: Stage) -> None:
    visitor = visit(stage.scored.url)
    page = visitor.go(f"/trials/{post_room.trial(stage.scored, result='void')}?locale=pseudo")
    _plain_now(visitor)
    visitor.go(f"/trials/{post_room.trial(stage.scored, task='stamp')}?locale=pseudo")
    _plain_now(visitor)
    visitor.go("/scorecards/post-room/take?locale=pseudo")
    page.locator("main button.primary").click()
    page.get_by_role("timer").wait_for()
    _plain_now(visitor)
    page.locator(".acts > .quiet").click()
    _plain_now(visitor)
    page.locator("dialog[open] button.primary").click()
    page.locator(".over").wait_for()
    _plain_now(visitor)


def test_the_questions_before_a_run(visit: Visit, stage: Stage) -> None:
    visitor = visit(stage.scored.url)
    page = visitor.go("/scorecards/post-room?locale=pseudo")
    page.locator(".acts > button").click()
    page.locator("dialog[open] summary").click()
    for box in page.locator("dialog[open] input[type=checkbox]").all():
        box.check()
    _plain_now(visitor)
