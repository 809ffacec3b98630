"""Calls that are made again."""

from again.policy import Policy
from again.retry import GaveUp, retry

__all__ = ["GaveUp", "Policy", "retry"]
