"""The table `[drift]` of `field.toml`: whether a contender still answers as it did."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Key

_Text = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"\S")]


class Drift(BaseModel):
    """Fixed questions asked of every contender again and again."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    every_hours: Annotated[float, Key(ge=0, le=8760)] = 0.0
    """Hours between two runs of one contender; 0: only when somebody asks for one."""
    prompts: tuple[_Text, ...] = ()
    """What is asked. Empty: the first of the field's own prompts. Another set, like any other change of how it is
    asked, begins anew."""
    first: Annotated[int, Key(ge=1, le=100)] = 8
    """How many of the field's own prompts are asked when `prompts` is empty."""
    samples: Annotated[int, Key(ge=1, le=50)] = 2
    """Answers to each prompt in one run."""
    max_tokens: Annotated[int, Key(ge=1, le=100_000)] = 64
    """Longest answer."""
    temperature: Annotated[float, Key(ge=0, le=5)] | None = None
    """For a contender whose sampler sets none."""
    baseline: Annotated[int, Key(ge=5, le=100)] = 10
    """Runs that say what is usual; later ones are compared with them."""
    alpha: Annotated[float, Key(gt=0, le=0.05)] = 0.0005
    """Chance of an alarm in one run of a contender that did not change."""
