"""Chromium for pages that nobody trusts: inside bubblewrap without a network, driven from outside."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fieldmark.errors import SandboxError
from fieldmark.sandbox import _chromium

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import Playwright

T = TypeVar("T")
log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
"""So long after the last use Chromium is closed; the next use starts it again."""
LAUNCH_SECONDS = 60.0


class Browser:
    """A Chromium in a thread of its own, so that any event loop of the process may use it.

    It starts when first used, serves any number of fresh contexts at once, and is started anew after it died. Work that
    was under way then raises SandboxError: the browser's death is never the fault of what was on trial.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._starting: asyncio.Lock | None = None
        self._users = 0
        self._closing: asyncio.TimerHandle | None = None
        self.turns = asyncio.Semaphore(os.cpu_count() or 1)
        """Taken within `do` by work that is measured by time: more at once would be too slow for its limits."""
        self.starts = 0
        """How often Chromium was started."""

    @staticmethod
    def trouble() -> str | None:
        """Why there is no browser on this machine, and what would help; None when there is one."""
        return _chromium.trouble()

    @staticmethod
    def confined() -> str:
        """What keeps a page in, in words."""
        why = _chromium.unconfined()
        return f"the browser's own rules only ({why})" if why else "bubblewrap, without a network"

    async def do(self, work: Callable[[Chromium], Awaitable[T]]) -> T:
        """Run `work` with Chromium, in the browser's own event loop: Playwright's objects must not leave it.

        Raises SandboxError when there is no browser, or when it died meanwhile.
        """
        if trouble := self.trouble():
            raise SandboxError(trouble)
        future = asyncio.run_coroutine_threadsafe(self._do(work), self._home())
        return await asyncio.wrap_future(future)

    async def another(self) -> Chromium:
        """Called within `do`: one more Chromium, for who must share nothing with others. Contexts of one share what is
        copied and pasted. Whoever asked closes it. Raises SandboxError when it does not start.
        """
        return await self._launch()

    def keep(self) -> None:
        """Called within `do`: stay open beyond it, until `let_go`."""
        self._users += 1

    def let_go(self) -> None:
        """Called within `do`: what `keep` was for is over."""
        self._users -= 1

    async def _do(self, work: Callable[[Chromium], Awaitable[T]]) -> T:
        if self._closing:
            self._closing.cancel()
        self._users += 1
        try:
            chromium = await self._ready()
            try:
                return await work(chromium)
            except SandboxError:
                raise
            except Exception as error:
                if chromium.is_connected():
                    raise
                raise SandboxError(f"the browser died: {type(error).__name__}") from error
        finally:
            self._users -= 1
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(IDLE_SECONDS, self._rest)

    def _home(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._starting = asyncio.Lock()
                thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)
                thread.start()
                atexit.register(self._leave, self._loop, thread)
            return self._loop

    async def _ready(self) -> Chromium:
        assert self._starting is not None
        async with self._starting:
            if self._chromium is None or not self._chromium.is_connected():
                await self._stop()
                self._chromium = await self._start()
            return self._chromium

    async def _start(self) -> Chromium:
        from playwright.async_api import async_playwright

        if why := await asyncio.to_thread(_chromium.unconfined):
            log.warning("pages run without bubblewrap: %s; the browser itself refuses their requests", why)
        self._playwright = await async_playwright().start()
        return await self._launch()

    async def _launch(self) -> Chromium:
        from playwright.async_api import Error

        executable = _chromium.find()
        assert executable is not None
        assert self._playwright is not None
        why = await asyncio.to_thread(_chromium.unconfined)
        with tempfile.TemporaryDirectory(prefix="fieldmark-chromium-") as folder:
            try:
                chromium = await self._playwright.chromium.launch(
                    executable_path=executable if why else _chromium.wrapper(Path(folder), executable),
                    args=list(_chromium.FLAGS),
                    env=dict(_chromium.ENVIRONMENT),
                    handle_sigint=False,  # Ctrl-C is for us: we close it ourselves
                    handle_sigterm=False,
                    handle_sighup=False,
                    chromium_sandbox=_chromium.own_sandbox(confined=not why),
                    timeout=LAUNCH_SECONDS * 1000,
                )
            except Error as error:
                raise SandboxError(f"Chromium does not start: {error.message.splitlines()[0]}") from error
        self.starts += 1
        return chromium

    def _rest(self) -> None:
        if self._users == 0:
            self._resting = asyncio.ensure_future(self._stop())

    async def _stop(self) -> None:
        playwright, self._playwright = self._playwright, None
        chromium, self._chromium = self._chromium, None
        try:
            async with asyncio.timeout(10):
                if chromium and chromium.is_connected():
                    await chromium.close()
                if playwright:
                    await playwright.stop()
        except Exception as error:  # it is thrown away either way
            log.warning("the browser did not close: %s", error)

    async def kill(self) -> None:
        """Called within `do`: end Chromium, since something in it does not come back."""
        await self._stop()

    async def close(self) -> None:
        """Close Chromium now; the next use starts it again. What is under way fails with SandboxError."""
        if self._loop is not None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._stop(), self._loop))

    def _leave(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
        """At exit: let no process outlive this one."""
        asyncio.run_coroutine_threadsafe(self._stop(), loop).result(timeout=15)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)


BROWSER = Browser()
"""The one of this process."""
