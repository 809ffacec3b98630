"""What is booked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One line of a booking; dates are texts YYYY-MM-DD."""

    day: str
    account: str
    cents: int
