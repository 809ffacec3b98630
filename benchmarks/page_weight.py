"""What a visitor's browser has to fetch, compressed."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks._row import Row, at_most, benchmark

KB = 1000


@benchmark("page: first load in a real browser, and the largest part loaded later (gzip -9)")
def run(fault: bool) -> Iterator[Row]:
    """With `fault`, nothing is compressed and all parts count as one."""
    from fieldmark.server._page import FOLDER

    first = _first_load()
    files = {
        path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()
    }
    weights = {name: len(body) if fault else len(gzip.compress(body, 9)) for name, body in files.items()}
    later = {
        name: weight
        for name, weight in weights.items()
        if name not in first and name.endswith((".js", ".css"))
    }
    yield at_most("first load", sum(weights[name] for name in first) / KB, "kB", 60, f"{len(first)} files")
    largest = max(later, key=lambda name: later[name])
    heaviest = sum(later.values()) if fault else later[largest]
    yield at_most("largest lazy part", heaviest / KB, "kB", 110, largest)


def _first_load() -> set[str]:
    """Files of the page that Chromium fetches to show `/`."""
    from playwright.sync_api import sync_playwright

    from tests import browser
    from tests.house import endpoint, served, write_field

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        field = write_field(Path(folder) / "field", endpoint("one", "http://127.0.0.1:9/v1", "m"))
        chromium = playwright.chromium.launch(executable_path=browser.ensure(), args=browser.ARGUMENTS)
        with served(field) as house:
            page = chromium.new_page()
            fetched: list[str] = []
            page.on("response", lambda response: fetched.append(response.url))
            page.goto(house.url)
            page.locator("main h1").wait_for()
            paths = [url.removeprefix(house.url).lstrip("/") or "index.html" for url in fetched]
            chromium.close()
    return {path for path in paths if not path.startswith("api/")}
