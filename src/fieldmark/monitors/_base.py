"""What a monitor is given and gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fieldmark.plugins import Registry


@dataclass(frozen=True)
class CaseFacts:
    """A case as it happened, before anything was redacted."""

    messages: Sequence[Mapping[str, Any]]
    """What was asked, in OpenAI's form."""
    answer: str
    """The text of the answer; empty if it only calls tools."""
    category: str | None = None
    """Category id of the field."""
    contender: str = ""
    """Identity digest of whoever answered."""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    """Calls of tools in the answer, in OpenAI's form."""


@dataclass(frozen=True)
class Finding:
    """What a monitor says about one case."""

    passed: bool
    score: float | None = None
    """0 (worst) to 1 (best)."""
    explanation: str = ""
    """Why, for people; redacted like any other text before it is stored."""


class Monitor(Protocol):
    """A check. It may take its time and may fail: it runs in a process of its own, and a crash is recorded as one."""

    def __call__(self, case: CaseFacts) -> Finding:
        """Look at one case."""
        ...


Maker = Callable[[Mapping[str, Any], Path], Monitor]
"""Makes a monitor of its settings; paths in them are meant from the field's folder. Raises InputError."""

MONITORS: Registry[Maker] = Registry("fieldmark.monitors")
"""Every kind of monitor."""


def fingerprint(kind: str, settings: Mapping[str, Any], folder: Path) -> str:
    """First 16 characters of the SHA-256 of what a monitor runs: kind, settings, and the files that they name."""
    digest = hashlib.sha256(json.dumps([kind, settings], sort_keys=True, default=str).encode())
    for value in settings.values():
        path = folder / value.partition(":")[0] if isinstance(value, str) and "\0" not in value else folder
        if len(str(path)) < 1000 and path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
