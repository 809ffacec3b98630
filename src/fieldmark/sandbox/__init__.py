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
from fieldmark.sandbox._browser import BROWSER, Browser
from fieldmark.sandbox._visit import ORIGIN, Look, Seen, Serve, Visit, from_files, from_folder

if TYPE_CHECKING:
    from fieldmark.sandbox._bubblewrap import Bubblewrap
    from fieldmark.sandbox._container import Docker, Podman
    from fieldmark.sandbox._files import glob
    from fieldmark.sandbox._process import PlainProcess

_LATER = {
    "Bubblewrap": "_bubblewrap",
    "Docker": "_container",
    "Podman": "_container",
    "PlainProcess": "_process",
    "glob": "_files",
}


def __getattr__(name: str) -> Any:
    """The kinds themselves, and what only Linux has, are imported when they are first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "BROWSER",
    "ORIGIN",
    "SANDBOXES",
    "WORK",
    "Browser",
    "Bubblewrap",
    "Collected",
    "Docker",
    "Done",
    "Limits",
    "Look",
    "Mount",
    "PlainProcess",
    "Podman",
    "Running",
    "Sandbox",
    "Seen",
    "Serve",
    "Visit",
    "from_files",
    "from_folder",
    "glob",
]
