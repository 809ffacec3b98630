"""`python -m fieldmark.server.openapi` prints the API's description, from which the page's types are made."""

from __future__ import annotations

import json
from typing import Any

from fieldmark.server.app import create_app


def openapi() -> dict[str, Any]:
    """The OpenAPI document. Needs no field: nothing is opened."""
    return create_app(None).openapi()


if __name__ == "__main__":
    print(json.dumps(openapi(), indent=2, ensure_ascii=False))
