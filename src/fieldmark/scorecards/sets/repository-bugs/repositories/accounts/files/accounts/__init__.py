"""Double-entry bookkeeping."""

from accounts.book import Book, Unbalanced
from accounts.report import statement

__all__ = ["Book", "Unbalanced", "statement"]
