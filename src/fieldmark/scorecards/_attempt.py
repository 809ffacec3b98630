"""What happened in one trial: the attempt, as every verifier is shown it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fieldmark.contenders import Message
from fieldmark.errors import FailureKind
from fieldmark.ledger.evidence import Ended

EventKind = Literal["told", "said", "call", "result", "picture", "note"]
"""What the contender was told; what it said; a tool it called; what the tool gave; a screenshot; anything else."""


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool and what it gave."""

    name: str
    arguments: Mapping[str, Any]
    """As the contender wrote them; `{"": TEXT}` when that was no JSON object."""
    result: str
    error: bool = False
    """The tool refused: unknown tool, wrong arguments, or it raised."""


@dataclass(frozen=True)
class Event:
    """One line of the transcript."""

    kind: EventKind
    ms: int
    """Milliseconds since the trial began."""
    data: Mapping[str, Any]
    """told, said: `text`. call: `name`, `arguments`. result: `name`, `text`, `error`. picture: `path` (an artifact).
    note: `text`."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at a task, from its first word to its last."""

    task: str
    """Task id."""
    variant: str = ""
    """Variant id; empty for the task as it stands."""
    seed: int = 0
    messages: Sequence[Message] = ()
    """The conversation, in OpenAI's form."""
    answer: str = ""
    """The last thing the contender said."""
    calls: Sequence[ToolCall] = ()
    """Tools it called, in order."""
    state: Any = None
    """What the scene holds at the end (JSON)."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files it left that the task declares as artifacts."""
    left: Mapping[str, str] = field(default_factory=dict)
    """Files that were not taken, and why."""
    events: Sequence[Event] = ()
    ended: Ended = "answered"
    failure: FailureKind | None = None
    detail: str = ""
    """Words about the failure, without secrets."""
    status: int | None = None
    """HTTP status that the contender's endpoint failed with."""
    retry_after: float | None = None
    """Seconds after which the endpoint wants to be asked again, when it says so."""
    script_fault: str = ""
    """The scripted other side did what its script does not allow: the trial is void."""
    sandbox_fault: str = ""
    """The sandbox could not be had, or died: the trial is void."""
    steps: int = 0
    """Turns of the contender."""
    ms: int = 0
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    cost: float | None = None
