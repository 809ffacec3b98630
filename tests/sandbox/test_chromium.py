"""What a page sees of the host's files when nothing but bubblewrap holds it: real Chromium, real places."""

# ruff: noqa: ASYNC240 (tests look at the machine directly)
from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import fieldmark
from fieldmark.sandbox import Browser, _chromium, _roots
from tests import browser as chromium

HIDDEN = Path("scorecards/sets/repository-bugs/repositories/event-bus/hidden")
NOT_FOUND = "not there"


@pytest.fixture(autouse=True)
def _confined() -> None:
    chromium.ensure()
    if why := _chromium.unconfined():
        pytest.skip(why)


async def looked(paths: Iterable[Path]) -> list[str]:
    """What a fresh browser shows of files and folders, with none of the rules that `Visit` adds."""
    from playwright.async_api import Error

    async def look(running: Any) -> list[str]:
        context = await running.new_context()
        found = []
        for path in paths:
            page = await context.new_page()  # an error page may still be on its way in the last
            try:
                await page.goto(path.as_uri())
                found.append(await page.locator("body").inner_text())
            except Error as error:
                found.append(NOT_FOUND if "ERR_FILE_NOT_FOUND" in error.message else error.message)
        await context.close()
        return found

    browser = Browser()
    try:
        return await browser.do(look)
    finally:
        await browser.close()


async def test_hidden_tests_and_the_field_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Fieldmark is installed among the system's programs, which the browser needs."""
    packages, field = tmp_path / "usr" / "lib", tmp_path / "field" / "field.toml"
    own = packages / "fieldmark"
    shutil.copytree(Path(fieldmark.__file__).parent / HIDDEN.parent, own / HIDDEN.parent)
    hidden = own / HIDDEN / "test_meanwhile.py"
    (packages / "other.txt").write_text("of another package")
    field.parent.mkdir()
    field.write_text("the field's own")
    monkeypatch.setattr(_roots, "_SYSTEM", (*_roots._SYSTEM, str(packages.parent)))
    assert "def test_" in (await looked([hidden]))[0]  # as if it were somebody else's package

    real = Path(fieldmark.__file__).parent / HIDDEN / hidden.name
    monkeypatch.setattr(fieldmark, "__file__", str(own / "__init__.py"))
    other, *gone, listed = await looked(
        [packages / "other.txt", hidden, hidden.parent, real, field, field.parent, own]
    )
    assert "of another package" in other
    assert gone == [NOT_FOUND] * 5
    assert "scorecards" not in listed


async def test_only_programs_and_fonts_are_there() -> None:
    (root,) = await looked([Path("/")])
    seen = {line.partition("/")[0] for line in root.splitlines()}
    assert {"usr", "etc", "tmp"} <= seen
    browsers = Path(chromium.ensure()).resolve().parts[1]
    assert not ({"home", "mnt", "opt", "root", "srv", "work"} - {browsers}) & seen
    assert await looked([Path("/etc/passwd"), Path("/etc/hostname")]) == [NOT_FOUND] * 2
