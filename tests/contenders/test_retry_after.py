"""How long a server wants to be left alone, in both forms that HTTP has for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fieldmark.contenders import retry_after


@pytest.mark.parametrize(
    ("said", "seconds"), [("0", 0), ("120", 120), (None, None), ("", None), ("soon", None), ("-5", None)]
)
def test_a_number_of_seconds(said: str | None, seconds: float | None) -> None:
    assert retry_after(said) == seconds


def test_a_date() -> None:
    soon = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert soon is not None
    assert 80 < soon <= 90
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
