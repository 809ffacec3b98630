"""The arena's tables: a view of the ledger that can be thrown away and computed again from its records."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table

from fieldmark.arena import _shadow_tables
from fieldmark.arena._metadata import METADATA

battles = Table(
    "arena_battles",
    METADATA,
    Column("id", String, primary_key=True),
    Column("voter", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("source", String, nullable=False),
    Column("category", String),
    Column("language", String),
    Column("a", String, nullable=False),
    Column("b", String, nullable=False),
    Column("propensity", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("started", BigInteger, nullable=False),  # ledger index
    Column("vote", String),
    Column("voted_at", String),
    Column("choice", String),
    Column("partial", Boolean),
    Column("counts", Boolean),
    Column("not_counted", String),
    Column("remarked", Boolean, nullable=False, default=False),
    Column("undone", Integer, nullable=False),  # votes taken back while the round stayed open
    Index("arena_battles_voter", "voter", "started"),
    Index("arena_battles_state", "state", "started"),
)

turns = Table(
    "arena_turns",
    METADATA,
    Column("battle", String, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("prompt", String, nullable=False),  # text id
)

answers = Table(
    "arena_answers",
    METADATA,
    Column("battle", String, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("side", String, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("text", String),  # text id
    Column("finish", String, nullable=False),
    Column("failure", String),
    Column("leak", Boolean, nullable=False),
    Column("hung", Boolean, nullable=False),
    Column("ms_to_first", Integer),
    Column("ms", Integer, nullable=False),
    Column("answer_tokens", Integer),
    Column("cost", Float),
    Column("told", Boolean, nullable=False),  # counted in arena_stats: only once the round is closed
)

counts = Table(
    "arena_counts",
    METADATA,
    Column("source", String, primary_key=True),
    Column("category", String, primary_key=True),  # "" is all categories
    Column("first", String, primary_key=True),  # the smaller digest of the pair
    Column("second", String, primary_key=True),
    Column("wins_first", Integer, nullable=False),
    Column("wins_second", Integer, nullable=False),
    Column("ties", Integer, nullable=False),
    Column("both_bad", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),  # ledger index of the last change
    Index("arena_counts_at", "at"),
    sqlite_with_rowid=False,
)

voters = Table(
    "arena_voters",
    METADATA,
    Column("source", String, primary_key=True),
    Column("category", String, primary_key=True),
    Column("voter", String, primary_key=True),
    Column("votes", Integer, nullable=False),
    sqlite_with_rowid=False,
)

totals = Table(
    "arena_totals",
    METADATA,
    Column("source", String, primary_key=True),
    Column("category", String, primary_key=True),
    Column("key", String, primary_key=True),  # "browsers", or "not_counted:REASON"
    Column("n", Integer, nullable=False),
)

stats = Table(
    "arena_stats",
    METADATA,
    Column("contender", String, primary_key=True),
    Column("key", String, primary_key=True),  # see _projection.answer_keys
    Column("n", Integer, nullable=False),
    Column("amount", Float, nullable=False),
)

ALL = (battles, turns, answers, counts, voters, totals, stats, *_shadow_tables.ALL)
