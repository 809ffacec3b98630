"""Prices a shopping cart."""

from till.cart import Cart
from till.vouchers import Fixed, Percent, VoucherError

__all__ = ["Cart", "Fixed", "Percent", "VoucherError"]
