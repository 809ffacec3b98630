"""Inspect, both ways: its tasks are task sets here, its logs are written and read. Needs the extra `inspect`.

Sandboxes of this package are an Inspect sandbox too: `sandbox="fieldmark"`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fieldmark.errors import InputError

if TYPE_CHECKING:
    from fieldmark.scorecards.inspect._exporting import export_logs
    from fieldmark.scorecards.inspect._importing import import_log
    from fieldmark.scorecards.inspect._tasks import inspect_set

__all__ = ["export_logs", "import_log", "inspect_set"]

_LATER = {"export_logs": "_exporting", "import_log": "_importing", "inspect_set": "_tasks"}


def __getattr__(name: str) -> Any:
    """Inspect takes seconds to load: only when it is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name != "inspect_ai":
            raise
        raise InputError("Inspect is not installed", hint="pip install 'fieldmark[inspect]'") from None
