"""`[gateway]` and `[[monitors]]` of `field.toml`: who answers real cases, what is kept of them, what looks at them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic import Field as Key

from fieldmark.errors import InputError, NotFound, Problem
from fieldmark.fields._check import nearest
from fieldmark.fields._read import Document
from fieldmark.monitors import MONITORS

REDACTION_RULES = ("email", "phone", "iban", "card", "ip", "url_credentials")
"""Redactions that need no pattern of one's own."""
_HEADER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_RULE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise ValueError("a header's name: up to 64 lower-case letters, digits and '-', such as x-consent")
    return value


def _rule_name(value: str) -> str:
    if not _RULE_NAME.fullmatch(value) or value in REDACTION_RULES:
        raise ValueError(
            "up to 32 lower-case letters, digits, '-' and '_', and none of " + ", ".join(REDACTION_RULES)
        )
    return value


def _pattern(value: str) -> str:
    try:
        found = re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression of Python: {error}") from None
    if found.search("") is not None:
        raise ValueError("a regular expression that does not match the empty text")
    return value


class Redaction(_Table):
    """A pattern of the field's own that is taken out before anything is stored."""

    name: Annotated[str, AfterValidator(_rule_name)]
    """How the record counts it."""
    pattern: Annotated[str, AfterValidator(_pattern)]
    """Regular expression of Python."""
    replacement: str | None = None
    """What stands in its place, word for word; `[NAME]` if absent."""


class Monitor(_Table):
    """A check that looks at every recorded answer, beside the way of the answer."""

    name: Annotated[str, AfterValidator(_rule_name)]
    """How records and tables name it."""
    kind: str
    """`json_schema`, `forbidden`, `citation`, `python`, `verifier` (one of scorecards), or one that a plug-in adds."""
    settings: dict[str, Any] = {}
    """What the kind needs; see how-to/monitors."""
    categories: tuple[str, ...] = ()
    """Only cases of these categories; all if empty."""
    seconds: Annotated[float, Key(gt=0, le=60)] = 5.0
    """After so long it is stopped, and that is what is recorded."""


Share = Annotated[float, Key(ge=0, le=1)]


class Gateway(_Table):
    """Who answers `model="field"` through `/v1`, and what is kept of it. In force once an application key exists;
    until then nothing is recorded."""

    answer: Literal["champion", "weighted", "by_category"] = "champion"
    """`champion`: one contender answers all. `weighted`: drawn by `weights`. `by_category`: as `categories` says, else
    the champion."""
    champion: str | None = None
    """Name of a contender; the field's first if absent."""
    weights: dict[str, Annotated[float, Key(gt=0)]] = {}
    """Contender to weight; need not sum to 1."""
    categories: dict[str, str] = {}
    """Category id to contender."""
    fallback: tuple[str, ...] = ()
    """Who is asked next, in this order, when one fails before its first word."""
    record: Literal["always", "sampled", "consent", "never"] = "always"
    """Which calls become cases: all, a share drawn by chance, those whose end user consented, none."""
    share: Share = 1.0
    """With `sampled`: the share."""
    consent_header: Annotated[str, AfterValidator(_header)] = "x-fieldmark-consent"
    """With `consent`: the request header that must say `yes`, `true` or `1`."""
    redact: tuple[Literal["email", "phone", "iban", "card", "ip", "url_credentials"], ...] = (
        "email", "phone", "iban", "card", "url_credentials",
    )  # fmt: skip
    """What is taken out of questions, answers, edits and notes before they are stored."""
    redactions: tuple[Redaction, ...] = ()
    """Patterns of the field's own, applied first, in this order."""
    shadow_share: Share = 0.0
    """Share of the cases that a second contender answers too, for people to compare later."""
    shadow_contenders: tuple[str, ...] = ()
    """Who may be that second one; every contender if empty."""
    max_shadows_at_once: Annotated[int, Key(ge=1, le=64)] = 2
    """Most of these second answers written at once; 50 more wait, what comes on top is dropped and counted."""


def gateway_problems(document: Document, names: Sequence[str], folder: Path) -> Iterator[Problem]:
    """Contenders and categories that `[gateway]` and `[[monitors]]` name and the field has not, and what a kind of
    monitor refuses."""
    table = document.data.get("gateway")
    if isinstance(table, dict):
        yield from _unknown_contenders(document, table, names)
        yield from _unknown_categories(document, table)
        yield from _missing(document, table)
    yield from _monitor_problems(document, folder)


def _unknown_contenders(
    document: Document, table: Mapping[str, Any], names: Sequence[str]
) -> Iterator[Problem]:
    found: list[tuple[tuple[str | int, ...], object]] = [(("champion",), table.get("champion"))]
    for key in ("fallback", "shadow_contenders"):
        listed = table.get(key)
        found += [((key, i), v) for i, v in enumerate(listed if isinstance(listed, list) else ())]
    weights, categories = table.get("weights"), table.get("categories")
    found += [(("weights", name), name) for name in (weights if isinstance(weights, dict) else ())]
    found += [(("categories", k), v) for k, v in (categories.items() if isinstance(categories, dict) else ())]
    for path, name in found:
        if isinstance(name, str) and name not in names:
            right = nearest(name, names) if names else "the field has no contender"
            yield document.problem(("gateway", *path), f"no contender is called '{name}'", right)


def _unknown_categories(document: Document, table: Mapping[str, Any]) -> Iterator[Problem]:
    categories = table.get("categories")
    for name in categories if isinstance(categories, dict) else ():
        yield from _category(document, ("gateway", "categories", name), name)


def _category(document: Document, path: tuple[str | int, ...], name: object) -> Iterator[Problem]:
    listed = document.data.get("categories")
    known = [str(t.get("id")) for t in (listed if isinstance(listed, list) else ()) if isinstance(t, dict)]
    if isinstance(name, str) and name not in known:
        right = nearest(name, known) if known else "field.toml has no [[categories]]"
        yield document.problem(path, f"unknown category '{name}'", right)


def _missing(document: Document, table: Mapping[str, Any]) -> Iterator[Problem]:
    """A rule without what it goes by."""
    answer = table.get("answer")
    if answer == "weighted" and not table.get("weights"):
        yield document.problem(
            ("gateway", "answer"), "'weighted' has no weights", "add weights = { NAME = 1.0, ... }"
        )
    if answer == "by_category" and not table.get("categories"):
        what = "'by_category' has no categories"
        yield document.problem(("gateway", "answer"), what, 'add categories = { ID = "NAME", ... }')


def _monitor_problems(document: Document, folder: Path) -> Iterator[Problem]:
    listed = document.data.get("monitors")
    first: dict[str, int] = {}
    for index, table in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(table, dict):
            continue
        name = table.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            line = document.line(("monitors", first[name], "name"))
            what = f"'{name}' is there twice in monitors"
            yield document.problem(("monitors", index, "name"), what, f"the first is on line {line}")
        for place, category in enumerate(table.get("categories") or ()):
            yield from _category(document, ("monitors", index, "categories", place), category)
        yield from _refused(document, ("monitors", index), table, folder)


def _refused(
    document: Document, path: tuple[str | int, ...], table: Mapping[str, Any], folder: Path
) -> Iterator[Problem]:
    kind, settings = table.get("kind"), table.get("settings", {})
    if not isinstance(kind, str) or not isinstance(settings, dict):
        return
    try:
        MONITORS.get(kind)(settings, folder)
    except NotFound:
        yield document.problem((*path, "kind"), f"unknown kind '{kind}'", nearest(kind, MONITORS.names()))
    except InputError as error:
        yield document.problem((*path, "settings"), error.message, error.hint)
