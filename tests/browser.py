"""Finds, or gets, a Chromium for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from fieldmark.sandbox._chromium import OFF

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ["chromium", "fonts-dejavu-core"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    f"--disable-features={OFF}",
]


def find() -> str | None:
    """Path of a browser: FIELDMARK_CHROMIUM, one of this machine, or the one Playwright has downloaded."""
    given = os.environ.get("FIELDMARK_CHROMIUM")
    found = given or next((path for path in map(shutil.which, NAMES) if path), None)
    return found or _playwrights()


def _playwrights() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def ensure() -> str:
    """Path of a browser, installed now if there is none.

    Raises:
        SystemExit: it could not be installed; says what to do.
    """
    found = find()
    if found:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium by apt ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
        ):
            subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
    if not find():
        print("Installing Chromium by Playwright ...", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    found = find()
    if not found:
        raise SystemExit(
            "The tests need Chromium, and it could be installed neither by apt (needs root) nor by Playwright.\n"
            "Install it (`sudo apt install chromium`), or set FIELDMARK_CHROMIUM to the path of a Chromium or Chrome."
        )
    return found
