"""What declared browser checks may expect of a page. Each waits until it is so, or its time is over."""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from fieldmark.sandbox import Visit
from fieldmark.scorecards.verifiers._browser_acts import ACTS, Step
from fieldmark.scorecards.verifiers._browser_target import Target, reading, spaced


def _expect(target: Target, visit: Visit) -> Any:
    from playwright.async_api import expect

    return expect(target.on(visit.page))


def _milliseconds(visit: Visit) -> float:
    return visit.look.seconds * 1000


class _Words(Step):
    """One of `is` (the whole text), `has` (part of it) and `matches` (regular expression, case counts)."""

    is_: str | None = Field(default=None, alias="is")
    has: str | None = None
    matches: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(way is not None for way in (self.is_, self.has, self.matches)) != 1:
            raise ValueError("one of `is`, `has`, `matches` is needed")
        if self.matches is not None:
            re.compile(self.matches)
        return self

    @property
    def pattern(self) -> re.Pattern[str]:
        """What the text must match."""
        if self.matches is not None:
            return re.compile(self.matches)
        return (
            reading(self.has, part=True)
            if self.is_ is None and self.has is not None
            else _whole(self.is_ or "")
        )


def _whole(text: str) -> re.Pattern[str]:
    return re.compile(rf"^\s*{spaced(text)}\s*$", re.IGNORECASE)


class Visible(Step):
    """It is there and can be seen."""

    visible: Target

    async def do(self, visit: Visit) -> None:
        await _expect(self.visible, visit).to_be_visible(timeout=_milliseconds(visit))


class Hidden(Step):
    """It is not there, or cannot be seen."""

    hidden: Target

    async def do(self, visit: Visit) -> None:
        await _expect(self.hidden, visit).to_be_hidden(timeout=_milliseconds(visit))


class Count(Step):
    """There are so many."""

    count: Target
    is_: int = Field(alias="is", ge=0)

    async def do(self, visit: Visit) -> None:
        await _expect(self.count, visit).to_have_count(self.is_, timeout=_milliseconds(visit))


class Text(_Words):
    """Its text."""

    text: Target

    async def do(self, visit: Visit) -> None:
        await _expect(self.text, visit).to_have_text(
            self.pattern, use_inner_text=True, timeout=_milliseconds(visit)
        )


class Texts(Step):
    """The whole texts of all that are found, in order."""

    texts: Target
    are: list[str]

    async def do(self, visit: Visit) -> None:
        wanted = [_whole(text) for text in self.are]
        await _expect(self.texts, visit).to_have_text(
            wanted, use_inner_text=True, timeout=_milliseconds(visit)
        )


class Value(_Words):
    """What stands in a field."""

    value: Target

    async def do(self, visit: Visit) -> None:
        await _expect(self.value, visit).to_have_value(self.pattern, timeout=_milliseconds(visit))


class Attribute(_Words):
    """An attribute of it."""

    attribute: Target
    name: str

    async def do(self, visit: Visit) -> None:
        await _expect(self.attribute, visit).to_have_attribute(
            self.name, self.pattern, timeout=_milliseconds(visit)
        )


class Style(_Words):
    """A computed CSS property of it, as the browser writes it: `rgb(0, 0, 0)`."""

    style: Target
    property: str

    async def do(self, visit: Visit) -> None:
        await _expect(self.style, visit).to_have_css(
            self.property, self.pattern, timeout=_milliseconds(visit)
        )


class Ticked(Step):
    """A box is ticked, a radio button chosen."""

    ticked: Target
    is_: bool = Field(default=True, alias="is")

    async def do(self, visit: Visit) -> None:
        await _expect(self.ticked, visit).to_be_checked(checked=self.is_, timeout=_milliseconds(visit))


class Enabled(Step):
    """It can be used."""

    enabled: Target
    is_: bool = Field(default=True, alias="is")

    async def do(self, visit: Visit) -> None:
        await _expect(self.enabled, visit).to_be_enabled(enabled=self.is_, timeout=_milliseconds(visit))


