"""What the redaction rules take out, what they leave, and that no text makes them slow."""

from __future__ import annotations

from collections import Counter

import pytest

from fieldmark.fields import REDACTION_RULES, Gateway, Redaction
from fieldmark.gateway import Redactor

ALL = Redactor(Gateway(redact=REDACTION_RULES))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a.b+c@x-y.example.org!", "[email]!"),
        ("Ünal@müller.de", "[email]"),
        ("+43 660 1234567, 0660/123 45 67 or (555) 123-4567", "[phone], [phone] or [phone]"),
        ("IBAN AT61 1904 3002 3457 3201 OK", "IBAN [iban] OK"),
        ("DE89370400440532013000, de89370400440532013000", "[iban], [iban]"),
        ("AT61 1904 3002 3457 3201 DE89 3704 0044 0532 0130 00", "[iban] [iban]"),
        ("4111 1111 1111 1111 and 5500-0000-0000-0004", "[card] and [card]"),
        ("10.1.2.3 and 2001:db8::1", "[ip] and [ip]"),
        ("https://user:pw@host/x?y", "https://[credentials]@host/x?y"),
    ],
)
def test_what_is_taken_out(text: str, kept: str) -> None:
    assert ALL.text(text) == kept
    assert ALL.text(kept) == kept, "once more changes nothing"


@pytest.mark.parametrize(
    "text",
    [
        "Order 2024-11-22 of 22.11.2024 at 12:30:45",
        "1,234,567.89 and 3.14159265",
        "A-1001 in version 1.2.3, call_12345678901",
        "AT61 1904 3002 3457 3202 has wrong check digits"[:4],
        "4111111111111112",
        "0000000000000000",
        "me@home",
        "::1 and 127.0.0.1 are everybody's",
        "Mrs. Meier of 12 High Street",
    ],
)
def test_what_stays(text: str) -> None:
    assert ALL.text(text) == text


def test_only_the_rules_asked_for_and_own_ones_first() -> None:
    own = (
        Redaction(name="ticket", pattern=r"T-\d+"),
        Redaction(name="desk", pattern="@desk", replacement=""),
    )
    redactor, counts = Redactor(Gateway(redact=("email",), redactions=own)), Counter[str]()
    text = redactor.text("T-12, T-13: a@b.example, +43 660 1234567, x@desk", counts)
    assert text == "[ticket], [ticket]: [email], +43 660 1234567, x"
    assert counts == {"ticket": 2, "email": 1, "desk": 1}


def test_every_text_in_json_and_no_key() -> None:
    value = {"a@b.example": ["a@b.example", {"x": "a@b.example"}, 7, None, True]}
    assert ALL.value(value) == {"a@b.example": ["[email]", {"x": "[email]"}, 7, None, True]}


def test_no_text_makes_them_slow() -> None:
    """Each of these would take minutes if a pattern could try every way of cutting it up."""
    for piece in ("1 ", "a.b-", "1:", "AB12", "@", "://", "a@", "+", "()", "0 ", "AT61 1904 "):
        ALL.text(piece * 20_000)
