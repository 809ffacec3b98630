"""The ledger: an append-only, chained log of evidence, with texts, people and projections beside it."""

from fieldmark.ledger import state
from fieldmark.ledger._exchange import verify_export
from fieldmark.ledger._ledger import Ledger, field_of
from fieldmark.ledger._projection import PROJECTIONS, Progress, Projection, every_projection
from fieldmark.ledger._reader import Snapshot
from fieldmark.ledger._record import GENESIS, Commitment, Entry, Head, Record, chain, leaf, timestamp
from fieldmark.ledger._transaction import Transaction
from fieldmark.ledger._walk import Verification

__all__ = [
    "GENESIS",
    "PROJECTIONS",
    "Commitment",
    "Entry",
    "Head",
    "Ledger",
    "Progress",
    "Projection",
    "Record",
    "Snapshot",
    "Transaction",
    "Verification",
    "chain",
    "every_projection",
    "field_of",
    "leaf",
    "state",
    "timestamp",
    "verify_export",
]
