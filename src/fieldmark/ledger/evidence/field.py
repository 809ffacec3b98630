"""`field`: what is measured and under which rules, as of now."""

from __future__ import annotations

from typing import Any, ClassVar

from fieldmark.ledger.evidence._base import Evidence, Part


class RubricAsked(Part):
    """A question that each side is graded on."""

    question: str
    """What the voter reads."""
    scale: int
    """Number of grades, from 1 (worst) to this (best)."""


class FieldAsOfNow(Evidence):
    """Written when the server starts with rules that differ from the last ones. Text: `guidelines`."""

    type: ClassVar[str] = "field"

    name: str
    """What people call the field."""
    description: str
    """One or two sentences."""
    categories: dict[str, str]
    """Category id to its name."""
    reason_tags: dict[str, list[str]]
    """`positive` and `negative` tags a voter may give a side."""
    rubric: dict[str, RubricAsked]
    """Rubric question id to what is asked."""
    policy: dict[str, Any]
    """The field's rules, as `field.toml` says them with every default filled in."""
