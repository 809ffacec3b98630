"""Gets bubblewrap for the tests where that can be done without asking."""

from __future__ import annotations

import os
import shutil
import subprocess


def ensure() -> str:
    """Path of bubblewrap, installed now if there is none; else why not. Tests that need it then skip and say so."""
    if not shutil.which("bwrap") and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing bubblewrap by apt ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "bubblewrap"],
        ):
            subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
    from fieldmark.sandbox import Bubblewrap

    trouble = Bubblewrap.trouble()
    return f"none ({trouble})" if trouble else str(shutil.which("bwrap"))
