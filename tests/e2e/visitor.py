"""One browser of one voter: what it does on the page, and what must never happen while it does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    expect,
)

from tests.e2e.words import say

_HARMLESS = re.compile(r"Failed to load resource|net::ERR_|ERR_INCOMPLETE_CHUNKED")
"""What the browser itself says of a refused or broken request; the page's answer to it is tested where it matters."""


@dataclass
class Sight:
    """How the browser looks at the page."""

    width: int = 1280
    height: int = 900
    dark: bool = False
    touch: bool = False
    calm: bool = False
    """Prefers reduced motion."""
    bypass_csp: bool = False
    """Only to inject test tools."""


@dataclass
class Visitor:
    """A context with a cookie of its own and its first tab."""

    context: BrowserContext
    base: str
    page: Page
    troubles: list[str] = field(default_factory=list)
    """Script errors, violations of the content security policy, dialogs, requests to elsewhere."""

    @classmethod
    def arrive(cls, browser: Browser, base: str, sight: Sight) -> Visitor:
        context = browser.new_context(
            viewport={"width": sight.width, "height": sight.height},
            color_scheme="dark" if sight.dark else "light",
            reduced_motion="reduce" if sight.calm else "no-preference",
            has_touch=sight.touch,
            is_mobile=sight.touch,
            bypass_csp=sight.bypass_csp,
            locale="en-GB",
        )
        context.set_default_timeout(15_000)
        visitor = cls(context, base, page=None)  # type: ignore[arg-type]
        visitor.page = visitor.tab()
        return visitor

    def tab(self) -> Page:
        """One more tab of this voter."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.troubles.append(f"script error: {error}"))
        page.on("dialog", self._spoken_to)
        page.on("console", self._heard)
        page.on("request", self._asked)
        page.on("popup", lambda popup: self.troubles.append(f"window: {popup.url}"))
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _HARMLESS.search(message.text):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _spoken_to(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        asked, own = urlsplit(request.url), urlsplit(self.base)
        if asked.scheme not in {"data", "blob"} and asked.netloc != own.netloc:
            self.troubles.append(f"request to elsewhere: {request.url}")

    # --- where it goes ---

    def go(self, path: str = "/") -> Page:
        """Open a path in the first tab and wait until it stands."""
        self.page.goto(self.base + path)
        settled(self.page)
        return self.page

    def sign_in(self, name: str, password: str) -> None:
        """Sign in on the page that asks for it."""
        self.go("/sign-in")
        self.page.locator("#name").fill(name)
        self.page.locator("#password").fill(password)
        self.page.locator("#password").press("Enter")
        expect(self.page.get_by_role("button", name=name)).to_be_visible()
        settled(self.page)

    def menu(self, key: str) -> None:
        """Take an entry of the menu."""
        self.page.locator(".opener").click()
        self.page.locator("#menu").get_by_text(say(key), exact=True).click()

    # --- what it does in the arena ---

    @property
    def status(self) -> Locator:
        """The round's one status line."""
        return self.page.get_by_role("status")

    @property
    def box(self) -> Locator:
        return self.page.locator("#prompt")

    def answer(self, side: str) -> Locator:
        """The article of a side, newest turn."""
        return self.page.locator("article[aria-busy]").nth(-2 if side == "a" else -1)

    def choice(self, kind: str) -> Locator:
        """A vote button."""
        return self.page.get_by_role("button", name=say(f"vote.{kind}"), exact=True)

    def button(self, key: str, **params: str | int) -> Locator:
        """A button by its message."""
        return self.page.get_by_role("button", name=say(key, **params))

    def ask(self, prompt: object, *, arrive: bool = True) -> Page:
        """Begin a round."""
        if arrive:
            self.go()
        self.box.fill(str(prompt))
        self.box.press("Enter")
        expect(self.choice("a")).to_be_visible()
        return self.page

    def asked(self, prompt: object) -> Page:
        """Begin a round and wait until both have finished."""
        self.ask(prompt)
        self.ready()
        return self.page

    def ready(self) -> None:
        expect(self.status).to_have_text(say("battle.status.ready"))

    def vote(self, kind: str) -> None:
        self.choice(kind).click()
        expect(self.button("after.show")).to_be_visible()

    def names(self) -> None:
        """Show the names."""
        self.button("after.show").click()
        expect(self.page.get_by_text(say("reveal.did"))).to_be_visible()

    def round(self, prompt: object, kind: str) -> None:
        """A whole round."""
        self.asked(prompt)
        self.vote(kind)
        self.names()


def settled(page: Page) -> None:
    """Wait until the screen stands: no placeholder left."""
    expect(page.locator("main")).to_be_attached()
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main .wait")).to_have_count(0)


def script(page: Page, code: str, argument: Any = None) -> Any:
    """Evaluate, typed as Any."""
    return page.evaluate(code, argument)
