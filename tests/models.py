"""The real model that tests use, fetched once to the shelf of whoever runs them."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from fieldmark.contenders import Model, Shelf, pull

NAME = "smollm2-135m"


@cache
def smollm2() -> Model:
    """SmolLM2 on the default shelf (FIELDMARK_MODELS, or the user's own), fetched if need be and checked."""
    return asyncio.run(pull(Shelf(), NAME))


def only_smollm2(folder: Path) -> str:
    """A shelf (FIELDMARK_MODELS) that holds this model alone, whatever else its user has fetched."""
    folder.mkdir()
    (folder / NAME).symlink_to(smollm2().path.parent, target_is_directory=True)
    return str(folder)
