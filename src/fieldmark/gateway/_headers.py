"""What an application says beside its request."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from contextlib import suppress

from fieldmark.errors import InputError
from fieldmark.fields import Application
from fieldmark.gateway._recorder import Asker

CATEGORY = "x-fieldmark-category"
PERSON = "x-fieldmark-person"
CASE = "x-fieldmark-case"
"""Names the case in the response."""
CONTENDER = "x-fieldmark-contender"
"""Names in the response who answered."""
_LENGTH = 256
_YES = ("yes", "true", "1")


def asker_of(application: Application | None, headers: Mapping[str, str], consent_header: str) -> Asker:
    """Who asks, from the headers of a request.

    Raises:
        InputError: a header is too long, or holds control characters.
    """
    person = headers.get(PERSON, "").strip(" \t") if _text(headers, PERSON) else None
    return Asker(
        application,
        _text(headers, CATEGORY),
        person,  # as the server reads it: pseudonyms hang on that
        headers.get(consent_header, "").strip().lower() in _YES,
    )


def _text(headers: Mapping[str, str], name: str) -> str | None:
    value = headers.get(name, "")
    with suppress(UnicodeError):  # the server reads headers as Latin-1; clients send names in UTF-8
        value = value.encode("latin-1").decode()
    value = value.strip()  # not before: in Latin-1 the last byte of a letter may read as a space
    if len(value) > _LENGTH or "Cc" in map(unicodedata.category, value):
        raise InputError(
            f"the header {name} is longer than {_LENGTH} characters, or holds control characters"
        )
    return value or None