class Focused(Step):
    """It has the focus."""

    focused: Target

    async def do(self, visit: Visit) -> None:
        await _expect(self.focused, visit).to_be_focused(timeout=_milliseconds(visit))


class Title(_Words):
    """The page's title."""

    title: Literal[True]

    async def do(self, visit: Visit) -> None:
        from playwright.async_api import expect

        await expect(visit.page).to_have_title(self.pattern, timeout=_milliseconds(visit))


class Url(_Words):
    """The page's address."""

    url: Literal[True]

    async def do(self, visit: Visit) -> None:
        from playwright.async_api import expect

        await expect(visit.page).to_have_url(self.pattern, timeout=_milliseconds(visit))


class Storage(_Words):
    """What the site keeps in localStorage, read from outside."""

    storage: str
    """Key."""

    async def do(self, visit: Visit) -> None:
        kept = await visit.context.storage_state()
        values = [
            item["value"]
            for o in kept["origins"]
            for item in o["localStorage"]
            if item["name"] == self.storage
        ]
        seen = values[0] if values else None
        found = seen is not None and self.pattern.search(seen)
        assert found, f"saw {seen!r} in localStorage"


class Dialog(_Words):
    """An alert, confirm or prompt said that."""

    dialog: Literal[True]

    async def do(self, visit: Visit) -> None:
        said = visit.seen.dialogs
        assert any(map(self.pattern.search, said)), f"dialogs said {said[:5]}"


class NoErrors(Step):
    """No exception, and no error in the console."""

    no_errors: Literal[True]

    async def do(self, visit: Visit) -> None:
        assert not visit.seen.errors, f"saw {visit.seen.errors[:3]}"


class NoRequests(Step):
    """Nothing outside the site was asked for."""

    no_requests: Literal[True]

    async def do(self, visit: Visit) -> None:
        assert not visit.seen.refused, f"asked for {visit.seen.refused[:3]}"


class Fits(Step):
    """Nothing has to be scrolled sideways."""

    fits: Literal[True]

    async def do(self, visit: Visit) -> None:
        session = await visit.context.new_cdp_session(visit.page)
        metrics = await session.send("Page.getLayoutMetrics")
        await session.detach()
        wide, window = metrics["cssContentSize"]["width"], metrics["cssLayoutViewport"]["clientWidth"]
        assert wide <= window + 1, f"the page is {wide:g} pixels wide, the window {window:g}"


class Above(Step):
    """The first ends before the second begins, from top to bottom."""

    above: tuple[Target, Target]

    async def do(self, visit: Visit) -> None:
        first, second = [await _box(target, visit) for target in self.above]
        low, high = first["y"] + first["height"], second["y"]
        assert low <= high + 1, f"the first ends at {low:g}, the second begins at {high:g}"


class Beside(Step):
    """The first ends before the second begins, from left to right, and they share some height."""

    beside: tuple[Target, Target]

    async def do(self, visit: Visit) -> None:
        first, second = [await _box(target, visit) for target in self.beside]
        right, left = first["x"] + first["width"], second["x"]
        assert right <= left + 1, f"the first ends at {right:g}, the second begins at {left:g}"
        shared = min(first["y"] + first["height"], second["y"] + second["height"]) - max(
            first["y"], second["y"]
        )
        assert shared > 0, "they do not stand beside each other"


async def _box(target: Target, visit: Visit) -> Any:
    await _expect(target, visit).to_be_visible(timeout=_milliseconds(visit))
    return await target.on(visit.page).bounding_box()


EXPECTATIONS: tuple[type[Step], ...] = (
    Visible, Hidden, Count, Text, Texts, Value, Attribute, Style, Ticked, Enabled, Focused, Title, Url, Storage, Dialog,
    NoErrors, NoRequests, Fits, Above, Beside,
)  # fmt: skip
STEPS: dict[str, type[Step]] = {step.verb(): step for step in (*ACTS, *EXPECTATIONS)}
"""Every step by its verb."""
