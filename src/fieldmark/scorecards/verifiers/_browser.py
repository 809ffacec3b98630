"""`browser`: declared steps in a real browser against the site that a contender left."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from fieldmark.errors import SandboxError
from fieldmark.sandbox import BROWSER, Look, Visit, from_files
from fieldmark.scorecards._attempt import Attempt
from fieldmark.scorecards._verdict import Grading, Verdict
from fieldmark.scorecards.verifiers._base import Check, Settings, settings_of, wrong
from fieldmark.scorecards.verifiers._browser_acts import Goto, Step
from fieldmark.scorecards.verifiers._browser_expect import STEPS

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium

CHECK_SECONDS = 30.0
"""Longest time of one check, all its steps together."""
SLOW_SECONDS = 8.0
"""A machine on which an empty page takes longer cannot judge anybody."""
PICTURE_BYTES = 200_000
PICTURES_BYTES = 900_000


def _step(given: Any) -> Step:
    if not isinstance(given, dict):
        raise ValueError("a step is a table such as { click = { text = 'Send' } }")
    verbs = [key for key in given if key in STEPS]
    if not verbs:
        raise ValueError(f"no step is called {', '.join(given) or '(nothing)'}; there are {', '.join(STEPS)}")
    return STEPS[verbs[0]].model_validate(given)


AnyStep = Annotated[Any, BeforeValidator(_step)]


class PageCheck(Settings):
    """One check, in a fresh profile: steps, then what is expected. Either may hold acts and expectations."""

    name: str
    """What is so when it passes, for people."""
    steps: Sequence[AnyStep] = ()
    """Without a `goto` as the first one, the site's first page is opened."""
    expect: Sequence[AnyStep] = ()
    width: int | None = Field(default=None, ge=200, le=3000)
    height: int | None = Field(default=None, ge=200, le=3000)
    dark: bool = False
    """The visitor's system prefers dark pages."""
    clock: str | None = None
    """As in the settings, for this check."""
    files: Mapping[str, str] = {}
    """Path within the site to a text that is served in place of the file: data that a page must really read."""

    @property
    def begins_at_the_first_page(self) -> bool:
        """Without it nothing of the check can pass."""
        begin = self.all_steps[0]
        return isinstance(begin, Goto) and begin.goto.partition("#")[0] in ("", "/")

    @property
    def all_steps(self) -> Sequence[Step]:
        """From the first page to the last expectation."""
        given: list[Step] = [*self.steps, *self.expect]
        return given if given and isinstance(given[0], Goto) else [Goto(goto="/"), *given]


class BrowserSettings(Settings):
    """Settings of `browser`."""

    site: str = "site"
    """Folder of the working folder that is served; its files have to be among the task's artifacts."""
    checks: Sequence[PageCheck] = ()
    file: str | None = None
    """A TOML file of the task with more checks, such as `hidden/checks.toml`: `[[checks]]`, and a `clock` for all."""
    seconds: float = Field(default=4.0, gt=0, le=20)
    """How long one step may take, and how long an expectation is waited for."""
    width: int = Field(default=1000, ge=200, le=3000)
    height: int = Field(default=700, ge=200, le=3000)
    clock: str | None = None
    """Date and time at which the page's clock begins (ISO 8601, UTC); without it the machine's."""


class _More(Settings):
    clock: str | None = None
    checks: Sequence[PageCheck]


