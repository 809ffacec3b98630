"""What the API and the reports say about cases and what became of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.errors import FailureKind
from fieldmark.ledger.evidence import Result

CaseState = Literal["open", "waiting", "reported", "failed", "erased"]
"""Being answered; answered, and nobody has said what became of it; somebody has; no contender answered; its texts
are gone."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


class CaseLine(_View):
    """One case of the inbox. Whoever marks it does not see who answered."""

    id: str
    """Id of the case's record."""
    at: str
    """When it came in (RFC 3339)."""
    category: str | None
    """Category id."""
    application: str | None
    """Name of the application key it came with."""
    contender_name: None = None
    """Never told here: people say what became of a case, not whom they like."""
    preview: str
    """Beginning of the last thing the end user wrote."""
    state: CaseState
    """How far it is."""
    result: Result | None
    """What became of it, as last said."""


class CasePage(_View):
    """Cases, newest first."""

    cases: list[CaseLine]
    more: bool
    """Older ones follow: ask again with `before` set to the last id."""
    waiting: int
    """Cases that nobody has marked."""


class CaseMessage(_View):
    """One message of a case as it was kept: redacted, an image as its digest."""

    role: str
    content: str
    tool_calls: list[dict[str, Any]] = []
    """Calls of tools, in OpenAI's form."""


class OutcomeView(_View):
    """One thing said about what became of a case."""

    id: str
    """Id of the record."""
    at: str
    result: Result
    by: Literal["application", "person"]
    number: float | None
    """The application's own number."""
    changed: float | None
    """Share of the words that the edit changed, 0 to 1."""
    edit: str | None
    """The edited text, as far as it is held."""
    note: str | None
    """What was said beside it."""


class FindingView(_View):
    """What one monitor found."""

    monitor: str
    at: str
    passed: bool | None
    """None: the monitor itself failed."""
    score: float | None
    explanation: str | None
    error: str | None


class CaseView(CaseLine):
    """One case whole."""

    messages: list[CaseMessage]
    """What was asked; empty when its texts are gone."""
    answer: str | None
    """What the application received, as far as it is held."""
    tool_calls: list[dict[str, Any]]
    """Calls of tools in the answer."""
    failure: FailureKind | None
    """How the last contender failed, if none answered."""
    outcomes: list[OutcomeView]
    """Oldest first; the last one holds."""
    monitors: list[FindingView]
    """What monitors found, oldest first."""
    shadow: bool
    """A second contender answered it too."""


class Rate(_View):
    """A share with its exact interval (Clopper-Pearson)."""

    n: int
    of: int
    value: float
    lower: float
    upper: float


class MonitorRate(_View):
    """How often a contender's answers pass one monitor."""

    monitor: str
    passed: Rate | None
    """Of the cases in which the monitor came to a finding; None when there was none."""
    errors: int
    """Cases in which the monitor itself failed."""


class OutcomeRow(_View):
    """What became of one contender's cases."""

    contender: str
    """Identity digest."""
    name: str
    """Its label, or the beginning of the digest."""
    cases: int
    """Recorded cases that it answered, or failed last on."""
    answered: int
    """Those that it answered to the end."""
    failures: dict[str, int]
    """Those that it failed on, by kind."""
    failed: Rate | None
    """Share of its cases that it failed on."""
    reported: int
    """Cases with an outcome; the rates are of these."""
    not_reported: int
    """Answered cases that nobody has said anything about."""
    results: dict[Result, int]
    """Cases by what became of them."""
    solved: Rate | None
    """Solved or accepted as it was, of those reported."""
    edited: Rate | None
    rejected: Rate | None
    harm: Rate | None
    solved_at_least: float | None
    """Share solved of all that were answered or reported, if none of those not reported was."""
    solved_at_most: float | None
    """The same if all of them were."""
    changed: float | None
    """Median share of words that an edit changed (to 0.01)."""
    monitors: list[MonitorRate]


class OutcomeTable(_View):
    """What became of the field's cases. The policy chose who answered, not chance: rows differ in their cases too."""

    category: str | None
    confidence: float
    """Coverage of each interval."""
    rows: list[OutcomeRow]
    """Most cases first."""
    cases: int
    reported: int
    not_reported: int


class BusyView(_View):
    """Work beside the answers since the server was started."""

    shadows_running: int
    shadows_done: int
    shadows_dropped: int
    """Cases that were drawn for a shadow battle but found the queue full or every other contender over its cap."""
    monitors_dropped: int
    """Cases that monitors did not look at, since too many were waiting."""
    unrecorded: int
    """Answers served without the case that the policy asked for, since the ledger refused."""


class KeyView(_View):
    """An application's key, without its secret."""

    id: str
    name: str
    scopes: list[Literal["ask", "outcome", "metrics"]]
    created: str
    used: str | None
    """When it was last used, to the minute."""
    revoked: str | None
    cases: int
    """Cases that came with it."""
    reported: int
    """Those with an outcome."""


class NewKey(KeyView):
    """A key just made."""

    secret: str
    """Told once, now. Only its SHA-256 is kept."""
