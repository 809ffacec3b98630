"""Task sets to look at scorecards with: a post room with tools, talk and pictures; a slow one; one nobody tried."""

from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from fieldmark.scorecards import (
    Attempt,
    Grading,
    Scene,
    Solution,
    Task,
    TaskSet,
    Tool,
    ToolRefusal,
    Variant,
    Verdict,
    Verifier,
)
from tests.e2e.screens import apart
from tests.house import Browser, Served

WEIGHTS = {"letter": 20, "parcel": 1850, "brochure": 340, "card": 5}
UNTRIED = "No stamp is needed on what stays in the house."
ABOUT = """
Small jobs of a post room, each with a tool that knows what nobody can guess: `weigh` the thing, then say what
it weighs.

The scale is honest, and the answers are whole grams.
"""


def png(width: int = 160, height: int = 90) -> bytes:
    """A picture: a teal stamp."""
    row = b"\x00" + b"".join(bytes((11, 93 + y, 102)) for y in range(width))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(row * height))
        + chunk(b"IEND", b"")
    )


class Holds(Verifier):
    """Passes when the answer holds a word; breaks on one seed in `breaks`."""

    kind: ClassVar[str] = "holds"

    def __init__(self, word: str, breaks: int = 0) -> None:
        self.word = word
        self.breaks = breaks

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.word}{self.breaks}".encode()).hexdigest()

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        if self.breaks and attempt.seed % self.breaks == 0:
            raise RuntimeError("the scale fell off the table")
        passed = self.word in attempt.answer.lower()
        said = "as it is" if passed else f"it is {self.word}; the answer was {attempt.answer[:60]!r}"
        return Verdict.of(passed, said)


def weigh(item: str, unit: Literal["g", "kg"] = "g", rounded: bool = True) -> str:
    """Put something on the scale and read what it weighs."""
    if item not in WEIGHTS:
        raise ToolRefusal(f"there is no {item} here; here are: {', '.join(WEIGHTS)}")
    grams = WEIGHTS[item]
    return f"{grams / 1000} kg" if unit == "kg" else f"{grams} g" if rounded else f"{grams}.0 g"


class Counter(Scene):
    """Somebody at the counter who wants a word before it is over."""

    async def hear(self, text: str) -> str | None:
        return None if "thank" in text.lower() else "And what do I owe you?"


class Stamping(Scene):
    """It is seen on a picture and leaves files."""

    async def begin(self) -> str:
        self.note("picture", path="stamp.png")
        return await super().begin()

    async def files(self) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
        left = {"stamp.png": png(), "list.txt": b"one stamp, teal\n", "roll.bin": bytes(2000)}
        return left, {"film.mp4": "larger than what is kept"}


def _weighing(item: str, grams: int, breaks: int) -> Task:
    answer = f"It weighs {grams} grams."
    other = Variant("in-a-hurry", "paraphrase", f"Quick: how heavy is the {item}? In grams.")
    return Task(
        id=f"weigh-{item}",
        title=f"Weigh the {item}",
        instruction=f"How much does the {item} weigh, in grams? Use the scale.",
        verifier=Holds(str(grams), breaks=breaks if item == "card" else 0),
        tools=[Tool.of(weigh)],
        variants=[other],
        oracle=Solution(answer=answer, calls=[("weigh", {"item": item})]),
        wrong={"guess": Solution(answer="It weighs about 77 grams.", calls=[("weigh", {"item": "bag"})])},
    )


def tasks(breaks: int = 9) -> list[Task]:
    """Six jobs; the scale of one breaks on one seed in `breaks`."""
    return [
        *(_weighing(item, grams, breaks) for item, grams in WEIGHTS.items()),
        Task(
            id="counter",
            title="At the counter",
            instruction="Serve the customer; end with thanks.",
            verifier=Holds("thank"),
            scene=Counter,
            oracle=Solution(says=["Good morning."], answer="Two euros. Thank you!"),
        ),
        Task(
            id="stamp",
            title="Choose the stamp " + "with a title that is far too long for one line of a phone " * 2,
            instruction="Which colour has the stamp in the picture? " + "Look closely. " * 120,
            verifier=Holds("teal"),
            scene=Stamping,
            oracle=Solution(answer="Teal."),
        ),
    ]


class Slow(Scene):
    """Takes a moment."""

    async def begin(self) -> str:
        await asyncio.sleep(0.25)
        return await super().begin()


def slow(count: int = 12) -> TaskSet:
    """Jobs that take a moment each."""
    made = [
        Task(id=f"job-{n}", title=f"Job {n}", instruction="Done?", verifier=Holds("done"), scene=Slow,
             oracle=Solution(answer="Done."))
        for n in range(count)
    ]  # fmt: skip
    return TaskSet("slow-jobs", made, title="Slow jobs")


def furnish(served: Served, breaks: int = 9) -> None:
    """Put the sets before the server."""
    made = served.house.runs.catalogue.made
    made["post-room"] = TaskSet("post-room", tasks(breaks), title="Post room", description=ABOUT)
    made["slow-jobs"] = slow()
    made["untried"] = TaskSet("untried", tasks()[:2], title="Untried", description=UNTRIED)
    made["to-take"] = TaskSet("to-take", tasks()[:3], title="To be taken", description=ABOUT)


async def _run(url: str, name: str, body: dict[str, Any]) -> str:
    client = await Browser(url).begin()
    reply = await client.post(f"/api/v1/scorecards/{name}/runs", {"unchecked": True, **body})
    assert reply.status == 202, reply.text
    run: dict[str, Any] = reply.json
    async with asyncio.timeout(60):
        while run["state"] == "running":
            await asyncio.sleep(0.05)
            run = (await client.get(f"/api/v1/runs/{run['id']}")).json
    assert run["state"] == "ended", run
    return str(run["id"])


def run(served: Served, *contenders: str, name: str = "post-room", trials: int = 4) -> str:
    """Run a set to its end; the run's id."""
    body = {"contenders": list(contenders), "trials": trials, "variants": True, "seed": 7}
    return apart(lambda: asyncio.run(_run(served.url, name, body)))


def trial(served: Served, **which: str) -> str:
    """Id of the first trial of the post room that fits, failing first."""

    async def find() -> str:
        client = await Browser(served.url).begin()
        query = "&".join(f"{key}={value}" for key, value in which.items())
        page = (await client.get(f"/api/v1/scorecards/post-room/trials?{query}")).json
        return str(page["trials"][0]["id"])

    return apart(lambda: asyncio.run(find()))
