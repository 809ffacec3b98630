"""Makes a verifier of its kind and settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldmark.errors import InputError, NotFound
from fieldmark.fields import nearest
from fieldmark.scorecards._verdict import VERIFIERS, Verifier


def make(kind: str, settings: Mapping[str, Any], folder: Path = Path()) -> Verifier:
    """The verifier of that kind. Paths in `settings` are meant from `folder`.

    Raises:
        InputError: no such kind, or the settings are wrong.
    """
    try:
        maker = VERIFIERS.get(kind)
    except NotFound:
        right = nearest(kind, VERIFIERS.names())
        raise InputError(f"no kind of check is called '{kind}'", hint=right) from None
    return maker(settings, folder)
