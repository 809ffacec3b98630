"""A page by keyboard, mouse and screen: the tools of whoever takes a task in a browser, and the scene around it.

A contender sees the accessibility tree as text, with a reference and a box for each element; the picture of the screen
is there as well, for whoever takes pictures (`Scene.picture`), and stays with the trial.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from fieldmark.errors import SandboxError
from fieldmark.sandbox import BROWSER, ORIGIN, Look, Serve, Visit, from_files
from fieldmark.scorecards._stage import Scene
from fieldmark.scorecards._task import Tool, ToolRefusal

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

T = TypeVar("T")
SHOWN = 8_000
"""Characters of a page that are told at once."""
OPEN_SECONDS = 30.0
PICTURES = 40
"""Pictures kept of one trial; the last one is always among them."""
PICTURES_BYTES = 700_000
NAMES = frozenset({"look", "click", "hover", "type", "press", "select", "scroll", "drag"})
"""What the tools of a browser are called."""

Ref = Annotated[str | None, Field(description="reference of an element, such as e12, from the last look")]
X = Annotated[float | None, Field(description="instead of a reference: pixels from the left edge")]
Words = Annotated[
    str | None, Field(description="instead of a reference: the whole visible text of an element")
]
Y = Annotated[float | None, Field(description="pixels from the top")]


class BrowserScene(Scene):
    """A task in a browser. Subclass it: `serve` and `start` say which page, `ready` prepares it, `seen` reads it.

    By itself it serves the task's files. `ready` and `seen` run beside the page, out of the contender's reach.
    """

    start: str = "/"
    """Path of the first page."""
    screen: Look = Look(width=600, height=450)

    def serve(self) -> Serve:
        """The site."""
        files = {**self.task.files, **(self.variant.files if self.variant else {})}
        return from_files(files)

    async def ready(self, page: Page) -> None:
        """Prepare the page that was just opened."""

    async def seen(self, page: Page) -> Any:
        """What is so on the page at the end, as JSON: `state` of the attempt."""
        return {"url": page.url, "title": await page.title()}

    async def open(self) -> None:
        """Open the page. Raises SandboxError when there is no browser."""
        await super().open()
        self.picture: bytes | None = None
        self._pictures: dict[str, bytes] = {}
        self._state: Any = None
        self._visit: Visit | None = None
        await self._do(self._enter)
        self.hands = (*self.hands, *_Hands(self._act).tools())

    async def _enter(self, _: Any) -> None:
        from playwright.async_api import Error

        chromium = await BROWSER.another()  # what one trial copies another must not paste
        try:
            self._visit = await Visit.open(chromium, self.serve(), self.screen, own=True)
        except BaseException:
            await chromium.close()
            raise
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._visit.page.goto(f"{ORIGIN}/{self.start.lstrip('/')}", timeout=OPEN_SECONDS * 1000)
                await self.ready(self._visit.page)
            await self._photograph()
        except (Error, TimeoutError) as error:
            raise SandboxError(f"the task's page does not open: {str(error).splitlines()[:1]}") from error

    async def _do(self, work: Callable[[Any], Awaitable[T]]) -> T:
        try:
            return await BROWSER.do(work)
        except Exception as error:
            if isinstance(error, SandboxError) or self._visit is None or self._visit.alive:
                raise
            raise SandboxError(f"the browser died: {type(error).__name__}") from error

    async def _act(self, act: Callable[[Page], Awaitable[None]]) -> str:
        """Do something on the page; how it looks then. Raises ToolRefusal with what the browser says."""
        return await self._do(lambda _: self._acted(act))

    async def _acted(self, act: Callable[[Page], Awaitable[None]]) -> str:
        from playwright.async_api import Error

        assert self._visit is not None
        page = self._visit.page
        try:
            async with asyncio.timeout(
                self.screen.seconds * 2
            ):  # mouse and keyboard know no limit of their own
                await act(page)
                await page.wait_for_timeout(50)  # what a click sets going is seen at once
                told = await described(page)
        except TimeoutError:
            raise ToolRefusal("the page does not answer") from None
        except Error as error:
            if not self._visit.alive:
                raise
            await self._photograph()
            raise ToolRefusal(_words(error.message)) from None
        await self._photograph()
        return told

    async def _photograph(self) -> None:
        assert self._visit is not None
        self.picture = await self._visit.picture() or None
        if self.picture is None:
            return
        number = len(self._pictures) + 1
        if number > PICTURES or sum(map(len, self._pictures.values())) + len(self.picture) > PICTURES_BYTES:
            return
        path = f"pictures/{number:02}.png"
        self._pictures[path] = self.picture
        self.note("picture", path=path)

    async def files(self) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        """Artifacts of the sandbox, if there is one, and the pictures. Also reads the page for `state`."""
        files, left = await super().files()
        self._state = await self._do(self._read)
        return {**files, **self._pictures}, left

    async def _read(self, _: Any) -> Any:
        from playwright.async_api import Error

        if self._visit is None:
            return None
        try:
            async with asyncio.timeout(self.screen.seconds * 2):
                return await self.seen(self._visit.page)
        except TimeoutError:
            return None  # the page hangs
        except Error:
            if not self._visit.alive:
                raise
            return None  # it has gone elsewhere, or crashed

    def state(self) -> Any:
        """As `seen` read it."""
        return self._state

    async def close(self) -> None:
        """Throw the profile away."""
        await super().close()
        visit, self._visit = self._visit, None
        if visit is not None:
            await self._do(lambda _: visit.close())


async def described(page: Page) -> str:
    """The page as a text: its accessibility tree, each element with `[ref=...]` and `[box=left,top,width,height]`."""
    tree = await page.aria_snapshot(mode="ai", boxes=True)
    if len(tree) > SHOWN:
        tree = tree[:SHOWN] + f"\n[{len(tree) - SHOWN} characters left out: scroll, or look at a part]"
    return tree or "[the page is empty]"


def _words(message: str) -> str:
    """What the browser says, without its log, in words for the contender."""
    first = message.split("Call log:", maxsplit=1)[0].strip()
    first = re.sub(r"^(Locator|Page|Mouse|Keyboard)\.\w+: ", "", first)
    if "Timeout" in first:
        intercepted = re.search(r"(<[^>]+>).* intercepts pointer events", message)
        first = "it could not be done in time" + (f": {intercepted[1]} is in the way" if intercepted else "")
    return first[:300]


def _one(page: Page, ref: str) -> Locator:
    if not re.fullmatch(r"(f\d+)?e\d+", ref):
        raise ToolRefusal(f"'{ref}' is no reference; they look like e12 and stand in the last look")
    return page.locator(f"aria-ref={ref}")


async def _place(
    page: Page, ref: str | None, x: float | None, y: float | None, text: str | None = None
) -> tuple[float, float]:
    """Where to point. Raises ToolRefusal."""
    if ref is not None or text is not None:
        one = page.get_by_text(text or "", exact=True).first if ref is None else _one(page, ref)
        if not await one.count():
            raise ToolRefusal("there is no such element (any more); look again")
        await one.scroll_into_view_if_needed()
        box = await one.bounding_box()
        if box is None:
            raise ToolRefusal("it is not on the screen")
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    if x is None or y is None:
        raise ToolRefusal("say where: by a reference, or by x and y")
    return x, y


Act = Callable[["Page"], Awaitable[None]]


class _Hands:
    """Mouse, keyboard and eyes on one page; each act gives the page as it looks afterwards."""

    def __init__(self, act: Callable[[Act], Awaitable[str]]) -> None:
        self._act = act

    def tools(self) -> Sequence[Tool]:
        """As a contender is given them."""
        each = (self.look, self.click, self.hover, self.type, self.press, self.select, self.scroll, self.drag)
        return tuple(Tool.of(one) for one in each)

    async def look(self) -> str:
        """See the page: its elements with their references ([ref=e12]) and boxes ([box=left,top,width,height])."""

        async def nothing(_: Page) -> None: ...

        return await self._act(nothing)

    async def click(
        self,
        ref: Ref = None,
        x: X = None,
        y: Y = None,
        text: Words = None,
        times: Annotated[int, Field(ge=1, le=3)] = 1,
    ) -> str:
        """Click an element, or a point of the screen. `times` 2 is a double click."""

        async def do(page: Page) -> None:
            at = await _place(page, ref, x, y, text)
            await page.mouse.click(*at, click_count=times)

        return await self._act(do)

    async def hover(self, ref: Ref = None, x: X = None, y: Y = None) -> str:
        """Move the mouse there."""

        async def do(page: Page) -> None:
            await page.mouse.move(*await _place(page, ref, x, y))

        return await self._act(do)

    async def type(
        self,
        text: Annotated[str, Field(max_length=5000)],
        ref: Ref = None,
        clear: Annotated[bool, Field(description="empty the field before")] = False,
    ) -> str:
        """Type a text by the keyboard: into the element, which is clicked first, or wherever the focus is."""

        async def do(page: Page) -> None:
            if ref is not None:
                await page.mouse.click(*await _place(page, ref, None, None))
            if clear:
                await page.keyboard.press("ControlOrMeta+a")
                await page.keyboard.press("Delete")
            await page.keyboard.type(text)

        return await self._act(do)

    async def press(
        self,
        key: Annotated[
            str, Field(description="such as Enter, Tab, ArrowDown, Backspace, Control+a, Shift+Tab")
        ],
        times: Annotated[int, Field(ge=1, le=100)] = 1,
    ) -> str:
        """Press a key, with others held if it says so."""

        async def do(page: Page) -> None:
            for _ in range(times):
                await page.keyboard.press(key)

        return await self._act(do)

    async def select(self, ref: str, option: Annotated[str, Field(description="its text")]) -> str:
        """Choose an option of a list (a combobox or listbox element)."""

        async def do(page: Page) -> None:
            await _one(page, ref).select_option(label=option)

        return await self._act(do)

    async def scroll(
        self,
        down: Annotated[float, Field(description="pixels; negative is up")],
        ref: Ref = None,
        x: X = None,
        y: Y = None,
    ) -> str:
        """Turn the mouse wheel, over an element or a point if given."""

        async def do(page: Page) -> None:
            if ref is not None or x is not None:
                await page.mouse.move(*await _place(page, ref, x, y))
            await page.mouse.wheel(0, down)

        return await self._act(do)

    async def drag(self,
        ref: Ref = None, x: X = None, y: Y = None, to_ref: Ref = None, to_x: X = None, to_y: Y = None,
        button: Literal["left", "right"] = "left",
    ) -> str:  # fmt: skip
        """Press the mouse on one place, move it to another, and let go."""

        async def do(page: Page) -> None:
            begin = await _place(page, ref, x, y)
            end = await _place(page, to_ref, to_x, to_y)
            await page.mouse.move(*begin)
            await page.mouse.down(button=button)
            await page.mouse.move(*end, steps=10)
            await page.mouse.move(*end)
            await page.mouse.up(button=button)

        return await self._act(do)
