"""The log becomes a Merkle tree: leaf hashes, inner nodes, a head with peaks, key and signature."""

import hashlib

import sqlalchemy as sa
from alembic import op

from fieldmark.errors import BrokenLedger
from fieldmark.ledger._tree import Frontier, leaf

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
records = sa.table(
    "records",
    sa.column("index", big),
    sa.column("hash", sa.LargeBinary),
    sa.column("raw", sa.LargeBinary),
)
heads = sa.table(
    "heads", sa.column("size", big), sa.column("hash", sa.LargeBinary), sa.column("frontier", sa.LargeBinary)
)
PAGE = 1000


def upgrade() -> None:
    op.add_column("heads", sa.Column("frontier", sa.LargeBinary))
    op.add_column("heads", sa.Column("key", sa.String))
    op.add_column("heads", sa.Column("signature", sa.LargeBinary))
    nodes = op.create_table(
        "nodes",
        sa.Column("height", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", big, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    _turn_over(op.get_bind(), nodes)


def _turn_over(connection: sa.Connection, nodes: sa.Table) -> None:
    """Leaf hashes in place of the chain's, which is checked on the way: else a change would be signed as sound."""
    head = connection.execute(sa.select(heads.c.size, heads.c.hash)).one_or_none()
    if head is None:
        return
    frontier, chain = Frontier(), bytes(32)
    page = sa.select(records).order_by(records.c.index).limit(PAGE)
    change = sa.update(records).where(records.c.index == sa.bindparam("at")).values(hash=sa.bindparam("leaf"))
    while rows := connection.execute(page.where(records.c.index >= frontier.size)).all():
        changed, kept = [], []
        for index, digest, raw in rows:
            hashed = leaf(raw)
            chain = hashlib.sha256(chain + hashed).digest()
            if index != frontier.size or chain != digest:
                raise BrokenLedger("does not chain to the one before; nothing was changed", index=index)
            changed.append({"at": index, "leaf": hashed})
            kept += frontier.append(hashed)
        connection.execute(change, changed)
        if kept:
            connection.execute(
                sa.insert(nodes),
                [dict(zip(("height", "position", "hash"), each, strict=True)) for each in kept],
            )
    if (frontier.size, chain) != tuple(head):
        raise BrokenLedger(
            f"the records end at {frontier.size}, but the head says {head.size}; nothing was changed"
        )
    connection.execute(sa.update(heads).values(hash=frontier.root(), frontier=frontier.pack()))
