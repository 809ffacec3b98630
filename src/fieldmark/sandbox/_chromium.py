"""Which Chromium there is, and how it is started so that nothing of the host and no network is in its reach."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fieldmark.sandbox import _roots
from fieldmark.sandbox._base import Mount

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
OFF = (
    # Two pages of an address bar that nobody sees, loaded into every window: most of what a window costs.
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    # What Playwright turns off: of two such lists the browser takes the last.
    "AimEnabled,AvoidCorsURLLoaderRestartOnRedirect,AvoidUnnecessaryBeforeUnloadCheckSync,"
    "DestroyProfileOnBrowserClose,HttpsFirstBalancedModeAutoEnable,HttpsUpgrades,LensOverlay,MediaRouter,"
    "NetworkTimeServiceQuerying,OptimizationHints,PaintHolding,PreconnectToSearch,ThirdPartyStoragePartitioning"
)
"""Features that Chromium shall leave out."""
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    f"--disable-features={OFF}",
    "--js-flags=--max-old-space-size=512",
    # Without bubblewrap these are what keeps a page's sockets at home: no name resolves, and the only proxy is dead.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
FONTS = "/var/cache/fontconfig"
"""Without it Chromium looks through all fonts at every start."""
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC"}  # noqa: S108 - a tmpfs of its own
"""All that the browser sees of the environment: no key of the field's."""


def find() -> str | None:
    """Path of a Chromium: FIELDMARK_CHROMIUM, one of this machine, or the one that Playwright has downloaded."""
    given = os.environ.get("FIELDMARK_CHROMIUM")
    return given or next((path for path in map(shutil.which, NAMES) if path), None) or _downloaded()


def _downloaded() -> str | None:
    """Where `playwright install chromium` puts it; read from the folder, since asking Playwright starts its driver."""
    cache_home = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path(cache_home) / "ms-playwright"))
    found = sorted(folder.glob("chromium-*/chrome-linux*/chrome"), key=lambda path: path.stat().st_mtime)
    return str(found[-1]) if found else None


def trouble() -> str | None:
    """Why there is no browser on this machine, and what would help; None when there is one."""
    if find_spec("playwright") is None:
        return "Playwright is not installed: pip install 'fieldmark[browser]'"
    path = find()
    if path is None:
        return (
            "no Chromium was found: install it (`sudo apt install chromium`, or `playwright install chromium`), "
            "or set FIELDMARK_CHROMIUM to the path of a Chromium or Chrome"
        )
    return None if Path(path).exists() else f"FIELDMARK_CHROMIUM names '{path}', which does not exist"


def prefix(executable: str) -> list[str]:
    """The bubblewrap command before Chromium's own: no network, no host files but programs and fonts, own processes."""
    inside = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
    ]
    for name, value in ENVIRONMENT.items():
        inside += ["--setenv", name, value]
    for path in ("/tmp", "/run", "/dev/shm"):  # noqa: S108 - inside, each new and empty
        inside += ["--dev", "/dev"] if path == "/dev/shm" else []  # noqa: S108
        inside += ["--tmpfs", path]
    home = str(Path(executable).resolve().parent)
    inside += _roots.places([Mount(home, home)])
    return [*inside, "--ro-bind-try", FONTS, FONTS, "--proc", "/proc", "--chdir", "/tmp"]  # noqa: S108


@cache
def unconfined() -> str | None:
    """Why Chromium cannot run inside bubblewrap here; None when it can."""
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed"
    try:
        tried = subprocess.run(
            [*prefix("/usr/bin/true"), "/usr/bin/true"], check=False, capture_output=True, timeout=20
        )
    except subprocess.TimeoutExpired:
        return "bubblewrap does not come back"
    return None if tried.returncode == 0 else tried.stderr.decode(errors="replace").strip() or "it fails"


def wrapper(folder: Path, executable: str) -> str:
    """A program that starts Chromium inside bubblewrap, for Playwright to call: its pipe is on descriptors 3 and 4."""
    path = folder / "chromium"
    path.write_text(f'#!/bin/sh\nexec {shlex.join([*prefix(executable), executable])} "$@"\n')
    path.chmod(0o755)
    return str(path)


def own_sandbox(*, confined: bool) -> bool:
    """Whether Chromium's own sandbox is on: it cannot be nested in bubblewrap, nor be had by root."""
    return not confined and os.geteuid() != 0
