"""The ledger: an append-only Merkle log of evidence, with texts, people and projections beside it."""

from fieldmark.ledger import state
from fieldmark.ledger._backup import back_up, restore, set_aside
from fieldmark.ledger._copy import copy_ledger
from fieldmark.ledger._elsewhere import Presence
from fieldmark.ledger._erase import Trail, held_texts, links_of, subject_of
from fieldmark.ledger._exchange import export_field, verify_export
from fieldmark.ledger._ids import random_id
from fieldmark.ledger._keys import SignedHead, Signer, checkpoint
from fieldmark.ledger._ledger import Ledger, field_of
from fieldmark.ledger._many import Piece
from fieldmark.ledger._prepared import Prepared, Row, drive
from fieldmark.ledger._projection import PROJECTIONS, Batch, Progress, Projection, every_projection
from fieldmark.ledger._proof import ConsistencyProof, InclusionProof, verify_consistency, verify_proof
from fieldmark.ledger._reader import Snapshot
from fieldmark.ledger._record import Commitment, Entry, Head, Record, timestamp
from fieldmark.ledger._sweep import Erased, erase, replay_erasures, sweep, write_register
from fieldmark.ledger._transaction import Transaction
from fieldmark.ledger._tree import extends, includes, leaf
from fieldmark.ledger._walk import Verification
from fieldmark.ledger._witness import witness, witnessed_heads

__all__ = [
    "PROJECTIONS",
    "Batch",
    "Commitment",
    "ConsistencyProof",
    "Entry",
    "Erased",
    "Head",
    "InclusionProof",
    "Ledger",
    "Piece",
    "Prepared",
    "Presence",
    "Progress",
    "Projection",
    "Record",
    "Row",
    "SignedHead",
    "Signer",
    "Snapshot",
    "Trail",
    "Transaction",
    "Verification",
    "back_up",
    "checkpoint",
    "copy_ledger",
    "drive",
    "erase",
    "every_projection",
    "export_field",
    "extends",
    "field_of",
    "held_texts",
    "includes",
    "leaf",
    "links_of",
    "random_id",
    "replay_erasures",
    "restore",
    "set_aside",
    "state",
    "subject_of",
    "sweep",
    "timestamp",
    "verify_consistency",
    "verify_export",
    "verify_proof",
    "witness",
    "witnessed_heads",
    "write_register",
]
