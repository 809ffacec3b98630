"""What is kept for somebody."""

from dataclasses import dataclass


@dataclass
class Reservation:
    """Times are minutes."""

    number: int
    goods: dict
    until: int
    state: str = "open"

    def close(self, state: str) -> None:
        self.state = state
