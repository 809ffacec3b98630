"""Contenders that do as the prompt tells them, so that one served field shows every fault.

A prompt such as `@1 refuse:429,recite:letter @2 held:door Write to me.` tells contender 1 to refuse its first request
and to write a letter at the second one, and contender 2 to wait in the middle until `open_door("door")`.
Without an order, a contender writes a letter. Everything of `tests.upstream` can be ordered, and what stands below.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
import threading
from collections import Counter
from pathlib import Path

from aiohttp import web

from tests import house, upstream
from tests.upstream import Turn

NAMES = {1: "amber-north", 2: "birch-south"}
LETTER = (
    "Dear Ms Okafor,\n\nthank you for your note of **Tuesday**. We can move the delivery to:\n\n"
    "1. Thursday morning, before ten\n2. Friday, at any time\n\nPlease tell us which suits you.\n\nKind regards"
)
TEXTS: dict[str, str] = {"letter": LETTER}
"""What `recite:KEY` says; tests add their own."""

OTHERWISE = {5: "recite:short"}
"""What a contender does that was told nothing; a letter if not said here."""

_doors: dict[str, threading.Event] = {}
_asked: Counter[tuple[str, int]] = Counter()
_lock = threading.Lock()


def open_door(name: str) -> None:
    """Let every answer behind `held:NAME` go on, now and later."""
    _door(name).set()


def open_all_doors() -> None:
    """Let everything go: a thread that still waits would keep the process from ending."""
    with _lock:
        for door in _doors.values():
            door.set()


def _door(name: str) -> threading.Event:
    with _lock:
        return _doors.setdefault(name, threading.Event())


def contenders(url: str, more: str = "") -> str:
    """TOML of both contenders behind an upstream."""
    return "\n".join(house.endpoint(name, url, f"told:{n}", more) for n, name in NAMES.items())


def field(folder: Path, url: str, *, policy: str = "", more: str = "", each: str = "") -> Path:
    """A small field of both; `policy`, `more` and `each` (of every contender) are TOML."""
    rules = f"[policy]\nmax_tokens = 1000000\nmax_prompt_characters = 200000\n{policy}"
    tags = '[reason_tags]\npositive = ["useful", "clear"]\nnegative = ["incorrect", "too long"]'
    rubric = '[[rubric]]\nid = "tone"\nquestion = "Is the tone right?"\nscale = 5'
    return house.write_field(folder, contenders(url, each), f"{more}\n{rules}\n\n{tags}\n\n{rubric}\n")


def _order(turn: Turn) -> str:
    number = int(turn.number or 0)
    orders = dict(re.findall(r"@(\d) (\S+)", turn.prompt))
    steps = str(orders.get(str(number), OTHERWISE.get(number, "recite:letter"))).split(",")
    with _lock:
        step = _asked[turn.prompt, number]
        _asked[turn.prompt, number] += 1
    return steps[min(step, len(steps) - 1)]


async def _told(turn: Turn) -> web.StreamResponse:
    order = _order(turn)
    behaviour, _, argument = order.partition(":")
    if behaviour == "recite":
        return await turn.end(await turn.words(TEXTS[argument]))
    if behaviour == "held":
        await turn.words("A first part stands here, ")
        await asyncio.to_thread(_door(argument).wait)
        return await turn.end(5 + await turn.words("and the second part came later."))
    if behaviour == "leak":
        return await turn.end(await turn.words(f"I am {NAMES[int(turn.number or 0)]} and glad to help."))
    number = float(argument) if argument else None
    return await upstream._BEHAVIOURS[behaviour](_copied(turn, number))


def _copied(turn: Turn, number: float | None) -> Turn:
    return Turn(turn.up, turn.request, turn.body, number)


upstream._BEHAVIOURS["told"] = _told


@dataclasses.dataclass(frozen=True)
class Orders:
    """Both orders as a prompt."""

    first: str = "recite:letter"
    second: str = "recite:letter"
    text: str = "Answer this letter."

    def __str__(self) -> str:
        return f"@1 {self.first} @2 {self.second} {self.text}"
