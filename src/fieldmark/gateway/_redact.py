"""Takes personal details out of texts before anything is stored. Patterns know forms, not people: names stay."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fieldmark.fields import Gateway

Check = Callable[[str], int]
"""How many characters from the start of a match are the thing looked for; 0: none."""

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_PHONE = re.compile(r"(?<![\w.,/+-])(?:\+|00|\(|0|\d)(?:[ ()./-]{0,2}\d){6,15}(?![\w-]|[.,]\d)")
_IBAN = re.compile(
    r"(?<!\w)[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,30}|(?:[ -][A-Z0-9]{4}){2,7}(?:[ -][A-Z0-9]{1,3})?)(?!\w)"
)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)"
)
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@:]{1,256}(?::[^\s/@]{0,256})?@")
_GROUPS = re.compile(r"\d+")


def _luhn(text: str) -> int:
    """Luhn's check digit (ISO/IEC 7812-1, annex B)."""
    digits = [int(d) for d in text if d.isdigit()]
    doubled = [d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    return len(text) if sum(doubled) % 10 == 0 and len(set(digits)) > 1 else 0


def _iban(text: str) -> int:
    """Check digits of ISO 13616: the number that the moved-round text spells leaves 1 when divided by 97.

    A word that follows may have been taken for a last group.
    """
    length = len(text)
    while length > 0:
        plain = re.sub(r"[ -]", "", text[:length]).upper()
        if not 15 <= len(plain) <= 34:
            return 0
        if int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1:
            return length
        length = max(text.rfind(" ", 0, length), text.rfind("-", 0, length))
    return 0


def _phone(text: str) -> int:
    """A number with a prefix, or in groups as people write one; not a date, an amount or an order number."""
    digits = sum(c.isdigit() for c in text)
    if not 7 <= digits <= 15 or re.fullmatch(
        r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}", text.strip()
    ):
        return 0
    written = text.startswith(("+", "00", "(", "0")) or len(_GROUPS.findall(text)) >= 3
    return len(text) if written else 0


def _ip(text: str) -> int:
    if text in ("::", "::1", "127.0.0.1"):
        return 0
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return 0
    return len(text)


_RULES: dict[str, tuple[re.Pattern[str], Check | None]] = {
    # In this order: what a later pattern could take a part of comes first.
    "url_credentials": (_CREDENTIALS, None),
    "email": (_EMAIL, None),
    "iban": (_IBAN, _iban),
    "card": (_CARD, _luhn),
    "ip": (_IP, _ip),
    "phone": (_PHONE, _phone),
}


@dataclass(frozen=True)
class _Rule:
    name: str
    pattern: re.Pattern[str]
    replacement: str
    check: Check | None = None

    def apply(self, text: str, counts: Counter[str] | None) -> str:
        """The text without what the rule finds."""
        at, parts = 0, []
        while found := self.pattern.search(text, at):
            length = self.check(found[0]) if self.check is not None else len(found[0])
            if length:
                parts += [text[at : found.start()], self.replacement]
                at = found.start() + length
            else:
                after = max(found.end(), found.start() + 1)
                parts.append(text[at:after])
                at = after
            if length and counts is not None:
                counts[self.name] += 1
        return "".join((*parts, text[at:])) if parts else text


class Redactor:
    """The rules of one field, compiled."""

    def __init__(self, rules: Gateway) -> None:
        own = [
            _Rule(r.name, re.compile(r.pattern), f"[{r.name}]" if r.replacement is None else r.replacement)
            for r in rules.redactions
        ]
        known = [
            _Rule(name, pattern, "[credentials]@" if name == "url_credentials" else f"[{name}]", check)
            for name, (pattern, check) in _RULES.items()
            if name in rules.redact
        ]
        self._rules = [*own, *known]

    def text(self, text: str, counts: Counter[str] | None = None) -> str:
        """The text without what the rules find; `counts` gathers how often each did."""
        for rule in self._rules:
            text = rule.apply(text, counts)
        return text

    def value(self, value: Any, counts: Counter[str] | None = None) -> Any:
        """The same for every text inside of JSON; keys stay."""
        if isinstance(value, str):
            return self.text(value, counts)
        if isinstance(value, list):
            return [self.value(each, counts) for each in value]
        if isinstance(value, dict):
            return {key: self.value(each, counts) for key, each in value.items()}
        return value
