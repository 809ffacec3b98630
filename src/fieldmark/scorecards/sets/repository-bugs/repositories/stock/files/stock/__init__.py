"""Goods and reservations."""

from stock.store import NotEnough, Store

__all__ = ["NotEnough", "Store"]
