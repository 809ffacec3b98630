"""`python -m tests.setup`: everything the tests need besides Python packages. Prints what it does; never prompts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests import browser, bubblewrap

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Sandbox, browser, accessibility rules, and the model that the tests ask."""
    print(f"sandbox: {bubblewrap.ensure()}")
    print(f"browser: {browser.ensure()}")
    axe = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        raise SystemExit(
            "web/node_modules is missing: install again without FIELDMARK_SKIP_PAGE (`make clean test`)"
        )
    subprocess.run([sys.executable, "-m", "fieldmark", "models", "pull", "smollm2-135m"], check=True)


if __name__ == "__main__":
    main()
