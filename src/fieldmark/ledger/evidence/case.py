"""`case`, `reply`, `outcome`: real work that went through the gateway, what was answered, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from fieldmark.errors import FailureKind
from fieldmark.ledger.evidence._base import Evidence, Part

Route = Literal["named", "champion", "weighted", "by_category"]
"""How the contender was chosen: the caller named it, or which rule of the field's policy did."""
Result = Literal["solved", "accepted", "edited", "rejected", "harm"]


class CaseOpened(Evidence):
    """A real request came in. Written before its id is told. Text: `request` (JSON, keys sorted, redacted).

    Actor: the application, or `system` on a machine without application keys.
    """

    type: ClassVar[str] = "case"

    application: str | None
    """Id of the application key it came with."""
    person: str | None = None
    """Pseudonym of the application's end user, when the application names one."""
    category: str | None = None
    """Category id, when the application names one."""
    route: Route
    """How the contender was chosen."""
    contender: str
    """Identity digest of the one chosen; whoever answered in the end stands in the `reply`."""
    propensity: float
    """Probability with which the policy chose it; 1 where nothing was drawn."""
    basis: Literal["always", "sampled", "consent"]
    """Why it is recorded."""
    share: float = 1.0
    """Probability with which a request like this is recorded."""
    stream: bool
    """Whether the application asked for a stream."""
    redactions: Mapping[str, int] = {}
    """Redaction rule to the number of places it took out before anything was stored."""


class Tried(Part):
    """A contender that was asked first and failed."""

    contender: str
    """Identity digest."""
    kind: FailureKind
    """How it failed."""
    ms: int
    """Milliseconds it took to fail."""


class CaseAnswered(Evidence):
    """What the case was answered. Refs: `case`. Texts: `answer` (redacted; absent when nothing came), and `calls`, the
    answer's calls of tools (JSON, redacted).

    Also what a second contender said to a shadowed case.
    """

    type: ClassVar[str] = "reply"

    role: Literal["served", "shadow"]
    """Whether the application received this answer."""
    contender: str
    """Identity digest of whoever answered, or failed last."""
    tried: tuple[Tried, ...] = ()
    """Contenders that failed before it was asked."""
    ms_to_first: int | None
    """Milliseconds from asking this contender to its first text; None when no text came."""
    ms: int
    """Milliseconds from asking this contender to the end."""
    prompt_tokens: int | None = None
    """As the contender counts them."""
    answer_tokens: int | None = None
    """As the contender counts them."""
    characters: int
    """Unicode code points received."""
    finish: Literal["stop", "length", "tool_calls", "stopped", "failed"]
    """`stopped`: the application left before the end."""
    failure: FailureKind | None = None
    """Set when `finish` is `failed`."""
    cost: float | None = None
    """Currency units, when the contender has a price."""
    estimated: bool = False
    """The cost is estimated from characters, four to a token: the answer broke off before the contender counted."""
    leak: bool = False
    """The answer says who wrote it."""


class OutcomeReported(Evidence):
    """What became of a case. The newest one holds; all are kept. Refs: `case`, `replaces`. Texts: `edit`, `note`."""

    type: ClassVar[str] = "outcome"

    result: Result
    """`accepted`: used as it was; `edited`: used with changes; `harm`: it did damage."""
    by: Literal["application", "person"]
    """Who says so."""
    number: float | None = None
    """A number of the application's own, such as minutes saved."""
    changed: float | None = None
    """With `edited`: share of the words that the edit changed, 0 to 1 (word-level edit distance by the longer text)."""
