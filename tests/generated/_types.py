"""The API's types for the page, by openapi-typescript."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from fieldmark.server.openapi import openapi
from tests.generated import _node


def typescript() -> str:
    """`web/src/lib/api-types.ts`."""
    with tempfile.TemporaryDirectory() as folder:
        document, types = Path(folder, "openapi.json"), Path(folder, "api-types.ts")
        document.write_text(json.dumps(openapi()), "utf-8")
        _node.run("openapi-typescript", "bin/cli.js", str(document), "--output", str(types))
        return types.read_text("utf-8")
