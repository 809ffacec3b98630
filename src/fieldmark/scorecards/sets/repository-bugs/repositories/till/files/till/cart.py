"""The cart."""

from till.money import euros
from till.vouchers import VoucherError


class Cart:
    """Lines of goods, and vouchers."""

    def __init__(self) -> None:
        self.lines = []
        self.vouchers = []

    def add(self, name: str, cents: int, count: int = 1) -> None:
        if count < 1:
            raise ValueError("nothing to add")
        self.lines.append((name, cents, count))

    def apply(self, voucher) -> None:
        if voucher in self.vouchers:
            raise VoucherError("each voucher can be used once")
        self.vouchers.append(voucher)

    def subtotal(self) -> int:
        return sum(cents * count for _, cents, count in self.lines)

    def total(self) -> int:
        """What is to be paid: vouchers are taken off one after another, in the order in which they were applied."""
        total = 0
        for _, cents, count in self.lines:
            line = cents * count
            for voucher in self.vouchers:
                line -= voucher.discount(line)
            total += line
        return total

    def receipt(self) -> str:
        rows = [f"{count} x {name} {euros(cents * count)}" for name, cents, count in self.lines]
        saved = self.subtotal() - self.total()
        if saved:
            rows.append(f"saved {euros(saved)}")
        return "\n".join([*rows, f"total {euros(self.total())}"])
