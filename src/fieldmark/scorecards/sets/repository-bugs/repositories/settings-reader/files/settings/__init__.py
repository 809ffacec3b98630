"""Settings in sections."""

from settings.parse import ParseError
from settings.store import Settings, load

__all__ = ["ParseError", "Settings", "load"]
