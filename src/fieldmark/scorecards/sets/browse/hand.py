"""How a script sees and uses a page: by the same tools as any contender."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fieldmark.scorecards import ScriptFault, Stage

LINE = re.compile(
    r"""^\s*-\s'?(?P<role>[a-z]+)(?:\s(?P<name>"(?:[^"\\]|\\.)*"))?(?P<marks>(?:\s\[[^\]]*\])*)'?(?::\s?(?P<text>.*))?$"""
)


@dataclass(frozen=True)
class Element:
    """One line of a look."""

    role: str
    name: str
    text: str
    marks: str

    @property
    def ref(self) -> str:
        found = re.search(r"\[ref=(\w+)\]", self.marks)
        return found[1] if found else ""

    @property
    def box(self) -> tuple[float, float, float, float]:
        found = re.search(r"\[box=([-\d.]+),([-\d.]+),([-\d.]+),([-\d.]+)\]", self.marks)
        if not found:
            raise ScriptFault(f"no box: {self}")
        return (float(found[1]), float(found[2]), float(found[3]), float(found[4]))

    @property
    def middle(self) -> tuple[float, float]:
        left, top, width, height = self.box
        return left + width / 2, top + height / 2


class Hand:
    """The tools, and what was seen last."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.goal = str(stage.messages[-1]["content"])
        self.seen: list[Element] = []

    async def use(self, tool: str, **arguments: object) -> None:
        call = await self.stage.call(tool, arguments)
        if call.error:
            raise ScriptFault(f"{tool} {arguments}: {call.result}")
        self.seen = [_element(line) for line in call.result.splitlines() if LINE.match(line)]

    async def look(self) -> None:
        await self.use("look")

    def all(self, role: str) -> list[Element]:
        return [element for element in self.seen if element.role == role and element.ref]

    def one(self, role: str, name: str | None = None) -> Element:
        fitting = [e for e in self.all(role) if name is None or name in (e.name, e.text)]
        if not fitting:
            raise ScriptFault(f"there is no {role} '{name}'")
        return fitting[0]

    async def click(self, role: str, name: str | None = None) -> None:
        await self.use("click", ref=self.one(role, name).ref)

    async def submit(self) -> None:
        await self.click("button", "Submit")

    def asked(self, pattern: str) -> tuple[str, ...]:
        """The parts of what is asked, from the task's words."""
        found = re.search(pattern, self.goal)
        if not found:
            raise ScriptFault(f"the page asks something else: {self.goal}")
        return found.groups()


def _element(line: str) -> Element:
    found = LINE.match(line)
    assert found
    name = re.sub(r"\\(.)", r"\1", (found["name"] or '""')[1:-1])
    text = (found["text"] or "").strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return Element(found["role"], name, text, found["marks"] or "")
