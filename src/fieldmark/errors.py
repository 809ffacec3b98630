"""The whole error tree on one page.

```
FieldmarkError                 what is wrong (str) and, in `.hint`, what would be right
├── InputError                 what the user gave cannot be used           CLI exit 2, HTTP 400
│   ├── FieldError             a field folder is wrong; `.problems` lists every place
│   │   └── TaskSetError       the same of a task set
│   ├── VotesFileError         a file of votes is wrong; `.line` says where
│   └── TooLarge               a text or body is over its limit            HTTP 413
├── NotFound                   nothing has that name or id                 CLI exit 2, HTTP 404
├── Forbidden                  not this person's to see or do              HTTP 403
│   └── NotSignedIn            somebody known has to ask                   HTTP 401
├── Conflict                   a rule of the moment forbids it             HTTP 409
├── ContenderError
│   ├── ContenderFailure       a contender did not answer; `.kind` says how. Data on the answer's record, never a crash
│   └── ModelError             the shelf cannot give the weights           CLI exit 1, HTTP 409
├── LedgerError
│   ├── LedgerUnavailable      the store refused the write: nothing was acknowledged     HTTP 503
│   └── BrokenLedger           verification failed; `.index` names the record
├── SandboxError               a sandbox cannot be had, or died: a trial in it is void, never a fail
│   └── CommandEnded           the command that one talks with has ended: its own doing, so a fail
├── StatisticsError            a number was asked for that does not exist
└── ServeError                 the server cannot start (port in use, host not allowed)   CLI exit 1
```

Raised where the fact is known, caught at the edges: the CLI prints message and hint without a traceback, the server
turns them into the typed error body of the API, and the arena writes a `ContenderFailure` onto the answer's record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

FailureKind = Literal[
    "unreachable",
    "refused",
    "timeout",
    "garbage",
    "cut_off",
    "empty",
    "too_long",
    "crashed",
    "over_budget",
    "interrupted",
    "unsupported",
]
"""How a contender failed: no connection; an error status; no token in time; not the protocol; ended without a finish
reason; finished without text; conversation over its context; its own process died, or its server
broke off in the middle of a task; its spend cap is reached; the server was restarted; the request asks for what it
cannot do."""


class FieldmarkError(Exception):
    """What is wrong, and in `hint` what would be right."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(FieldmarkError):
    """What the user gave cannot be used."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a file: where it is, what is wrong, what would be right."""

    file: str
    line: int | None
    what: str
    right: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}" + (f" ({self.right})" if self.right else "")


class FieldError(InputError):
    """A field folder is wrong; `problems` lists every place at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class TaskSetError(FieldError):
    """A task set is wrong; `problems` lists every place at once."""


class VotesFileError(InputError):
    """A file of votes is wrong; `line` (1 = header) says where."""

    def __init__(self, message: str, *, line: int | None = None, hint: str = "") -> None:
        super().__init__(f"line {line}: {message}" if line else message, hint=hint)
        self.line = line


class TooLarge(InputError):
    """A text or body is over its limit."""


class NotFound(FieldmarkError):
    """Nothing has that name or id."""


class Forbidden(FieldmarkError):
    """Not this person's to see or do."""


class NotSignedIn(Forbidden):
    """Somebody known has to ask: sign in first."""


class Conflict(FieldmarkError):
    """A rule of the moment forbids it (already voted, round closed, names shown); `code` is stable for programs."""

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class ContenderError(FieldmarkError):
    """Something about a contender."""


class ContenderFailure(ContenderError):
    """A contender did not answer; `kind` says how. `status` is the HTTP status it gave, if any."""

    def __init__(self, kind: FailureKind, message: str, *, status: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind: FailureKind = kind
        self.status = status
        self.retry_after: float | None = None
        """Seconds after which the server wants to be asked again, when it says so."""


class ModelError(ContenderError):
    """The model shelf cannot give the weights (unknown, digest differs, licence not accepted, not fetched)."""


class LedgerError(FieldmarkError):
    """Something about the ledger."""


class LedgerUnavailable(LedgerError):
    """The store refused the write (disk full, locked): nothing was acknowledged."""


class BrokenLedger(LedgerError):
    """Verification failed; `index` names the record, None the header or the tail."""

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message if index is None else f"record {index}: {message}")
        self.index = index


class SandboxError(FieldmarkError):
    """A sandbox cannot be had, or died: the infrastructure's fault, so a trial in it is void."""


class CommandEnded(SandboxError):
    """The command that one talks with has ended, or closed its input: what ran did that, not the sandbox."""


class StatisticsError(FieldmarkError):
    """A number was asked for that does not exist."""


class ServeError(FieldmarkError):
    """The server cannot start."""
