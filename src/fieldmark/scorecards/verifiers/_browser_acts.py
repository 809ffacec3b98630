"""What declared browser checks may do on a page."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.sandbox import ORIGIN, Visit
from fieldmark.scorecards.verifiers._browser_target import Target


class Step(BaseModel):
    """One step of a check: its first field is its verb."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True
    )

    async def do(self, visit: Visit) -> None:
        """Do it, or look whether it is so. Raises AssertionError and Playwright's errors."""
        raise NotImplementedError

    @classmethod
    def verb(cls) -> str:
        """What the step is called in a check: its own first field."""
        name = next(iter(cls.__annotations__))
        return cls.model_fields[name].alias or name

    def __str__(self) -> str:
        said = self.model_dump(by_alias=True, exclude_defaults=True)
        verb = self.verb()
        object_ = getattr(self, next(iter(type(self).__annotations__)))
        rest = "".join(f", {name} {value!r}" for name, value in said.items() if name != verb)
        return (verb.replace("_", " ") + ("" if object_ is True else f" {_words(object_)}") + rest)[:200]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


class Goto(Step):
    """Open a page of the site."""

    goto: str
    """Path."""

    async def do(self, visit: Visit) -> None:
        await visit.page.goto(f"{ORIGIN}/{self.goto.lstrip('/')}")


class Click(Step):
    """Click with the mouse."""

    click: Target
    times: int = Field(default=1, ge=1, le=50)

    async def do(self, visit: Visit) -> None:
        for _ in range(self.times):
            await self.click.on(visit.page).click()


class DoubleClick(Step):
    """Click twice at once."""

    double_click: Target

    async def do(self, visit: Visit) -> None:
        await self.double_click.on(visit.page).dblclick()


class Fill(Step):
    """Put a text into a field, in place of what is there."""

    fill: Target
    with_: str = Field(alias="with")

    async def do(self, visit: Visit) -> None:
        await self.fill.on(visit.page).fill(self.with_)


class Type(Step):
    """Type a text key by key."""

    type: Target
    with_: str = Field(alias="with")

    async def do(self, visit: Visit) -> None:
        await self.type.on(visit.page).press_sequentially(self.with_)


class Press(Step):
    """Press a key, such as `Enter`, `ArrowRight` or `Shift+Tab`."""

    press: str
    on: Target | None = None
    """None: wherever the focus is."""
    times: int = Field(default=1, ge=1, le=50)

    async def do(self, visit: Visit) -> None:
        for _ in range(self.times):
            await (
                self.on.on(visit.page).press(self.press) if self.on else visit.page.keyboard.press(self.press)
            )


class Select(Step):
    """Choose an option of a list by its label."""

    select: Target
    option: str

    async def do(self, visit: Visit) -> None:
        await self.select.on(visit.page).select_option(label=self.option)


class Tick(Step):
    """Tick a box, or choose a radio button."""

    tick: Target
    off: bool = False
    """Untick it."""

    async def do(self, visit: Visit) -> None:
        await self.tick.on(visit.page).set_checked(not self.off)


class Hover(Step):
    """Move the mouse over it."""

    hover: Target

    async def do(self, visit: Visit) -> None:
        await self.hover.on(visit.page).hover()


class Focus(Step):
    """Set the focus."""

    focus: Target

    async def do(self, visit: Visit) -> None:
        await self.focus.on(visit.page).focus()


class Drag(Step):
    """Drag and drop with the mouse."""

    drag: Target
    to: Target

    async def do(self, visit: Visit) -> None:
        await self.drag.on(visit.page).drag_to(self.to.on(visit.page))


class Resize(Step):
    """Make the window so wide and so high, in CSS pixels."""

    resize: tuple[int, int]

    async def do(self, visit: Visit) -> None:
        width, height = self.resize
        await visit.page.set_viewport_size({"width": width, "height": height})


class Reload(Step):
    """Load the page again."""

    reload: Literal[True]

    async def do(self, visit: Visit) -> None:
        await visit.page.reload()


class Back(Step):
    """Go back in the history."""

    back: Literal[True]

    async def do(self, visit: Visit) -> None:
        await visit.page.go_back()


class Wait(Step):
    """Do nothing for so many milliseconds."""

    wait: int = Field(ge=0, le=5000)

    async def do(self, visit: Visit) -> None:  # noqa: ARG002
        await asyncio.sleep(self.wait / 1000)


class Pass(Step):
    """Let the page's clock run so many seconds ahead; its timers fire. Needs a `clock` in the settings."""

    pass_: float = Field(alias="pass", ge=0)

    async def do(self, visit: Visit) -> None:
        await visit.context.clock.fast_forward(round(self.pass_ * 1000))


class Dialogs(Step):
    """From now on say yes (accept) or no (dismiss) to confirm and prompt."""

    dialogs: Literal["accept", "dismiss"]

    async def do(self, visit: Visit) -> None:
        visit.answer = self.dialogs


class Prefers(Step):
    """The visitor's system is dark or light from now on."""

    prefers: Literal["dark", "light"]

    async def do(self, visit: Visit) -> None:
        await visit.page.emulate_media(color_scheme=self.prefers)


ACTS: tuple[type[Step], ...] = (
    Goto, Click, DoubleClick, Fill, Type, Press, Select, Tick, Hover, Focus, Drag, Resize, Reload, Back, Wait, Pass,
    Dialogs, Prefers,
)  # fmt: skip
