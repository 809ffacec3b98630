"""The page: static files of the package, with the index for every path that is the page's own."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

from fieldmark.errors import NotFound

FOLDER = Path(__file__).parent / "page"
router = APIRouter(include_in_schema=False)

_UNBUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Fieldmark</title>
<h1>The page is not built</h1><p>Fieldmark was installed with FIELDMARK_SKIP_PAGE=1. The API at
<a href="/api/v1/openapi.json">/api/v1</a> works; install again without it to have the page.</p></html>"""


def _file(path: str) -> Path | None:
    """The page's file of that path, and nothing outside its folder."""
    try:
        file = (FOLDER / path).resolve()
        return file if file.is_relative_to(FOLDER.resolve()) and file.is_file() else None
    except (OSError, ValueError):  # a path that no file system takes
        return None


@router.get("/{path:path}")
def page(path: str) -> Response:
    """A file of the page, or its index."""
    if path.startswith(("api/", "v1/")):
        raise NotFound(f"there is no /{path}", hint="see /api/v1/openapi.json")
    file = _file(path)
    if file is not None:
        lasting = path.startswith("assets/")
        return FileResponse(
            file, headers={"cache-control": "public, max-age=31536000, immutable" if lasting else "no-cache"}
        )
    if "." in path.rsplit("/", 1)[-1] and not path.startswith(("contenders/", "scorecards/")):
        raise NotFound(f"there is no /{path}")
    index = FOLDER / "index.html"
    if not index.exists():
        return HTMLResponse(_UNBUILT, status_code=503)
    return FileResponse(index, headers={"cache-control": "no-cache"})
