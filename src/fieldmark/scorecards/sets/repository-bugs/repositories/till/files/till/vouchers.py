"""What makes a cart cheaper."""

from dataclasses import dataclass

from till.money import percent_of


class VoucherError(ValueError):
    """A voucher cannot be used."""


@dataclass(frozen=True)
class Percent:
    """So many percent off."""

    percent: int

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise VoucherError(f"{self.percent} percent")

    def discount(self, cents: int) -> int:
        return percent_of(cents, self.percent)


@dataclass(frozen=True)
class Fixed:
    """So many cents off, never more than there is to pay."""

    cents: int

    def discount(self, cents: int) -> int:
        return min(self.cents, cents)
