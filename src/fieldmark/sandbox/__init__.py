"""Running code that nobody trusts: bubblewrap, a container, or, only when asked for, a plain process."""

from fieldmark.sandbox._base import (
    SANDBOXES,
    WORK,
    Collected,
    Done,
    Limits,
    Mount,
    Running,
    Sandbox,
)

__all__ = [
    "SANDBOXES",
    "WORK",
    "Collected",
    "Done",
    "Limits",
    "Mount",
    "Running",
    "Sandbox",
]
