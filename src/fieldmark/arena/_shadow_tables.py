"""Tables of shadowed cases: what can be judged, by whom not, and who did."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table

from fieldmark.arena._metadata import METADATA

shadows = Table(
    "arena_shadows",
    METADATA,
    Column("battle", String, primary_key=True),
    Column("case", String, nullable=False),
    Column("a", String, nullable=False),  # digest of the one that served the case
    Column("b", String, nullable=False),
    Column("request", String, nullable=False),  # text ids
    Column("text_a", String, nullable=False),
    Column("text_b", String, nullable=False),
    Column("category", String),
    Column("language", String),
    Column("propensity", Float, nullable=False),
    Column("started", BigInteger, nullable=False),  # ledger index
    Column("votes", Integer, nullable=False),  # that were not taken back
    Column("served", Integer, nullable=False),  # counted votes that prefer a
    Column("other", Integer, nullable=False),  # that prefer b
    Column("neither", Integer, nullable=False),  # ties and both bad
    Column("gone", Boolean, nullable=False),  # its texts were erased
    Index("arena_shadows_queue", "gone", "votes", "started"),
    Index("arena_shadows_case", "case"),
    Index("arena_shadows_request", "request"),
    Index("arena_shadows_text_a", "text_a"),
    Index("arena_shadows_text_b", "text_b"),
)

shadow_votes = Table(
    "arena_shadow_votes",
    METADATA,
    Column("battle", String, primary_key=True),
    Column("voter", String, primary_key=True),
    Column("vote", String, nullable=False),
    Column("a", String, nullable=False),  # digest on the voter's screen side a
    Column("choice", String, nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("not_counted", String),
    Column("remarked", Boolean, nullable=False),
    Column("retracted", Boolean, nullable=False),
)

knows = Table(
    "arena_knows",
    METADATA,
    Column("case", String, primary_key=True),
    Column("person", String, primary_key=True),  # has seen which answer was served: never judges it
)

ALL = (shadows, shadow_votes, knows)
