"""Finds handlers."""

from router.pattern import Pattern, PatternError
from router.table import NoRoute, Router

__all__ = ["NoRoute", "Pattern", "PatternError", "Router"]
