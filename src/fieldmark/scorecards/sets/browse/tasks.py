"""Twenty pages of MiniWoB++, by keyboard, mouse and screen. A page is judged by its own reward, read from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fieldmark.errors import InputError
from fieldmark.sandbox import Look, Serve, from_folder
from fieldmark.scorecards import BrowserScene, Budget, ScriptFault, Solution, Stage, Task
from fieldmark.scorecards.verifiers import make

from .hand import Hand
from .pages import PAGES

BEGIN = """seed => {
  core.EPISODE_MAX_TIME = 36e5;
  Math.seedrandom(seed);
  core.startEpisodeReal();
  core.startEpisode = () => {};  // the end is the end: no second problem, no second reward
  document.getElementById("reward-display").style.display = "none";
}"""


class MiniWob(BrowserScene):
    """One page of the package, with the problem that the trial's seed draws."""

    screen = Look(width=400, height=300)

    @property
    def start(self) -> str:
        return f"miniwob/{self.task.id}.html"

    def serve(self) -> Serve:
        return from_folder(_pages())

    async def ready(self, page: Any) -> None:
        await page.evaluate(BEGIN, str(self.seed))
        self.asked = await page.evaluate("core.getUtterance()")

    async def begin(self) -> str:
        return f"{await super().begin()}\n\n{self.asked}"

    async def seen(self, page: Any) -> Any:
        return await page.evaluate("({ done: WOB_DONE_GLOBAL, reward: WOB_RAW_REWARD_GLOBAL })")


@cache
def _pages() -> Path:
    found = find_spec("miniwob")
    if found is None or found.origin is None:
        raise InputError(
            "the pages of 'browse' are in the package miniwob", hint="pip install 'fieldmark[browser]'"
        )
    return Path(found.origin).parent / "html"


def tasks() -> list[Task]:
    return [_task(name) for name in PAGES]


def _task(name: str) -> Task:
    return Task(
        id=name,
        title=name.replace("-nodelay", "").replace("-", " ").capitalize(),
        tags=["miniwob"],
        kind="page",
        instruction=(
            "A page is open in a browser. Use it with your tools, as a person would by mouse and keyboard, and do what "
            "it asks. What counts is the page; say that you are done when it is done."
        ),
        uses=frozenset({"browser"}),
        scene=MiniWob,
        budget=Budget(steps=30, tokens=200_000, seconds=300),
        verifier=make("state", {"is": {"done": True, "reward": 1}}),
        oracle=Solution(answer="Done.", play=partial(_play, PAGES[name], slip=False)),
        cheats={
            "says-that-it-is-done": Solution(answer="Done: the reward is 1."),
            "asks-for-the-reward": Solution(answer="Done.", play=_reward),
        },
        wrong={"one-slip": Solution(answer="Done.", play=partial(_play, PAGES[name], slip=True))},
    )


async def _play(page: Callable[[Hand, bool], Awaitable[None]], stage: Stage, *, slip: bool) -> str:
    hand = Hand(stage)
    await hand.look()
    try:
        await page(hand, slip)
    except (LookupError, RuntimeError, ValueError) as error:  # the page is not as the script expects
        raise ScriptFault(f"{stage.scene.task.id}: {type(error).__name__}: {error}") from error
    return "Done."


async def _reward(stage: Stage) -> str:
    """Tries the keys of a browser's tools and an address with a script: a page in a tab knows neither."""
    for key in ("Control+l", "F12", "Control+Shift+J"):
        await stage.call("press", {"key": key})
    await stage.call("type", {"text": "javascript:core.endEpisode(1)\n"})
    await stage.call("run_script", {"script": "core.endEpisode(1)"})
    return "Done."
