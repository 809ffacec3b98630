"""How often, and after which pause."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """`attempts` calls at most; pauses start with `first` seconds and double, up to `longest`."""

    attempts: int = 3
    first: float = 1.0
    longest: float = 30.0
    errors: tuple = (ConnectionError, TimeoutError)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("at least one attempt is needed")

    def pause(self, number: int) -> float:
        """Seconds after attempt `number`, counted from 1."""
        return min(self.first * 2**number, self.longest)
