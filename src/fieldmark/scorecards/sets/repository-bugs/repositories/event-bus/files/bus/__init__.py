"""A bus for events."""

from bus.bus import Bus

__all__ = ["Bus"]
