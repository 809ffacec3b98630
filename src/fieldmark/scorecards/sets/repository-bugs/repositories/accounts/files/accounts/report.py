"""For people."""

from accounts.book import Book
from accounts.tree import belongs, depth


def statement(book: Book, group: str) -> list:
    """Each account of a group with its balance, indented."""
    return [
        f"{'  ' * depth(account)}{account}: {book.balance(account)}"
        for account in book.accounts()
        if belongs(account, group)
    ]
