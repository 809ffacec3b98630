"""The table `[scorecards]` of `field.toml`: where trials are played, and who may see sealed tasks."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Key


class Scorecards(BaseModel):
    """How runs of task sets go."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sandbox: str = "bubblewrap"
    """Kind of sandbox in which contenders act and their work is judged: `bubblewrap`, `docker`, `podman`; `process`
    runs code that nobody checked as you, without any protection."""
    workers: Annotated[int, Key(ge=1, le=256)] = 4
    """Trials played at once by one process."""
    trials: Annotated[int, Key(ge=1, le=1000)] = 8
    """Trials of each contender on each task, unless a run says otherwise."""
    variants: bool = True
    """Runs try the tasks' other wordings too, unless they say otherwise."""
    trusted: tuple[str, ...] = ()
    """Names of contenders that may be given sealed tasks. Weights on this machine are trusted by themselves."""
