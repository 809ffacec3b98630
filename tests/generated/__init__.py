"""Files made from the code. `python -m tests.generated` compares them byte by byte, `--write` writes them anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import unified_diff
from pathlib import Path

from tests.generated import _cli, _errors, _http, _models, _types

ROOT = Path(__file__).parents[2]
MEND = "make fix  (or: python -m tests.generated --write)"

FILES: Mapping[str, Callable[[], str]] = {
    "docs/reference/cli.md": _cli.page,
    "docs/reference/field-toml.md": _models.field_page,
    "docs/reference/evidence.md": _models.evidence_page,
    "docs/reference/http-api.md": _http.page,
    "docs/reference/errors.md": _errors.page,
    "web/src/lib/api-types.ts": _types.typescript,
}
"""Path from the repository's root, and what makes the file."""


def write(root: Path = ROOT) -> list[str]:
    """Write every file; the paths of those that changed."""
    return [path for path, make in FILES.items() if _wrote(root / path, make())]


def stale(root: Path = ROOT) -> dict[str, str]:
    """The files that are not what the code gives, each with the difference."""
    return {path: found for path, make in FILES.items() if (found := _difference(root / path, make()))}


def _wrote(file: Path, text: str) -> bool:
    if file.exists() and file.read_text("utf-8") == text:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return True


def _difference(file: Path, text: str) -> str:
    kept = file.read_text("utf-8") if file.exists() else ""
    lines = unified_diff(
        kept.splitlines(), text.splitlines(), f"{file.name} as kept", "as the code gives", lineterm=""
    )
    return "\n".join(lines) or ("" if kept == text else "they differ in line endings only")
