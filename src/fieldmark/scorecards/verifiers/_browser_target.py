"""How declared browser checks name a place on a page: as a person who reads it would, or by a CSS selector."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

WAYS = ("role", "label", "text", "placeholder", "alt", "title", "css")


def spaced(text: str) -> str:
    """A regular expression of that text; slashes are escaped since Playwright writes it between two of them."""
    return r"\s+".join(map(re.escape, text.split())).replace("/", r"\/")


def reading(text: str, *, part: bool = False) -> re.Pattern[str]:
    """Matches a text as people read it: case and white space do not count, nor the mark of a required field."""
    words = spaced(text)
    return re.compile(words if part else rf"^\s*{words}[\s:*]*(\(required\))?\s*$", re.IGNORECASE)


class Target(BaseModel):
    """A place on a page, for example `{ role = "button", name = "Send" }` or `{ label = "Email" }`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    role: str | None = None
    """ARIA role, explicit or by the element's nature."""
    name: str | None = None
    """With `role`: its accessible name."""
    label: str | None = None
    """A form field by its label."""
    text: str | None = None
    """The smallest element with that text."""
    placeholder: str | None = None
    alt: str | None = None
    title: str | None = None
    css: str | None = None
    """CSS selector."""
    part: bool = False
    """Part of the name or text is enough."""
    has: str | None = None
    """Only those that contain this text."""
    nth: int | None = None
    """Which one of several: 0 is the first, -1 the last."""
    inside: Target | None = None
    """Only within that one."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(getattr(self, way) is not None for way in WAYS) != 1:
            raise ValueError(f"a target needs exactly one of {', '.join(WAYS)}")
        if self.name is not None and self.role is None:
            raise ValueError("`name` goes with `role`")
        return self

    def on(self, page: Page) -> Locator:
        """Where that is on the page."""
        found = self._find(self.inside.on(page) if self.inside else page)
        if self.has is not None:
            found = found.filter(has_text=reading(self.has, part=True))
        return found if self.nth is None else found.nth(self.nth)

    def _find(self, root: Page | Locator) -> Locator:
        if self.css is not None:
            return root.locator(self.css)
        if self.role is not None:
            role: Any = self.role
            return root.get_by_role(role, name=self._read(self.name) if self.name else None)
        way = next(way for way in WAYS if getattr(self, way) is not None)
        if (
            self.label is not None
        ):  # a label may go on: with a hint, or with the options of the list that it holds
            return root.get_by_label(re.compile(rf"^\s*{spaced(self.label)}(?!\w)", re.IGNORECASE))
        by = {
            "text": root.get_by_text,
            "placeholder": root.get_by_placeholder,
            "alt": root.get_by_alt_text,
            "title": root.get_by_title,
        }[way]
        return by(self._read(getattr(self, way)))

    def _read(self, text: str | None) -> re.Pattern[str]:
        return reading(text or "", part=self.part)

    def __str__(self) -> str:
        way = next(way for way in WAYS if getattr(self, way) is not None)
        said = (
            f"{self.role} '{self.name}'" if way == "role" and self.name else f"{way} '{getattr(self, way)}'"
        )
        said += f" with '{self.has}'" if self.has else ""
        said += f" no. {self.nth + 1}" if self.nth is not None and self.nth >= 0 else ""
        said = f"last {said}" if self.nth == -1 else said
        return said + (f" in {self.inside}" if self.inside else "")
