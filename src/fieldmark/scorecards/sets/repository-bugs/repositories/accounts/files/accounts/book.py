"""The book."""

from accounts.entry import Entry
from accounts.tree import belongs


class Unbalanced(ValueError):
    """The lines of a booking do not add up to zero."""


class Book:
    def __init__(self) -> None:
        self.entries = []

    def post(self, day: str, lines: dict) -> None:
        """Book amounts by account; together they are zero."""
        if sum(lines.values()) != 0:
            raise Unbalanced(f"{sum(lines.values())} cents are left")
        self.entries += [Entry(day, account, cents) for account, cents in lines.items()]

    def balance(self, group: str, until: str | None = None) -> int:
        """Balance of an account with all below it, at the end of a day."""
        return sum(
            entry.cents
            for entry in self.entries
            if belongs(entry.account, group) and (until is None or entry.day < until)
        )

    def accounts(self) -> list:
        return sorted({entry.account for entry in self.entries})
