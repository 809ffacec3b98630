"""One Chromium and one served field for the whole folder; each test visits with browsers of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests import browser
from tests.e2e import documents, screens, screens_of_scores, screens_of_work, told, work
from tests.e2e.screens import Stage
from tests.e2e.visitor import Sight, Visitor
from tests.house import Served, endpoint, write_field
from tests.upstream import Upstream

Visit = Callable[..., Visitor]

expect.set_options(timeout=15_000)


# Scope "package": Playwright keeps a loop running in this thread, which asynchronous tests elsewhere do not bear.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser.ensure(), args=browser.ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def upstream() -> Iterator[Upstream]:
    with Upstream() as serving:
        yield serving
        told.open_all_doors()


@pytest.fixture(scope="package")
def field(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two contenders that do as they are told; quick rules."""
    folder = told.field(
        tmp_path_factory.mktemp("field") / "desk", upstream.url, policy="undo_seconds = 3\nhang_seconds = 1.5"
    )
    with Served(folder) as served:
        yield served


@pytest.fixture(scope="package")
def stage(
    chromium: Browser, field: Served, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Fields with many votes, with few votes for many contenders, and with nothing; see `screens.STATES`."""
    assert documents.DOCUMENT in told.TEXTS.values()
    folder = tmp_path_factory.mktemp("stage")
    many = told.contenders(upstream.url) + "".join(
        endpoint(f"rival-{n}" if n else "l" * 64, upstream.url, "told:9") for n in range(4)
    )
    crowded = write_field(folder / "crowd", many)
    (crowded / "contenders").mkdir()
    (crowded / "contenders" / "guest.toml").write_text(
        f'name = "guest"\nkind = "endpoint"\nurl = "{upstream.url}"\nmodel = "told:9"\n'
    )
    screens.cast(field.url, ["a", "b", "tie", "both_bad", "a", "b"] * 3, "letters")
    screens.cast_not_blind(field.url)
    with (
        Served(crowded) as crowd,
        Served(write_field(folder / "bare", "")) as bare,
        Served(work.field(folder / "front", upstream.url)) as front,
        Served(told.field(folder / "closed", upstream.url, more=work.PROVIDER)) as closed,
        Served(told.field(folder / "scored", upstream.url)) as scored,
    ):
        screens_of_scores.fill(scored)
        screens_of_work.fill(front, closed)
        screens.cast(crowd.url, ["a", "b", "tie", "a", "b"])
        built = Stage(chromium, field, crowd, bare, front, closed, scored)
        yield built
        told.open_door("stage")
        built.close()


# Of a wide scope: pytest then runs all tests of a state one after the other, and one page is open at a time.
@pytest.fixture(scope="package", params=screens.STATES)
def state(stage: Stage, request: pytest.FixtureRequest) -> Iterator[str]:
    """Every state of `screens.STATES` in turn."""
    yield str(request.param)
    stage.close()


@pytest.fixture
def visit(chromium: Browser, field: Served) -> Iterator[Visit]:
    """`visit(url=…, width=…, dark=…)` is a new browser; at the end, none of them may have met trouble."""
    there: list[Visitor] = []

    def arrive(url: str = field.url, **sight: int | bool) -> Visitor:
        visitor = Visitor.arrive(chromium, url, Sight(**sight))  # type: ignore[arg-type]
        there.append(visitor)
        return visitor

    yield arrive
    troubles = [trouble for visitor in there for trouble in visitor.troubles]
    for visitor in there:
        visitor.context.close()
    assert troubles == []


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """A browser at a desk."""
    return visit()
