"""`python -m tests.generated [--write]`: generated files, version numbers and the page's types."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator

from tests.generated import MEND, ROOT, stale, write
from tests.generated._node import environment, npm


def main() -> int:
    """0: all is as it should be. 1: not so; says what and how to mend it."""
    parser = argparse.ArgumentParser(prog="python -m tests.generated", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the files instead of comparing them")
    if parser.parse_args().write:
        for path in write():
            print(f"wrote {path}")
        return 0
    problems = [
        f"{path} is not what the code gives:\n{found}\nTo mend it: {MEND}" for path, found in stale().items()
    ]
    problems += [*versions(), *page_types()]
    print("\n\n".join(problems) or "generated files, versions and the page's types agree")
    return 1 if problems else 0


def versions() -> Iterator[str]:
    """One version number everywhere: package, page, newest entry of the changelog."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    page = json.loads((ROOT / "web" / "package.json").read_text())["version"]
    if page != version:
        yield f"web/package.json says {page}, pyproject.toml {version}"
    newest = re.search(r"^## \[(?!Unreleased)([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if newest is None or newest[1] != version:
        yield f"the newest entry of CHANGELOG.md is {newest and newest[1]}, pyproject.toml says {version}"


def page_types() -> Iterator[str]:
    """What svelte-check and tsc find wrong in the page."""
    done = subprocess.run(
        [*npm(), "run", "--silent", "check"],
        cwd=ROOT / "web",
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        yield f"`npm run check` in web/ failed:\n{done.stdout}{done.stderr}"


if __name__ == "__main__":
    raise SystemExit(main())