class Browser(Check):
    """`browser`: passes when every check does; the score is the share that does. A picture of each is evidence.

    The site runs in Chromium without a network, and is looked at from outside: nothing that it does can touch the
    verdict. A page that hangs or crashes fails the check; a browser that dies makes the trial void.
    """

    kind = "browser"
    needs_browser = True
    Settings = BrowserSettings
    settings: BrowserSettings

    def read(self, settings: BrowserSettings) -> None:
        """Take the settings over, and read the file of checks."""
        self.settings = settings
        self.checks = [*settings.checks, *self._more(settings.file)]
        if not self.checks:
            raise wrong("checks", "there are no checks", "[[checks]] with name, steps and expect")

    def _more(self, file: str | None) -> Sequence[PageCheck]:
        if file is None:
            return ()
        try:
            more = settings_of(_More, tomllib.loads(self.text(file, "file")))
            return [check.model_copy(update={"clock": check.clock or more.clock}) for check in more.checks]
        except tomllib.TOMLDecodeError as error:
            raise wrong("file", f"'{file}' is no TOML: {error}") from None

    def decides(self) -> Sequence[Path]:
        """The file of checks."""
        return [self.folder / self.settings.file] if self.settings.file else []

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:  # noqa: ARG002
        """Visit the site once for each check."""
        first = f"{self.settings.site}/index.html"
        if first not in attempt.files and all(check.begins_at_the_first_page for check in self.checks):
            return Verdict.of(False, f"there is no {first}")
        return await BROWSER.do(lambda chromium: self._judge(chromium, attempt))

    async def _judge(self, chromium: Chromium, attempt: Attempt) -> Verdict:
        failed: list[str] = []
        pictures: list[tuple[bool, str, bytes]] = []
        hangs = False
        for number, check in enumerate(self.checks, 1):
            if hangs:
                failed.append(f"{check.name}: not tried, since the page hangs")
                continue
            async with BROWSER.turns:
                why, hangs, picture = await self._try(chromium, attempt, check)
            if why:
                failed.append(f"{check.name}: {why}")
            pictures.append((not why, f"pictures/{number:02}.png", picture))
        if failed:
            await _fast_enough(chromium)
        good = len(self.checks) - len(failed)
        words = f"{good} of {len(self.checks)} checks passed" + "".join(f"\n- {why}" for why in failed)
        return Verdict.of(not failed, words, score=good / len(self.checks), evidence=_bounded(pictures))

    async def _try(self, chromium: Chromium, attempt: Attempt, check: PageCheck) -> tuple[str, bool, bytes]:
        """Why it failed (empty: it passed), whether the page hangs, and a picture."""
        said = self.settings
        look = Look(
            width=check.width or said.width,
            height=check.height or said.height,
            clock=check.clock or said.clock,
            dark=check.dark,
            seconds=said.seconds,
        )
        changed = {f"{said.site}/{path}": text.encode() for path, text in check.files.items()}
        visit = await Visit.open(chromium, from_files({**attempt.files, **changed}, said.site), look)
        try:
            why = await _why_not(visit, check)
            picture = b"" if visit.seen.crashed else await visit.picture()
            return why, bool(why) and not picture, picture
        finally:
            await visit.close()


async def _why_not(visit: Visit, check: PageCheck) -> str:
    from playwright.async_api import Error

    step: Step | None = None
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            for step in check.all_steps:
                await step.do(visit)
    except TimeoutError:
        why = "took too long"
    except (AssertionError, Error) as error:
        if not visit.alive:
            raise
        why = "the page crashed" if visit.seen.crashed else _short(str(error))
    else:
        return ""
    return f"{step}: {why}"


def _short(message: str) -> str:
    """The first words of a message of Playwright's, without its log."""
    before = message.split("Call log:", maxsplit=1)[0]
    _, found, seen = before.partition("Actual value:")
    if found:
        before = f"saw: {seen.partition('Error:')[0].strip() or 'nothing'}"
    lines = [line.strip() for line in before.splitlines() if line.strip()]
    return "; ".join(lines)[:300]


async def _fast_enough(chromium: Chromium) -> None:
    """Raises SandboxError when the browser is too slow to judge anybody: then what failed failed for that."""
    try:
        async with asyncio.timeout(SLOW_SECONDS):
            visit = await Visit.open(chromium, lambda _: b"<p>here</p>")
            try:
                await visit.page.goto(visit.origin)
            finally:
                await visit.close()
    except TimeoutError:
        raise SandboxError("the browser is too slow on this machine now to judge a site") from None


def _bounded(pictures: Sequence[tuple[bool, str, bytes]]) -> dict[str, bytes]:
    """Pictures that may be kept, those of failed checks first."""
    kept: dict[str, bytes] = {}
    room = PICTURES_BYTES
    for _, path, picture in sorted(pictures, key=lambda one: one[0]):
        if 0 < len(picture) <= min(PICTURE_BYTES, room):
            kept[path] = picture
            room -= len(picture)
    return dict(sorted(kept.items()))
