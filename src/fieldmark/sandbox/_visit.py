"""A visit to pages that nobody trusts: a fresh profile, one site served from memory, and nothing else in reach."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from fieldmark.errors import SandboxError
from fieldmark.sandbox._browser import BROWSER, Browser

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, Route

ORIGIN = "http://site.localhost"
"""Where every site is served: a secure context, as `localhost` is for whoever develops it."""
MOST_NOTES = 50
CLOSE_SECONDS = 10.0

Serve = Callable[[str], bytes | None]
"""Path without the leading `/` (decoded) to the file's content; None when there is none."""


def from_files(files: Mapping[str, bytes], folder: str = "") -> Serve:
    """Serve files of memory, those under `folder`; a folder's own page is its `index.html`."""
    start = f"{folder.strip('/')}/" if folder.strip("/") else ""

    def serve(path: str) -> bytes | None:
        return files.get(start + path)

    return serve


def from_folder(folder: Path) -> Serve:
    """Serve a folder of this machine; no path leads out of it."""
    home = folder.resolve()

    def serve(path: str) -> bytes | None:
        file = (home / path).resolve()
        return file.read_bytes() if file.is_relative_to(home) and file.is_file() else None

    return serve


@dataclass(frozen=True)
class Look:
    """How the visitor's browser is set up."""

    width: int = 1000
    height: int = 700
    clock: str | None = None
    """Date and time at which the page's clock begins (ISO 8601); None: now. The zone is always UTC."""
    dark: bool = False
    """The visitor prefers dark pages."""
    reduced_motion: bool = True
    seconds: float = 5.0
    """Longest time of one act; opening a page may take four times as long."""


@dataclass
class Seen:
    """What the page did that is not on it."""

    errors: list[str] = field(default_factory=list)
    """Exceptions and console errors."""
    dialogs: list[str] = field(default_factory=list)
    """What alert, confirm and prompt said."""
    refused: list[str] = field(default_factory=list)
    """Addresses outside the site that it asked for."""
    crashed: bool = False
    """Its renderer died, as of memory used up. The browser itself lives on."""

    def add(self, notes: list[str], text: str) -> None:
        """Note a text; the first ones count."""
        if len(notes) < MOST_NOTES:
            notes.append(text[:300])


async def _quietly(act: Awaitable[None]) -> None:
    """What a page asked for may come too late: then the tab is gone, and nobody is interested."""
    from playwright.async_api import Error

    with suppress(Error):
        await act


class Visit:
    """One fresh profile with one tab. Make and use it within `Browser.do`; Playwright's `page` is its tab."""

    def __init__(
        self, serve: Serve, context: BrowserContext, look: Look, browser: Browser, *, own: bool = False
    ) -> None:
        self.serve = serve
        self.context = context
        self.look = look
        self.seen = Seen()
        self.answer: Literal["accept", "dismiss"] = "accept"
        """How dialogs are answered."""
        self.page: Page
        self._browser = browser
        self._own = own

    @property
    def origin(self) -> str:
        """Where the site is served."""
        return ORIGIN

    @property
    def alive(self) -> bool:
        """Whether the browser itself still lives."""
        return self.context.browser is not None and self.context.browser.is_connected()

    @classmethod
    async def open(
        cls,
        chromium: Chromium,
        serve: Serve,
        look: Look = Look(),
        *,
        browser: Browser = BROWSER,
        own: bool = False,
    ) -> Visit:
        """Open a tab, still empty. `own`: the Chromium is this visit's alone, and is closed with it."""
        context = await chromium.new_context(
            viewport={"width": look.width, "height": look.height},
            service_workers="block",
            accept_downloads=False,
            locale="en-US",
            timezone_id="UTC",
            color_scheme="dark" if look.dark else "light",
            reduced_motion="reduce" if look.reduced_motion else "no-preference",
        )
        visit = cls(serve, context, look, browser, own=own)
        browser.keep()
        try:
            await visit._set_up()
        except BaseException:
            await visit.close()
            raise
        return visit

    async def _set_up(self) -> None:
        context, seen = self.context, self.seen
        context.set_default_timeout(self.look.seconds * 1000)
        context.set_default_navigation_timeout(self.look.seconds * 4000)  # a busy machine, not the page
        await context.route("**/*", self._route)
        if self.look.clock:
            await context.clock.install(time=self.look.clock)
        self.page = await context.new_page()
        context.on("page", self._popup)
        context.on("dialog", self._dialog)
        context.on("weberror", lambda error: seen.add(seen.errors, str(error.error)))
        context.on("console", self._console)
        self.page.on("crash", self._crash)

    async def _route(self, route: Route, request: Request) -> None:
        """Answer from the files, or refuse."""
        address = urlsplit(request.url)
        if f"{address.scheme}://{address.netloc}" != ORIGIN:
            self.seen.add(self.seen.refused, request.url)
            await _quietly(route.abort("blockedbyclient"))
            return
        path = unquote(address.path).lstrip("/")
        body, found = self._file(path)
        if body is None:
            empty = path == "favicon.ico"  # browsers ask by themselves: no error of the page's
            await _quietly(route.fulfill(status=204 if empty else 404, body="" if empty else "not found"))
            return
        kind = mimetypes.guess_type(found)[0] or "application/octet-stream"
        if kind.startswith("text/") or kind.endswith(("javascript", "json")):
            kind += "; charset=utf-8"
        await _quietly(route.fulfill(status=200, body=body, content_type=kind))

    def _file(self, path: str) -> tuple[bytes | None, str]:
        clean = PurePosixPath(path)
        if ".." in clean.parts:
            return None, path
        for name in (str(clean), f"{clean}/index.html") if path else ("index.html",):
            if (body := self.serve(name)) is not None:
                return body, name
        return None, path

    async def _popup(self, page: Page) -> None:
        """One tab is enough; what opens beside it is closed, so that a page cannot flood the browser."""
        self.seen.add(self.seen.refused, f"another tab: {page.url}")
        await _quietly(page.close())

    async def _dialog(self, dialog: Dialog) -> None:
        self.seen.add(self.seen.dialogs, dialog.message)
        await _quietly(dialog.accept() if self.answer == "accept" else dialog.dismiss())

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.add(self.seen.errors, message.text)

    def _crash(self, *_: Any) -> None:
        self.seen.crashed = True

    async def picture(self) -> bytes:
        """A PNG of what the window shows; empty when the page hangs."""
        from playwright.async_api import Error

        try:
            return await self.page.screenshot(timeout=self.look.seconds * 1000, animations="disabled")
        except Error:
            return b""

    async def close(self) -> None:
        """Throw the profile away. A tab that does not let go takes the browser with it."""
        self._browser.let_go()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._own and self.context.browser is not None:
                    await self.context.browser.close()
                    return
                await self.context.close()
        except TimeoutError:
            await self._browser.kill()
        except Exception as error:
            if self.alive:
                raise SandboxError(f"a tab could not be closed: {error}") from error
