"""Running code that nobody trusts: bubblewrap, a container, or, only when asked for, a plain process."""

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from fieldmark.sandbox._bubblewrap import Bubblewrap

_LATER = {"Bubblewrap": "_bubblewrap"}


def __getattr__(name: str) -> Any:
    """The kinds themselves are imported when they are first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
from fieldmark.sandbox._browser import BROWSER, Browser
from fieldmark.sandbox._visit import ORIGIN, Look, Seen, Serve, Visit, from_files, from_folder

__all__ = [
    "BROWSER",
    "ORIGIN",
    "SANDBOXES",
    "WORK",
    "Browser",
    "Bubblewrap",
    "Collected",
    "Done",
    "Limits",
    "Look",
    "Mount",
    "Running",
    "Sandbox",
    "Seen",
    "Serve",
    "Visit",
    "from_files",
    "from_folder",
]
