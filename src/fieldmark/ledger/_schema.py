"""The ledger's own tables. `migrations/` creates them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

# SQLite's rowid is its fastest key, and only a column of type INTEGER is one.
Big = BigInteger().with_variant(Integer, "sqlite")

records = Table(
    "records",
    metadata,
    Column("index", Big, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("type", String, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Index("records_type_index", "type", "index"),
)
"""The log: `raw` is the record, `hash` its leaf in the tree; `id` and `type` repeat what `raw` says."""

nodes = Table(
    "nodes",
    metadata,
    Column("height", Integer, primary_key=True, autoincrement=False),
    Column("position", Big, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The tree's inner nodes at heights 8, 16, 24, ...; the leaves are in `records`."""

heads = Table(
    "heads",
    metadata,
    Column("field", String, primary_key=True),
    Column("size", Big, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("frontier", LargeBinary),
    Column("key", String),
    Column("signature", LargeBinary),
)
"""One row: the field of this database and its head: size, root, peaks of the tree (32 bytes each), the public key in
force (hex) and its signature."""

texts = Table(
    "texts",
    metadata,
    Column("text_id", String, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""Texts of people and contenders in UTF-8 (as bytes, since PostgreSQL's text type refuses U+0000)."""

people = Table(
    "people",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    Column("pseudonym", String, nullable=False, unique=True),
)
"""Links from what a person holds (a cookie) to their pseudonym. Deleting the row is forgetting who it was."""

projections = Table(
    "projections",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("size", Big, nullable=False),
)
"""Up to which size of the log each projection was computed, and by which version of its code."""
