"""The base of every shape of a report."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A part of a report."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)
