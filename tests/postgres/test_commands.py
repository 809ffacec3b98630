"""`fieldmark ledger copy`, `backup`, `restore` as a person types them, and the pages that describe them."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import Reader
from tests.house import Browser, served, two
from tests.pg import postgres
from tests.upstream import Upstream

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
WRITTEN = "postgresql://fieldmark:PASSWORD@localhost/letters"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def field(tmp_path: Path, upstream: Upstream) -> Path:
    """A field with two votes."""
    folder = two(tmp_path / "field", upstream)
    with served(folder) as house:
        asyncio.run(vote(house.url))
    return folder


async def vote(url: str) -> None:
    browser = await Browser(url).begin()
    for choice in ("a", "tie"):
        await browser.vote((await browser.battle())["id"], choice)


def fieldmark(*arguments: str | Path, cwd: Path, url: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FIELDMARK_DATABASE")}
    return subprocess.run(
        [sys.executable, "-m", "fieldmark", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=120,
        env=environment | ({"FIELDMARK_DATABASE_URL": url} if url else {}),
    )


def head(cwd: Path, url: str | None = None) -> str:
    done = fieldmark("ledger", "head", cwd=cwd, url=url)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_field_moves_to_postgresql_and_is_served_from_there(
    field: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = head(field)
    with postgres() as url:
        done = fieldmark("ledger", "copy", ".", url, cwd=field)
        assert done.returncode == 0, done.stderr
        assert f"head {before}" in done.stdout
        assert head(field, url) == before
        again = fieldmark("ledger", "copy", ".", url, cwd=field)
        assert again.returncode == 2
        assert "is not empty" in again.stderr
        monkeypatch.setenv("FIELDMARK_DATABASE_URL", url)
        with served(field) as house:
            asyncio.run(vote(house.url))
            refused = fieldmark("ledger", "restore", "nothing", cwd=field, url=url)
            assert "there is no file" in refused.stderr
        assert int(head(field, url).split(":")[0]) > int(before.split(":")[0])
    assert head(field) == before


def test_a_served_field_is_not_copied_or_replaced_but_backed_up(field: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with served(field):
        assert fieldmark("ledger", "backup", backup, cwd=field).returncode == 0
        moves: tuple[tuple[str, ...], ...] = (
            ("copy", ".", str(tmp_path / "copy.db")),
            ("restore", str(backup), "--replace"),
        )
        for command in moves:
            done = fieldmark("ledger", *command, cwd=field)
            assert done.returncode == 1, done.stdout
            assert "served already" in done.stderr
    assert not (tmp_path / "copy.db").exists()
    assert (field / ".fieldmark" / "ledger.db").exists()


def test_a_restore_that_fails_leaves_what_was_there(field: Path, tmp_path: Path) -> None:
    before = head(field)
    notes = tmp_path / "notes.db"
    notes.write_text("not a database")
    done = fieldmark("ledger", "restore", notes, "--replace", cwd=field)
    assert done.returncode == 2
    assert "is no backup" in done.stderr
    assert head(field) == before


class OnPostgres(Reader):
    """Has set the variable, as the page says."""

    url = ""

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), **({"FIELDMARK_DATABASE_URL": self.url} if self.url else {})}


def test_the_page_on_postgresql_can_be_followed(field: Path) -> None:
    page = (HOW_TO / "postgresql.md").read_text()
    with postgres() as url, OnPostgres(field) as reader:
        reader.follow(page.replace(WRITTEN, f"'{url}'"))
    assert len(set(re.findall(r"\d+:[0-9a-f]{64}", reader.printed))) == 1
    assert "sound: " in reader.printed


@pytest.mark.parametrize(
    ("name", "engine"), [("back-up", "sqlite"), ("back-up", "postgresql"), ("upgrade", "sqlite")]
)
def test_the_pages_on_backups_and_upgrades_can_be_followed(name: str, engine: str, field: Path) -> None:
    page = (HOW_TO / f"{name}.md").read_text()
    with postgres() as url, OnPostgres(field) as reader:
        if engine == "postgresql":
            assert fieldmark("ledger", "copy", ".", url, cwd=field).returncode == 0
            page, reader.url = page.split("In a folder that has a database")[0], url
        reader.follow(page)
    assert "and verified: " in reader.printed
    assert len(set(re.findall(r"\d+:[0-9a-f]{64}", reader.printed))) == 1
