"""What must stand in no file of the repository, and what the README promises."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.endings import mend

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]

HOSTS = re.compile(
    # nobody's
    r"(127|h|x|me|host|(.*\.)?(example|invalid|test|internal|localhost)|(.*\.)?example\.(com|org))"
    r"|(www\.)?(apache|w3|rfc-editor|arxiv|doi|semver|keepachangelog|json-schema|c2sp)(\.org|\.com)"
    r"|.*\.readthedocs\.io"
)
FUNDING = re.compile(
    r"(github|opencollective|paulmillr|tidelift)\.com"
)  # package-lock.json repeats authors' words
PATHS = re.compile(r"(?<![\w.~/-])/(root|work|home/\w+|Users/\w+|mnt|workspace)/")
UNDONE = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")


@cache
def texts() -> dict[str, str]:
    """The tracked files (in a source package without git: all of it), except pictures and this list itself."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = (
        listed.stdout.split("\0")[:-1]
        if listed.returncode == 0
        else [str(p.relative_to(ROOT)) for p in _unpacked()]
    )
    found = {}
    for name in names:
        if (ROOT / name).is_file() and not name.endswith((".png", ".gz")):
            found[name] = (ROOT / name).read_text("utf-8")
    found.pop("tests/docs/test_repository.py", None)
    return found


def _unpacked() -> list[Path]:
    folders = ("src", "web/src", "tests", "docs", "examples", "benchmarks", "soak")
    return [
        p
        for folder in folders
        for p in (ROOT / folder).rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    ]


def test_no_path_of_somebodys_machine() -> None:
    assert [(name, m[0]) for name, text in texts().items() if (m := PATHS.search(text))] == []


def test_every_address_is_this_machine_a_reserved_name_or_a_standard() -> None:
    strange = {
        (name, host)
        for name, text in texts().items()
        for url in re.findall(r"\bhttps?://[^\s\"'`<>)\\,;]+", text)
        for host in [_host(url)]
        if host
        and not HOSTS.fullmatch(host)
        and not _reserved(host)
        and not (name == "web/package-lock.json" and FUNDING.fullmatch(host))
    }
    assert strange == set()


def _reserved(host: str) -> bool:
    """An address that nobody on the internet has."""
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        return False


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return f"[{host}]" if ":" in host else host if re.fullmatch(r"[a-z0-9.-]+", host) else ""


def test_locks_name_no_registry() -> None:
    assert '"resolved"' not in texts()["web/package-lock.json"]
    assert not re.search(
        r"^\s*(-i|--(extra-)?index-url|--find-links)|@ http", texts()["constraints.txt"], re.MULTILINE
    )


def test_nothing_is_left_undone() -> None:
    assert [(name, m[0]) for name, text in texts().items() if (m := UNDONE.search(text))] == []


def test_the_readmes_commands_exist_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    promised = set(re.findall(r"^\s*make (\w+)", README, re.MULTILINE))
    assert {"up", "test"} <= promised
    assert promised <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_the_prerequisites_are_the_same_everywhere() -> None:
    line = "sudo apt install python3 python3-venv make git"
    for name in ("README.md", "CONTRIBUTING.md", "docs/tutorial/index.md", "docs/index.md"):
        assert line in (ROOT / name).read_text(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_the_pages_outside_the_site_resolve(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)|(?:src|srcset)=\"([^\"]+)\"", page.read_text())
    assert [target for pair in links for target in pair if target and not (ROOT / target).exists()] == []


def test_endings_are_mended_once(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"text\n\n\n")
    assert mend(file)
    assert file.read_bytes() == b"text\n"
    assert not mend(file)
