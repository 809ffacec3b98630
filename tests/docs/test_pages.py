"""The docs are followed as a reader would follow them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.docs.blocks import blocks, reader
from tests.house import Browser, endpoint, served, write_field
from tests.upstream import Upstream

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
HOW_TO = ROOT / "docs" / "how-to"
OWN_PAGES = ("rank-a-file", "recompute-and-verify", "openai-client", "put-it-in-front")
OWN_TESTS = {HOW_TO / f"{name}.md" for name in OWN_PAGES} | {
    HOW_TO / f"{name}.md"
    for name in ("postgresql", "back-up", "upgrade")  # tests/postgres
}
FOLLOWED = [page for page in PAGES if page not in OWN_TESTS and blocks(page.read_text())]


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work_from_an_empty_home(page: Path, tmp_path: Path) -> None:
    with reader(tmp_path) as somebody:
        somebody.follow(page.read_text())


def test_what_is_said_about_ranking_is_what_is_printed(tmp_path: Path) -> None:
    page = (HOW_TO / "rank-a-file.md").read_text()
    with reader(tmp_path) as somebody:
        somebody.follow(page)
    columns = "model,rating,se,lower,upper,rank_best,rank_worst,battles,component"
    assert columns in somebody.printed
    assert columns.replace(",", ", ") in page


def test_a_ledger_is_verified_exported_and_moved_as_described(tmp_path: Path) -> None:
    with Upstream() as upstream, served(write_field(tmp_path, _two(upstream, "amber", "birch"))) as house:
        asyncio.run(_vote(house.url))
    with reader(tmp_path) as somebody:
        somebody.follow((HOW_TO / "recompute-and-verify.md").read_text())
    assert somebody.printed.count("sound: ") == 5
    heads = re.findall(r"^head (\d+):", somebody.printed, re.MULTILINE)
    assert len(set(heads)) == 1


def test_an_openai_client_asks_as_described(tmp_path: Path) -> None:
    with Upstream() as upstream:
        two = _two(upstream, "smollm2-brief", "smollm2-plain")
        with served(write_field(tmp_path, two)) as house, reader(tmp_path, house.url) as somebody:
            somebody.follow((HOW_TO / "openai-client.md").read_text())
    assert somebody.printed.startswith("smollm2-brief\nsmollm2-plain\n")


def test_an_application_is_put_in_front_as_described(tmp_path: Path) -> None:
    with Upstream() as upstream:
        two = _two(upstream, "smollm2-brief", "smollm2-plain")
        with served(write_field(tmp_path, two)) as house, reader(tmp_path, house.url) as somebody:
            somebody.follow((HOW_TO / "put-it-in-front.md").read_text())
    assert '"result":"solved"' in somebody.printed
    assert re.search(r"100% \(\d% to 100%\) of 1", somebody.printed)


def _two(upstream: Upstream, first: str, second: str) -> str:
    more = 'system = "Speak."'
    return endpoint(first, upstream.url, "echo") + endpoint(second, upstream.url, "echo", more)


async def _vote(url: str) -> None:
    browser = await Browser(url).begin()
    for choice in ("a", "b", "tie"):
        battle = await browser.battle()
        voted = await browser.post(f"/api/v1/battles/{battle['id']}/vote", {"choice": choice})
        assert voted.status == 200, voted.text
