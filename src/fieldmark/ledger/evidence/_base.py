"""What every evidence type shares: its name, its schema version, and a strict, frozen body."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Side = Literal["a", "b"]
Choice = Literal["a", "b", "tie", "both_bad"]
Mode = Literal["blind", "chosen"]
Source = Literal["live", "shadow", "imported", "judge"]


class Evidence(BaseModel):
    """The body of one record. `type` and `v` (the schema of the type) are written beside it, not inside it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    type: ClassVar[str]
    v: ClassVar[int] = 1


class Part(BaseModel):
    """A piece of a body."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
