"""Two folders that should be alike."""

from sync.apply import perform
from sync.plan import plan

__all__ = ["perform", "plan"]
