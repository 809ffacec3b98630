"""`python -m tests.docs.endings FILE...`: every text file ends with one newline; those that do not are mended."""

from __future__ import annotations

import sys
from pathlib import Path


def mend(path: Path) -> bool:
    """Whether the file had to be changed."""
    data = path.read_bytes()
    right = data.rstrip(b"\r\n") + b"\n" if data.strip() else data
    if right == data:
        return False
    path.write_bytes(right)
    return True


if __name__ == "__main__":
    changed = [name for name in sys.argv[1:] if mend(Path(name))]
    print("\n".join(f"mended {name}" for name in changed))
    raise SystemExit(1 if changed else 0)
