"""Which state of the code a soak ran on."""

from __future__ import annotations

import subprocess

from soak._workspace import ROOT


def commit() -> str:
    """The commit's short hash, and whether sources or tests differ from it."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--", "src", "tests", "soak")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + (" with changes not committed" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
